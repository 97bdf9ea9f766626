"""Checkpoints with the tensors and configs of MMAction2, small and with random weights.

The library cannot be a dependency of the tests: its wheel lacks a module that it imports. So the networks are those of
`mmaction_networks.py`; `mmaction_library.py` loads the checkpoints into the library's own classes, where it is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from app.contract.network import StreamName
from benchmarks.architectures.case import Case, Inputs, SavedNetwork
from benchmarks.architectures.mmaction_networks import (
    CLASSES,
    Factored,
    Kind,
    Recognizer,
    SlowFastRecognizer,
    conv2d,
    conv3d,
)

LABELS = ("hop", "skip", "jump")
RGB = "mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]"
SIZE = 32
EPSILON = 1e-3  # of the R(2+1)D


def config_text(model: str, pipeline: str, scaling: str) -> str:
    """Return the config that the library keeps in the checkpoint of a network with this backbone and this head."""
    return f"""default_scope = 'mmaction'
clip_len = 1
model = dict(
    type='Recognizer{"2D" if "NCHW" in scaling else "3D"}',
    {model},
    data_preprocessor=dict(type='ActionDataPreprocessor', {scaling}),
    train_cfg=None,
    test_cfg=None)
val_pipeline = [
    dict(type='DecordInit'),
    dict(type='SampleFrames', {pipeline}, test_mode=True),
    dict(type='DecordDecode'),
    dict(type='Resize', scale=(-1, 36)),
    dict(type='CenterCrop', crop_size={SIZE}),
    dict(type='PackActionInputs')
]
"""


STAGES_2D = "num_stages=2, out_indices=(1, ), strides=(1, 2), dilations=(1, 1), pretrained=None"
STAGES_3D = (
    "num_stages=2, stage_blocks=(1, 1), out_indices=(1, ), spatial_strides=(1, 2), dilations=(1, 1), pretrained=None"
)


@dataclass(frozen=True)
class Network:
    """A network, and the texts of its backbone, its head and how clips are sampled in the library's config."""

    build: Callable[[], nn.Module]
    backbone: str
    head: str
    pipeline: str
    scaling: str

    @property
    def is_2d(self) -> bool:
        """Return whether it takes frames (B, T, C, H, W), each alone, and not clips (B, C, T, H, W)."""
        return self.scaling.endswith("'NCHW'")

    @property
    def config(self) -> str:
        model = f"backbone=dict({self.backbone}),\n    cls_head=dict({self.head}, num_classes={CLASSES})"
        return config_text(model, self.pipeline, self.scaling)


SCALED_2D, SCALED_3D = f"{RGB}, format_shape='NCHW'", f"{RGB}, format_shape='NCTHW'"
SLOW = Kind(conv3d, width=16, stem=(1, 1), is_bottleneck=True, inflated=(False, True), joined=4)
FAST = Kind(conv3d, width=2, stem=(5, 1), is_bottleneck=True, inflated=(True, True))
NETWORKS: dict[str, Network] = {
    "TSN": Network(
        partial(Recognizer, Kind(conv2d, blocks=2)),
        f"type='ResNet', depth=18, {STAGES_2D}",
        "type='TSNHead', in_channels=128",
        "clip_len=1, frame_interval=1, num_clips=3",
        SCALED_2D,
    ),
    "TSN flow": Network(
        partial(Recognizer, Kind(conv2d, inputs=10, blocks=2)),
        f"type='ResNet', depth=18, in_channels=10, {STAGES_2D}",
        "type='TSNHead', in_channels=128",
        "clip_len=5, frame_interval=1, num_clips=3",
        f"mean={[128, 128] * 5}, std={[128, 128] * 5}, format_shape='NCHW'",
    ),
    "TSM": Network(
        partial(Recognizer, Kind(conv2d, stages=4, blocks=2, segments=4)),  # the library's has four stages always
        "type='ResNetTSM', depth=18, num_segments=4, shift_div=8, pretrained=None, pretrained2d=False",
        "type='TSMHead', in_channels=512, num_segments=4",
        "clip_len=1, frame_interval=1, num_clips=4",
        SCALED_2D,
    ),
    "I3D": Network(
        partial(
            Recognizer,
            Kind(
                conv3d,
                width=8,
                stem=(5, 2),
                pool_step=2,
                is_bottleneck=True,
                inflated=(True, False),
                halves_frames=True,
            ),
        ),
        "type='ResNet3d', depth=50, base_channels=8, pretrained2d=False, conv1_kernel=(5, 7, 7), conv1_stride_t=2, "
        f"pool1_stride_t=2, temporal_strides=(1, 1), inflate=((1, ), (0, )), {STAGES_3D}",
        "type='I3DHead', in_channels=64",
        "clip_len=16, frame_interval=2, num_clips=1",
        SCALED_3D,
    ),
    "SlowOnly": Network(
        partial(Recognizer, Kind(conv3d, width=8, is_bottleneck=True, inflated=(False, True))),
        "type='ResNet3dSlowOnly', depth=50, base_channels=8, lateral=False, pretrained2d=False, "
        f"temporal_strides=(1, 1), inflate=(0, 1), {STAGES_3D}",
        "type='I3DHead', in_channels=64",
        "clip_len=4, frame_interval=16, num_clips=1",
        SCALED_3D,
    ),
    "SlowFast": Network(
        partial(SlowFastRecognizer, SLOW, FAST, 4),
        "type='ResNet3dSlowFast', pretrained=None, resample_rate=4, speed_ratio=4, channel_ratio=8, "
        "slow_pathway=dict(type='resnet3d', depth=50, base_channels=16, lateral=True, conv1_kernel=(1, 7, 7), "
        f"inflate=(0, 1), temporal_strides=(1, 1), {STAGES_3D}), "
        "fast_pathway=dict(type='resnet3d', depth=50, base_channels=2, lateral=False, conv1_kernel=(5, 7, 7), "
        f"inflate=(1, 1), temporal_strides=(1, 1), {STAGES_3D})",
        "type='SlowFastHead', in_channels=144",
        "clip_len=16, frame_interval=2, num_clips=1",
        SCALED_3D,
    ),
    "R(2+1)D": Network(
        partial(Recognizer, Kind(Factored, width=8, stem=(3, 1), inflated=(True, True), steps=(1, 2), epsilon=EPSILON)),
        "type='ResNet2Plus1d', depth=18, base_channels=8, pretrained2d=False, conv_cfg=dict(type='Conv2plus1d'), "
        f"norm_cfg=dict(type='BN3d', requires_grad=True, eps={EPSILON}), conv1_kernel=(3, 7, 7), "
        f"temporal_strides=(1, 2), inflate=(1, 1), {STAGES_3D}",
        "type='I3DHead', in_channels=16",
        "clip_len=8, frame_interval=8, num_clips=1",
        SCALED_3D,
    ),
}


def make(network: Network, seed: int = 3) -> nn.Module:
    """Return a network with random weights and the statistics of its features over random clips."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network.build()
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
                part.momentum = None  # the mean of what it sees
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.normal_(part.bias, std=0.2)
        channels = 10 if "in_channels=10" in network.backbone else 3
        model(torch.randn((4, 4, channels, SIZE, SIZE) if network.is_2d else (4, 3, 16, SIZE, SIZE)))
    return model.eval().requires_grad_(False)


def save(network: Network, path: Path, **changes: object) -> nn.Module:
    """Save a checkpoint as the library does, with changed entries of its `meta`; return the network."""
    model = make(network)
    meta = {"epoch": 100, "iter": 1, "cfg": network.config, "dataset_meta": {"classes": list(LABELS)}}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"meta": meta | changes, "state_dict": model.state_dict()}, path)
    return model


def rgb_pixels(clip: Tensor) -> Tensor:
    """Return RGB in [-1, 1], (B, 3, ...), as the library scales its bytes."""
    shape = (1, 3, *[1] * (clip.ndim - 2))
    mean, deviation = (torch.tensor(v).view(shape) for v in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))
    return ((clip + 1) * 127.5 - mean) / deviation


def save_case(name: str, folder: Path) -> SavedNetwork:
    """Save a network of one stream, and return what is tried of it."""
    path = folder / f"{name.lower()}.pth"
    network = NETWORKS[name]
    model = save(network, path)

    def logits(inputs: Inputs) -> Tensor:
        pixels = rgb_pixels(inputs[StreamName.CLIP])
        return model(pixels.transpose(1, 2) if network.is_2d else pixels)  # type: ignore[no-any-return]

    return SavedNetwork(path, logits)


def flow_pixels(flow: Tensor) -> Tensor:
    """Return flow in px / 20, (B, 2L, H, W), as the library scales the bytes that it is stored as."""
    return ((flow + 1) * 127.5 - 128) / 128


def save_two_stream(folder: Path) -> SavedNetwork:
    """Save a TSN of RGB and one of flow, whose scores are averaged."""
    rgb, flow = folder / "rgb.pth", folder / "flow.pth"
    appearance, motion = save(NETWORKS["TSN"], rgb), save(NETWORKS["TSN flow"], flow)

    def logits(inputs: Inputs) -> Tensor:
        frame, fields = rgb_pixels(inputs[StreamName.APPEARANCE]), flow_pixels(inputs[StreamName.MOTION])
        return (appearance(frame[:, None]) + motion(fields[:, None])) / 2  # type: ignore[no-any-return]

    return SavedNetwork(rgb, logits, motion=flow)


CASES = (
    *(
        Case(f"{name} (MMAction2)", "torch", partial(save_case, name), middle)
        for name, middle in (
            ("TSN", "layer1.1"),
            ("TSM", "layer2.0.conv1"),
            ("I3D", "layer1.0"),
            ("SlowOnly", "layer2.0"),
            ("SlowFast", "slow.layer1_lateral"),
            ("R(2+1)D", "layer2.0.conv1.spatial"),
        )
    ),
    Case("TSN, two streams (MMAction2)", "torch", save_two_stream, "motion.layer1.1"),
)

"""Networks with the tensors and configs of MMAction2, in plain PyTorch, with frames folded into the batch as there.

The library cannot be a dependency of the tests: its wheel lacks a module that it imports. These networks are written
apart from worker/networks/families; `mmaction_library.py` loads their checkpoints into the library's own classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.contract.network import StreamName
from benchmarks.architectures.case import Case, Inputs, SavedNetwork

LABELS = ("hop", "skip", "jump")
RGB = "mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]"
SIZE = 32
EPSILON = 1e-3  # of the R(2+1)D


class ConvModule(nn.Module):
    """A convolution of one or three dimensions more than channels, its normalisation and perhaps a ReLU."""

    def __init__(self, conv: nn.Module, units: int, *, relu: bool = True, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.conv, self.relu = conv, relu
        flat = isinstance(conv, nn.Conv2d | Shifted)
        self.bn = nn.BatchNorm2d(units, epsilon) if flat else nn.BatchNorm3d(units, epsilon)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return F.relu(x) if self.relu else x


class Shifted(nn.Module):
    """A convolution whose input has an eighth of its channels from the next frame, and one from the frame before."""

    def __init__(self, net: nn.Module, segments: int) -> None:
        super().__init__()
        self.net, self.segments = net, segments

    def forward(self, x: Tensor) -> Tensor:
        clips = x.unflatten(0, (-1, self.segments))
        fold = clips.shape[2] // 8
        moved = torch.zeros_like(clips)
        moved[:, :-1, :fold] = clips[:, 1:, :fold]
        moved[:, 1:, fold : 2 * fold] = clips[:, :-1, fold : 2 * fold]
        moved[:, :, 2 * fold :] = clips[:, :, 2 * fold :]
        return self.net(moved.flatten(0, 1))  # type: ignore[no-any-return]


class Factored(nn.Module):
    """A convolution in space and one in time, with fewer channels between them."""

    def __init__(self, inputs: int, units: int, kernel: Sequence[int], stride: Sequence[int]) -> None:
        super().__init__()
        (t, h, w), (steps, *strides) = kernel, stride
        middle = 3 * inputs * units * h * w // (inputs * h * w + 3 * units)
        self.conv_s = nn.Conv3d(inputs, middle, (1, h, w), (1, *strides), (0, h // 2, w // 2), bias=False)
        self.bn_s = nn.BatchNorm3d(middle)
        self.conv_t = nn.Conv3d(middle, units, (t, 1, 1), (steps, 1, 1), (t // 2, 0, 0), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_t(F.relu(self.bn_s(self.conv_s(x))))  # type: ignore[no-any-return]


Convolve = Callable[[int, int, Sequence[int], Sequence[int]], nn.Module]  # inputs, units, kernel and stride (t, h, w)


def conv2d(inputs: int, units: int, kernel: Sequence[int], stride: Sequence[int]) -> nn.Module:
    """Return a convolution of single frames."""
    return nn.Conv2d(inputs, units, kernel[1:], stride[1:], [k // 2 for k in kernel[1:]], bias=False)


def conv3d(inputs: int, units: int, kernel: Sequence[int], stride: Sequence[int]) -> nn.Module:
    """Return a convolution of frames."""
    return nn.Conv3d(inputs, units, tuple(kernel), tuple(stride), [k // 2 for k in kernel], bias=False)


@dataclass(frozen=True)
class Kind:
    """How a residual network is made of blocks."""

    convolve: Convolve
    inputs: int = 3
    width: int = 64
    stem: tuple[int, int] = (1, 1)  # frames of its first convolution, and their stride
    pool_step: int = 1  # of the stem's pool in time
    is_bottleneck: bool = False
    inflated: tuple[bool, ...] = (False, False)  # for each stage
    steps: tuple[int, ...] = (1, 1)  # of each stage in time
    halves_frames: bool = False
    segments: int = 0  # whose frames are shifted
    joined: int = 0  # channels of the other pathway that come to the first stage beside its own
    blocks: int = 1  # of each stage
    epsilon: float = 1e-5


class Block(nn.Module):
    def __init__(self, kind: Kind, inputs: int, stage: int, number: int) -> None:
        super().__init__()
        width = kind.width * 2**stage
        units = width * (4 if kind.is_bottleneck else 1)
        t = 3 if kind.inflated[stage] else 1
        space, step = (2 if stage and not number else 1), (1 if number else kind.steps[stage])
        stride, one = (step, space, space), (1, 1, 1)
        if kind.is_bottleneck:
            shapes = [(inputs, width, (t, 1, 1), one), (width, width, (1, 3, 3), stride), (width, units, one, one)]
        else:
            shapes = [(inputs, width, (t, 3, 3), stride), (width, units, (t, 3, 3), one)]
        self.count = len(shapes)
        for number, (before, after, kernel, own) in enumerate(shapes, 1):
            conv = kind.convolve(before, after, kernel, own)
            conv = Shifted(conv, kind.segments) if kind.segments and number == 1 else conv
            self.add_module(f"conv{number}", ConvModule(conv, after, relu=number < self.count, epsilon=kind.epsilon))
        self.downsample: nn.Module | None = None
        if space > 1 or inputs != units:
            conv = kind.convolve(inputs, units, one, stride)
            self.downsample = ConvModule(conv, units, relu=False, epsilon=kind.epsilon)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.count + 1):
            y = self.get_submodule(f"conv{number}")(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Backbone(nn.Module):
    """A stem and two stages."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        frames, step = kind.stem
        stem = kind.convolve(kind.inputs, kind.width, (frames, 7, 7), (step, 2, 2))
        self.conv1 = ConvModule(stem, kind.width, epsilon=kind.epsilon)
        units = kind.width * (4 if kind.is_bottleneck else 1)
        rest = range(1, kind.blocks)
        first = Block(kind, kind.width + kind.joined, 0, 0)
        self.layer1 = nn.Sequential(first, *(Block(kind, units, 0, number) for number in rest))
        first = Block(kind, units + kind.joined * units // kind.width, 1, 0)
        self.layer2 = nn.Sequential(first, *(Block(kind, 2 * units, 1, number) for number in rest))
        self.units = 2 * units

    def stem(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        if x.ndim == 4:
            return F.max_pool2d(x, 3, 2, 1)
        return F.max_pool3d(x, (1, 3, 3), (self.kind.pool_step, 2, 2), (0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(self.stem(x))
        x = F.max_pool3d(x, (2, 1, 1), (2, 1, 1)) if self.kind.halves_frames else x
        return self.layer2(x)  # type: ignore[no-any-return]


class Head(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.fc_cls = nn.Linear(units, len(LABELS))


class Recognizer(nn.Module):
    """A network as the library runs it, on pixels that are scaled."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.backbone = Backbone(kind)
        self.cls_head = Head(self.backbone.units)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of clips (B, C, T, H, W), or of frames (B, T, C, H, W) where it sees frames alone."""
        if isinstance(self.backbone.conv1.bn, nn.BatchNorm3d):
            return self.cls_head.fc_cls(self.backbone(x).mean((2, 3, 4)))  # type: ignore[no-any-return]
        scores = self.cls_head.fc_cls(self.backbone(x.flatten(0, 1)).mean((2, 3)))
        return scores.unflatten(0, x.shape[:2]).mean(1)  # type: ignore[no-any-return]


class SlowFastBackbone(nn.Module):
    def __init__(self, slow: Kind, fast: Kind, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio
        self.slow_path, self.fast_path = Backbone(slow), Backbone(fast)
        for name, units in (("conv1_lateral", fast.width), ("layer1_lateral", 4 * fast.width)):
            lateral = nn.Module()
            lateral.conv = nn.Conv3d(units, 2 * units, (5, 1, 1), (ratio, 1, 1), (2, 0, 0), bias=False)
            self.slow_path.add_module(name, lateral)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of both pathways' features, the fast one's first."""
        slow, fast = self.slow_path.stem(x[:, :, :: self.ratio]), self.fast_path.stem(x)
        for number in (1, 2):
            lateral = self.slow_path.get_submodule("conv1_lateral" if number == 1 else "layer1_lateral").conv
            slow = torch.cat([slow, lateral(fast)], 1)  # type: ignore[operator]
            slow, fast = (path.get_submodule(f"layer{number}")(x) for path, x in ((self.slow_path, slow), (self.fast_path, fast)))
        return torch.cat([fast.mean((2, 3, 4)), slow.mean((2, 3, 4))], 1)


class SlowFastRecognizer(nn.Module):
    def __init__(self, slow: Kind, fast: Kind, ratio: int) -> None:
        super().__init__()
        self.backbone = SlowFastBackbone(slow, fast, ratio)
        self.cls_head = Head(self.backbone.slow_path.units + self.backbone.fast_path.units)

    def forward(self, x: Tensor) -> Tensor:
        return self.cls_head.fc_cls(self.backbone(x))  # type: ignore[no-any-return]


def config_text(model: str, pipeline: str, scaling: str) -> str:
    """Return the config that the library keeps in the checkpoint of a network with this backbone and this head."""
    return f"""default_scope = 'mmaction'
clip_len = 1
model = dict(
    type='Recognizer{'2D' if 'NCHW' in scaling else '3D'}',
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
    def config(self) -> str:
        model = f"backbone=dict({self.backbone}),\n    cls_head=dict({self.head}, num_classes={len(LABELS)})"
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
        partial(Recognizer, Kind(conv2d, blocks=2, segments=4)),
        f"type='ResNetTSM', depth=18, num_segments=4, shift_div=8, pretrained2d=False, {STAGES_2D}",
        "type='TSMHead', in_channels=128, num_segments=4",
        "clip_len=1, frame_interval=1, num_clips=4",
        SCALED_2D,
    ),
    "I3D": Network(
        partial(
            Recognizer,
            Kind(conv3d, width=8, stem=(5, 2), pool_step=2, is_bottleneck=True, inflated=(True, False), halves_frames=True),
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
        f"norm_cfg=dict(type='BN3d', requires_grad=True, eps={EPSILON}), conv1_kernel=(3, 7, 7), temporal_strides=(1, 2), "
        f"inflate=(1, 1), {STAGES_3D}",
        "type='I3DHead', in_channels=16",
        "clip_len=8, frame_interval=8, num_clips=1",
        SCALED_3D,
    ),
}


def make(name: str, seed: int = 3) -> nn.Module:
    """Return a network with random weights and the statistics of its features over random clips."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = NETWORKS[name].build()
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
                part.momentum = None  # the mean of what it sees
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.normal_(part.bias, std=0.2)
        channels = 10 if name == "TSN flow" else 3
        model(torch.randn(4, 4, channels, SIZE, SIZE) if "2D" in NETWORKS[name].config else torch.randn(4, 3, 16, SIZE, SIZE))
    return model.eval().requires_grad_(False)


def save(name: str, path: Path, **changes: object) -> nn.Module:
    """Save a checkpoint as the library does, with changed entries of its `meta`; return the network."""
    model = make(name)
    meta = {"epoch": 100, "iter": 1, "cfg": NETWORKS[name].config, "dataset_meta": {"classes": list(LABELS)}}
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
    model = save(name, path)

    def logits(inputs: Inputs) -> Tensor:
        pixels = rgb_pixels(inputs[StreamName.CLIP])
        return model(pixels.transpose(1, 2) if "2D" in NETWORKS[name].config else pixels)  # type: ignore[no-any-return]

    return SavedNetwork(path, logits)


CASES = tuple(
    Case(name, "mmaction", partial(save_case, name), middle)
    for name, middle in (
        ("TSN", "layer1.1"),
        ("TSM", "layer2.0.conv1"),
        ("I3D", "layer1.0"),
        ("SlowOnly", "layer2.0"),
        ("SlowFast", "slow.layer1_lateral"),
        ("R(2+1)D", "layer2.0.conv1.spatial"),
    )
)

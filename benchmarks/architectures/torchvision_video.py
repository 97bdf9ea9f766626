"""Small video models of torchvision with random weights, saved as its training script saves them."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.network import StreamName
from benchmarks.architectures.case import Case, Inputs, SavedNetwork
from worker.networks.families.torchvision_video import import_video_models

LABELS = ("hop", "skip", "jump")
Clip = tuple[int, int, int]  # frames, height, width
TINY, SMALL, LEAST_OF_S3D = (4, 16, 16), (4, 32, 32), (14, 209, 209)  # S3D ends with a window of 2 x 7 x 7 positions
NETS = {"r3d": "Conv3DSimple", "mc3": "Conv3DNoTemporal", "r2plus1d": "Conv2Plus1D"}  # all layers but the first of mc3


@dataclass(frozen=True)
class Small:
    """A small model: how it is built, and whose preprocessing it has."""

    name: str
    build: Callable[[Any], nn.Module]  # from torchvision.models.video
    weights: str  # in the library
    middle: str
    clip: Clip = SMALL


def build_resnet(kind: str, video: Any) -> nn.Module:
    """Build a video ResNet with one block in each layer."""
    resnet = video.resnet
    makers = [getattr(resnet, NETS[kind])] * 4
    if kind == "mc3":
        makers[0] = resnet.Conv3DSimple
    stem = resnet.R2Plus1dStem if kind == "r2plus1d" else resnet.BasicStem
    return video.VideoResNet(resnet.BasicBlock, makers, [1, 1, 1, 1], stem, num_classes=len(LABELS))  # type: ignore[no-any-return]


def build_s3d(video: Any) -> nn.Module:
    """Build S3D, which has one size."""
    return video.S3D(num_classes=len(LABELS))  # type: ignore[no-any-return]


def build_mvit(version: int, video: Any) -> nn.Module:
    """Build a multiscale vision transformer of four blocks, the second and the last of which pool."""
    widths = [16, 16, 32, 32, 64] if version == 2 else [16, 32, 32, 64, 64]
    settings = [
        video.mvit.MSBlockConfig(
            num_heads=(widths[block + 1] if version == 2 else widths[block]) // 16,
            input_channels=widths[block],
            output_channels=widths[block + 1],
            kernel_q=[3, 3, 3] if version == 2 or pools else [],
            kernel_kv=[3, 3, 3],
            stride_q=[1, 2, 2] if pools else [1, 1, 1] if version == 2 else [],
            stride_kv=[1, stride, stride],
        )
        for block, (pools, stride) in enumerate(((False, 4), (True, 2), (False, 2), (True, 1)))
    ]
    return video.MViT(  # type: ignore[no-any-return]
        spatial_size=SMALL[1:],
        temporal_size=SMALL[0],
        block_setting=settings,
        residual_pool=version == 2,
        residual_with_cls_embed=False,
        rel_pos_embed=version == 2,
        proj_after_attn=version == 2,
        num_classes=len(LABELS),
    )


def build_swin(video: Any) -> nn.Module:
    """Build a video Swin transformer of two stages, whose windows are smaller than its maps and shifted."""
    return video.SwinTransformer3d(  # type: ignore[no-any-return]
        patch_size=[2, 4, 4],
        embed_dim=24,
        depths=[2, 2],
        num_heads=[2, 4],
        window_size=[2, 3, 3],
        mlp_ratio=2.0,
        num_classes=len(LABELS),
    )


SMALL_MODELS = {
    small.name: small
    for small in (
        Small("R3D", partial(build_resnet, "r3d"), "R3D_18_Weights", "layer1.0.conv1.1", TINY),
        Small("MC3", partial(build_resnet, "mc3"), "MC3_18_Weights", "layer1.0.conv1.1", TINY),
        Small("R(2+1)D", partial(build_resnet, "r2plus1d"), "R2Plus1D_18_Weights", "layer1.0.conv1.1", TINY),
        Small("S3D", build_s3d, "S3D_Weights", "features.0.0.1", LEAST_OF_S3D),
        Small("MViTv1", partial(build_mvit, 1), "MViT_V1_B_Weights", "blocks.1"),
        Small("MViTv2", partial(build_mvit, 2), "MViT_V2_S_Weights", "blocks.1"),
        Small("Video Swin", build_swin, "Swin3D_T_Weights", "blocks.1"),
    )
}


@cache
def make_model(name: str) -> nn.Module:
    """Return a small model with seeded weights and batch statistics, in eval mode."""
    small = SMALL_MODELS[name]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        model = small.build(import_video_models())
        for path, parameter in model.named_parameters():
            if parameter.ndim == 1 or path.startswith(("fc", "classifier", "head")):
                nn.init.normal_(parameter, 1.0 if path.endswith("weight") else 0.0, std=0.2)
        for part in model.modules():
            if isinstance(part, nn.BatchNorm3d):
                nn.init.normal_(part.running_mean, std=0.2)  # type: ignore[arg-type]
                nn.init.uniform_(part.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    return model.eval()


def save(name: str, path: Path) -> Path:
    """Save a small model as the library's training script does, and return the file."""
    frames, height, width = SMALL_MODELS[name].clip
    options = Namespace(
        clip_len=frames, val_crop_size=[height, width], val_resize_size=[height * 8 // 7, width * 3 // 2], epochs=45
    )
    torch.save({"model": make_model(name).state_dict(), "epoch": 44, "args": options}, path)
    return path


def save_case(name: str, folder: Path) -> SavedNetwork:
    """Save a small model with a file of labels, and return what is tried of it."""
    folder.mkdir()
    labels = folder / "labels.txt"
    labels.write_text("\n".join(LABELS))

    def logits(inputs: Inputs) -> Tensor:
        preset = getattr(import_video_models(), SMALL_MODELS[name].weights).DEFAULT.transforms()
        mean, std = (torch.tensor(values).view(3, 1, 1, 1) for values in (preset.mean, preset.std))
        with torch.no_grad():
            return make_model(name)(((inputs[StreamName.CLIP] + 1) / 2 - mean) / std)  # type: ignore[no-any-return]

    return SavedNetwork(save(name, folder / "model_44.pth"), logits, labels)


CASES = tuple(
    Case(name, "torchvision", partial(save_case, name), middle=small.middle) for name, small in SMALL_MODELS.items()
)

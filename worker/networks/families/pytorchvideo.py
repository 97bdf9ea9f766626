"""Networks of PyTorchVideo and of the SlowFast repository: Slow, SlowFast, X3D, C2D, I3D, CSN, R(2+1)D and MViT.

Each family is an architecture with the clips that its authors train it on. X3D-XS, -S and -M have the same tensors, as
have Slow 4x16 and 8x8: without a config in the checkpoint, the family must be named.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, Stream, StreamName
from worker.networks.labels import kinetics_labels
from worker.networks.pytorchvideo.building import adapt
from worker.networks.pytorchvideo.layers import VideoNetwork
from worker.networks.pytorchvideo.slowfast_names import convert, is_slowfast
from worker.networks.pytorchvideo.structure import Structure, read_structure, without_prefix
from worker.networks.pytorchvideo.training_config import TrainingConfig, apply_config, check_config, lookup, read_config
from worker.networks.registry import Family, Recognised, find_family, register

X3D_L_DEPTH = 5.0  # its depth factor; XS, S and M have the same, 2.2
MVIT_STRIDES = {16: 4, 32: 3}  # of the frames of released networks


@dataclass(frozen=True)
class Variant:
    """A family: an architecture with the clips of a release."""

    name: str
    title: str
    kind: str  # of worker.networks.pytorchvideo.structure
    usual: TrainingConfig


VARIANTS = (
    Variant("pytorchvideo_slow_8x8", "Slow 8x8", "slow", TrainingConfig(8, 8, 224, 256, 256)),
    Variant("pytorchvideo_slow_4x16", "Slow 4x16", "slow", TrainingConfig(4, 16, 224, 256, 256)),
    Variant("pytorchvideo_c2d", "C2D", "c2d", TrainingConfig(8, 8, 224, 256, 256)),
    Variant("pytorchvideo_i3d", "I3D (ResNet)", "i3d_resnet", TrainingConfig(8, 8, 224, 256, 256)),
    Variant("pytorchvideo_slowfast", "SlowFast", "slowfast", TrainingConfig(32, 2, 224, 256, 256, alpha=4)),
    Variant("pytorchvideo_csn", "CSN", "csn", TrainingConfig(32, 2, 224, 256, 256)),
    Variant("pytorchvideo_r2plus1d", "R(2+1)D (bottleneck)", "r2plus1d", TrainingConfig(16, 4, 224, 256, 256)),
    Variant("pytorchvideo_x3d_xs", "X3D-XS", "x3d", TrainingConfig(4, 12, 160, 182, 182)),
    Variant("pytorchvideo_x3d_s", "X3D-S", "x3d", TrainingConfig(13, 6, 160, 182, 182)),
    Variant("pytorchvideo_x3d_m", "X3D-M", "x3d", TrainingConfig(16, 5, 224, 256, 256)),
    Variant("pytorchvideo_x3d_l", "X3D-L", "x3d", TrainingConfig(16, 5, 312, 356, 356)),
    Variant("pytorchvideo_mvit", "MViT", "mvit", TrainingConfig(16, 4, 224, 224, 256)),
)


def recognise(variant: Variant, state: Mapping[str, Tensor], content: Mapping[str, object]) -> Recognised | None:
    """Return what a checkpoint holds of this family; None for other networks, and other clips of the same."""
    tensors = without_prefix(state)
    is_ours = is_slowfast(tensors)
    config = read_config(content) if is_ours or read_structure(tensors) is not None else None
    if is_ours:
        tensors = convert(tensors, lookup(config, "MODEL.ARCH"))
    structure = read_structure(tensors)
    if structure is None or structure.kind != variant.kind or variant not in _candidates(structure, config):
        return None
    usual = _released(variant, structure)
    if config is not None:
        check_config(config, structure)
        usual = apply_config(usual, config)
    structure = adapt(structure, tensors, usual)
    text = {"structure": asdict(structure), "config": asdict(usual), "has_config": config is not None}
    return Recognised(json.dumps(text, sort_keys=True), tensors)


def _candidates(structure: Structure, config: Mapping[str, Any] | None) -> list[Variant]:
    """Return the families whose tensors these may be; of several, the one with the frames of the config."""
    variants = [variant for variant in VARIANTS if variant.kind == structure.kind]
    if structure.kind == "x3d":
        is_large = structure.arguments["depth_factor"] == X3D_L_DEPTH
        variants = [variant for variant in variants if (variant.title == "X3D-L") == is_large]
    frames = lookup(config, "DATA.NUM_FRAMES")
    if config is None:
        return variants
    return [min(variants, key=lambda each: abs(each.usual.frames - frames) if isinstance(frames, int) else 0)]


def _released(variant: Variant, structure: Structure) -> TrainingConfig:
    """Return the clips of the release with these tensors, where they tell more of them."""
    arguments = structure.arguments
    if structure.kind == "slowfast":
        # R50 4x16 has an alpha of 8 and lateral kernels of 5; 8x8 has 4, and kernels of 7 (R101: 5)
        is_coarse = arguments["slowfast_fusion_conv_kernel_size"][0] == 5 and structure.depth == 50
        times = [kernel[0] for kernel in arguments["stage_conv_a_kernel_sizes"][1][2]]  # of the fast pathway's res4
        frames = 64 if structure.depth == 101 and min(times) == 1 else variant.usual.frames  # R101 16x8
        return replace(variant.usual, alpha=8 if is_coarse else 4, frames=frames)
    if structure.kind == "mvit":
        t, h, _ = arguments["grid"]
        frames, crop = 2 * t, 4 * h  # patches of all releases move by 2 x 4 x 4
        side = crop * variant.usual.side // variant.usual.crop
        return replace(
            variant.usual, frames=frames, stride=MVIT_STRIDES.get(frames, 4), trained=crop, crop=crop, side=side
        )
    return variant.usual


def configure(variant: Variant, text: str) -> Family:
    """Return the family of one network, from the JSON that its weights carry."""
    content = json.loads(text)
    structure, config = Structure(**content["structure"]), TrainingConfig(**content["config"])

    def build(classes: int) -> nn.Module:
        return VideoNetwork(structure.kind, structure.arguments, config, classes)

    depth = f" R{structure.depth}" if structure.depth else ""
    title = f"{variant.title}{depth}" if structure.classes != 400 else f"{variant.title}{depth}, Kinetics-400"
    return replace(
        find_family(variant.name),
        title=title,
        summary=_summary(variant, structure, config, has_config=content["has_config"]),
        build=build,
        streams=(Stream(name=StreamName.CLIP, frames=config.frames, height=config.crop, width=config.crop),),
        stimulus=Extent(frames=config.frames, height=config.trained, width=config.trained),
        labels=kinetics_labels(structure.classes),
        rename=lambda name: f"model.{name}",
        short_side=config.side,
    )


def _summary(variant: Variant, structure: Structure, config: TrainingConfig, *, has_config: bool) -> str:
    depth = f" R{structure.depth}" if structure.depth else ""
    slow = ""
    if structure.kind == "slowfast":
        slow = f", {config.frames // config.alpha} of them in the slow pathway (alpha {config.alpha})"
    source = "as the checkpoint's config says" if has_config else "as in its authors' release"
    return (
        f"{variant.title}{depth}, built by PyTorchVideo. Trained on {config.frames} frames at a stride of "
        f"{config.stride}{slow}, tested on {config.crop} x {config.crop} pixels of videos scaled to {config.side}: "
        f"{source}."
    )


def _refuse_without_config(variant: Variant, classes: int) -> nn.Module:
    raise InvalidRequest(
        f"The weights of {variant.title} do not carry the network's sizes: give the checkpoint, `networks add "
        f"{variant.name} --weights FILE`."
    )


for _variant in VARIANTS:
    register(
        name=_variant.name,
        title=_variant.title,
        summary=f"{_variant.title} of PyTorchVideo or of the SlowFast repository.",
        streams=(
            Stream(
                name=StreamName.CLIP,
                frames=_variant.usual.frames,
                height=_variant.usual.crop,
                width=_variant.usual.crop,
            ),
        ),
        stimulus=Extent(frames=_variant.usual.frames, height=_variant.usual.trained, width=_variant.usual.trained),
        classes=400,
        configure=partial(configure, _variant),
        recognise=partial(recognise, _variant),
        short_side=_variant.usual.side,
    )(partial(_refuse_without_config, _variant))

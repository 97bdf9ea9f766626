"""Video models of torchvision: ResNets (R3D, MC3, R(2+1)D), S3D, MViT and video Swin, built by the library itself.

A checkpoint is recognised by its tensors, also with another number of classes or of blocks; the sizes are stored with
the weights, so that a worker builds the same network. Layers of the convolutional ones have the library's names.
"""

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, Stream, StreamName
from worker.networks.families.torchvision_sizes import BUILDERS, State, read_model, without_prefix
from worker.networks.families.torchvision_tokens import MultiscaleTokens, WindowedTokens
from worker.networks.labels import kinetics_labels
from worker.networks.optional_library import library_missing
from worker.networks.registry import Family, Recognised, find_family, register
from worker.networks.torchvision_operators import import_torchvision

Triple = tuple[float, float, float]
Clip = tuple[int, int, int]  # frames, height, width
KINETICS_CLASSES = 400
MAX_FRAMES, MAX_SIDE = 1_024, 2_048  # of the clips of a training; larger ones are mistakes


@dataclass(frozen=True)
class Architecture:
    """A model of the library, with the preprocessing of its released weights (their `transforms()` and `meta`)."""

    name: str  # of its builder in the library
    title: str
    kind: str
    shape: tuple[int, ...]  # of `Model`
    paper: str
    clip: Clip
    short_side: int  # pixels to which videos are scaled before the crop
    stimulus: Clip
    mean: Triple
    std: Triple


KINETICS: tuple[Triple, Triple] = ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989))
GREY: tuple[Triple, Triple] = ((0.45, 0.45, 0.45), (0.225, 0.225, 0.225))
IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TRAN, XIE, FAN = (
    "Tran et al. 2018, arXiv 1711.11248",
    "Xie et al. 2018, arXiv 1712.04851",
    "Fan et al. 2021, arXiv 2104.11227",
)
LI, LIU = "Li et al. 2022, arXiv 2112.01526", "Liu et al. 2022, arXiv 2106.13230"
SMALL, LARGE, LONG = (16, 112, 112), (16, 224, 224), (32, 224, 224)

# The first of a kind also builds those of other sizes
ARCHITECTURES = (
    Architecture("r3d_18", "R3D-18", "r3d", (2, 2, 2, 2, 64), TRAN, SMALL, 128, SMALL, *KINETICS),
    Architecture("mc3_18", "MC3-18", "mc3", (2, 2, 2, 2, 64), TRAN, SMALL, 128, SMALL, *KINETICS),
    Architecture("r2plus1d_18", "R(2+1)D-18", "r2plus1d", (2, 2, 2, 2, 64), TRAN, SMALL, 128, SMALL, *KINETICS),
    Architecture("s3d", "S3D", "s3d", (), XIE, (128, 224, 224), 256, LARGE, *KINETICS),
    Architecture("mvit_v1_b", "MViTv1-B", "mvit_v1", (16, 96), FAN, LARGE, 256, LARGE, *GREY),
    Architecture("mvit_v2_s", "MViTv2-S", "mvit_v2", (16, 96), LI, LARGE, 256, LARGE, *GREY),
    Architecture("swin3d_t", "Video Swin-T", "swin3d", (2, 2, 6, 2, 96), LIU, LONG, 256, LARGE, *IMAGENET),
    Architecture("swin3d_s", "Video Swin-S", "swin3d", (2, 2, 18, 2, 96), LIU, LONG, 256, LARGE, *IMAGENET),
    Architecture("swin3d_b", "Video Swin-B", "swin3d", (2, 2, 18, 2, 128), LIU, LONG, 256, LARGE, *IMAGENET),
)


def recognise(architecture: Architecture, state: State, content: Mapping[str, object]) -> Recognised | None:
    """Return the network if these tensors are of this model, or of one of its kind that has no family of its own."""
    tensors = without_prefix(state)
    model = read_model(tensors)
    if model is None or architecture is not _find_architecture(model.kind, model.shape):
        return None
    clip, short_side = _trained_clip(architecture, content)
    config = {
        "sizes": model.sizes,
        "shape": model.shape,
        "outputs": model.outputs,
        "clip": clip if model.clip is None else model.clip,
        "short_side": short_side,
    }
    return Recognised(json.dumps(config), tensors)


def _find_architecture(kind: str, shape: tuple[int, ...]) -> Architecture:
    alike = [architecture for architecture in ARCHITECTURES if architecture.kind == kind]
    return next((architecture for architecture in alike if architecture.shape == shape), alike[0])


def _trained_clip(architecture: Architecture, content: Mapping[str, object]) -> tuple[Clip, int]:
    """Return the clip and the short side of a training: those of the library's script in the checkpoint's `args`.

    Raises InvalidRequest for numbers that no training has.
    """
    found = content.get("args")
    options = vars(found) if isinstance(found, Namespace) else found if isinstance(found, Mapping) else {}
    frames, crop = options.get("clip_len", architecture.clip[0]), options.get("val_crop_size", architecture.clip[1:])
    short_side = options.get("val_resize_size", architecture.short_side)
    height, width = crop if isinstance(crop, list | tuple) and len(crop) == 2 else (crop, crop)
    short_side = min(short_side) if isinstance(short_side, list | tuple) and short_side else short_side
    limits = ((frames, MAX_FRAMES), (height, MAX_SIDE), (width, MAX_SIDE), (short_side, MAX_SIDE))
    if not all(isinstance(number, int) and 1 <= number <= most for number, most in limits):
        raise InvalidRequest(
            f"The checkpoint's `args` state clips of {frames} frames, {height} x {width} pixels, of videos scaled to "
            f"{short_side}: correct clip_len, val_crop_size and val_resize_size there, or save the state dict alone."
        )
    return (frames, height, width), max(short_side, height, width)


def configure(architecture: Architecture, text: str) -> Family:
    """Return the family of one network, from the config that its weights carry."""
    config = json.loads(text)
    shape: tuple[int, ...] = tuple(config["shape"])
    clip: Clip = tuple(config["clip"])
    stimulus = architecture.stimulus if clip == architecture.clip else clip
    title = architecture.title
    if shape != architecture.shape:
        title = f"{title.partition('-')[0]} with {' + '.join(map(str, shape[:-1]))} blocks"
    # those of Kinetics also where the last layer is missing, which loading the tensors will tell
    labels = kinetics_labels(config["outputs"] or KINETICS_CLASSES)
    is_tokens = architecture.kind.startswith(("mvit", "swin"))

    def build(classes: int) -> nn.Module:
        video = import_video_models()
        model = BUILDERS[architecture.kind](video, config["sizes"], classes)
        model.add_module("standard_units", StandardUnits(architecture.mean, architecture.std))
        model.register_forward_pre_hook(_read_clip)
        if not is_tokens:
            return model
        return WindowedTokens(model) if architecture.kind == "swin3d" else MultiscaleTokens(model, clip)

    return replace(
        find_family(architecture.name),
        title=title,
        build=build,
        streams=(_stream(clip),),
        stimulus=_extent(stimulus),
        labels=labels,
        rename=(lambda name: name if name.startswith("model.") else f"model.{name}") if is_tokens else str,
        short_side=config["short_side"],
    )


class StandardUnits(nn.Module):
    """Convert clips in [-1, 1] to what the library's `transforms()` make of 8-bit pixels."""

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: Triple, std: Triple) -> None:
        """`mean` and `std` are of pixels in [0, 1]."""
        super().__init__()
        self.register_buffer("scale", 0.5 / torch.tensor(std).view(3, 1, 1, 1), persistent=False)
        shift = (0.5 - torch.tensor(mean)) / torch.tensor(std)
        self.register_buffer("shift", shift.view(3, 1, 1, 1), persistent=False)

    def forward(self, clip: Tensor) -> Tensor:
        return clip * self.scale + self.shift


def _read_clip(model: nn.Module, arguments: tuple[Mapping[StreamName, Tensor]]) -> tuple[Tensor]:
    """Give a model of the library, which takes pixels, the clip of the inputs by stream: a hook before its forward."""
    return (model.get_submodule("standard_units")(arguments[0][StreamName.CLIP]),)


def import_video_models() -> Any:
    """Return `torchvision.models.video`. Raises InvalidRequest, with what to install, where it cannot be imported."""
    try:
        return import_torchvision().models.video
    except Exception as error:
        missing = library_missing("This network is built by the library torchvision", error)
        raise InvalidRequest(
            f"{missing.detail} Beside another torch than 2.13, install its torchvision instead, with `--no-deps`."
        ) from None


def _stream(clip: Clip) -> Stream:
    return Stream(name=StreamName.CLIP, frames=clip[0], height=clip[1], width=clip[2])


def _extent(clip: Clip) -> Extent:
    return Extent(frames=clip[0], height=clip[1], width=clip[2])


def _refuse_without_config(architecture: Architecture, classes: int) -> nn.Module:
    raise InvalidRequest(f"{architecture.title} is built from a checkpoint: `networks add FILE`.")


for _architecture in ARCHITECTURES:
    register(
        name=_architecture.name,
        title=_architecture.title,
        summary=f"{_architecture.title} ({_architecture.paper}), built by the library torchvision.",
        streams=(
            Stream(
                name=StreamName.CLIP,
                frames=_architecture.clip[0],
                height=_architecture.clip[1],
                width=_architecture.clip[2],
            ),
        ),
        stimulus=Extent(
            frames=_architecture.stimulus[0], height=_architecture.stimulus[1], width=_architecture.stimulus[2]
        ),
        classes=KINETICS_CLASSES,
        short_side=_architecture.short_side,
        configure=partial(configure, _architecture),
        recognise=partial(recognise, _architecture),
    )(partial(_refuse_without_config, _architecture))

"""What a network was trained with and its tensors do not tell: frames, their stride, the size, the pathways' ratio.

The SlowFast repository saves its config, a text in YAML, beside the tensors (`cfg`). Without it, a network is taken to
have what its authors released it with.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from reprlib import repr as shorten  # names in YAML repeat values, which grow without bound when they are written out
from typing import Any

from app.contract.errors import InvalidRequest
from worker.networks.optional_library import library_missing
from worker.networks.pytorchvideo.structure import Structure

MAX_CONFIG_BYTES = 1_000_000
MAX_FRAMES, MAX_SIDE = 512, 1_024  # of a clip; larger ones are mistakes
MEAN, STD = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)  # of pixels in [0, 1], in all releases
STRIDES = ([1, 2, 2, 2], [1, 1, 1, 1])  # in space and dilations, of the four stages: others are not built
STRIDED = ("slow", "c2d", "i3d_resnet", "slowfast")  # networks to which these apply


@dataclass(frozen=True)
class TrainingConfig:
    """The clips that a network was trained on and is tested with."""

    frames: int
    stride: int  # of the frames in the video
    trained: int  # pixels of a side in training, which sizes the pool before the classes
    crop: int  # pixels of a side in testing
    side: int  # pixels that the shorter side of a video is scaled to before the crop
    alpha: int = 1  # frames of the fast pathway for each of the slow one
    mean: Sequence[float] = MEAN
    std: Sequence[float] = STD
    is_bgr: bool = False


def read_config(content: Mapping[str, object]) -> Mapping[str, Any] | None:
    """Return the config that a checkpoint carries; None where it carries none. Raises InvalidRequest for a bad one."""
    text = content.get("cfg")
    if not isinstance(text, str):
        return None
    if len(text) > MAX_CONFIG_BYTES:
        raise InvalidRequest(f"The checkpoint's `cfg` has {len(text):,} characters: it is no config of a network.")
    return _parse(text)


@lru_cache(maxsize=1)  # every family reads that of the same checkpoint
def _parse(text: str) -> Mapping[str, Any]:
    try:
        yaml: Any = importlib.import_module("yaml")  # comes with the library
    except ImportError as error:
        raise library_missing("The checkpoint's `cfg` is read by the library PyYAML", error) from None
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise InvalidRequest(f"The checkpoint's `cfg` is no YAML ({first}): save the checkpoint again.") from None
    return config if isinstance(config, Mapping) else {}


def lookup(config: Mapping[str, Any] | None, path: str, default: Any = None) -> Any:
    """Return a value of a config, `DATA.NUM_FRAMES` for example; the default where it is not there."""
    value: Any = config
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return default if value is None else value


def apply_config(usual: TrainingConfig, config: Mapping[str, Any]) -> TrainingConfig:
    """Return what the config says, and what is usual elsewhere. Raises InvalidRequest for absurd values."""
    frames = _number(config, "DATA.NUM_FRAMES", usual.frames, MAX_FRAMES)
    trained = _number(config, "DATA.TRAIN_CROP_SIZE", usual.trained, MAX_SIDE)
    crop = _number(config, "DATA.TEST_CROP_SIZE", max(trained, usual.crop * trained // usual.trained), MAX_SIDE)
    return replace(
        usual,
        frames=frames,
        stride=_number(config, "DATA.SAMPLING_RATE", usual.stride, 10_000),
        trained=crop if lookup(config, "MULTIGRID.SHORT_CYCLE") is True else trained,  # its pool is of the whole map
        crop=crop,
        side=max(crop, usual.side * crop // usual.crop),
        alpha=_number(config, "SLOWFAST.ALPHA", usual.alpha, frames) if usual.alpha > 1 else 1,
        mean=_colours(config, "DATA.MEAN", usual.mean),
        std=_colours(config, "DATA.STD", usual.std),
        is_bgr=lookup(config, "DATA.REVERSE_INPUT_CHANNEL") is True,
    )


def _number(config: Mapping[str, Any], path: str, usual: int, largest: int) -> int:
    value = lookup(config, path, usual)
    if type(value) is not int or not 1 <= value <= largest:
        raise InvalidRequest(
            f"The checkpoint's `cfg` has {path} {shorten(value)}, where a number up to {largest} belongs."
        )
    return value


def _colours(config: Mapping[str, Any], path: str, usual: Sequence[float]) -> tuple[float, ...]:
    value = lookup(config, path, usual)
    if not isinstance(value, Sequence) or len(value) != 3 or not all(type(each) in (int, float) for each in value):
        raise InvalidRequest(f"The checkpoint's `cfg` has {path} {shorten(value)}, where three numbers belong.")
    if path.endswith("STD") and min(value) <= 0:
        raise InvalidRequest(f"The checkpoint's `cfg` has {path} {value!r}: a deviation is larger than 0.")
    return tuple(float(each) for each in value)


def check_config(config: Mapping[str, Any], structure: Structure) -> None:
    """Raise InvalidRequest where a checkpoint's config is of another network than its tensors, or of a detector."""
    if lookup(config, "DETECTION.ENABLE") is True:
        raise InvalidRequest(
            "This checkpoint is of a detector (DETECTION.ENABLE in its `cfg`), which classifies people in boxes: its "
            "head needs the boxes beside the clip, so it cannot be shown. Take the classifier that it comes from."
        )
    arguments, is_slowfast = structure.arguments, structure.kind == "slowfast"
    pairs: list[tuple[str, object]] = [("MODEL.NUM_CLASSES", structure.classes)]
    if structure.depth is not None and lookup(config, "RESNET.TRANS_FUNC", "bottleneck_transform") != "x3d_transform":
        pairs.append(("RESNET.DEPTH", structure.depth))
    if is_slowfast:
        pairs += [
            ("SLOWFAST.BETA_INV", arguments["slowfast_channel_reduction_ratio"][0]),
            ("SLOWFAST.FUSION_CONV_CHANNEL_RATIO", arguments["slowfast_conv_channel_fusion_ratio"]),
            ("SLOWFAST.FUSION_KERNEL_SZ", arguments["slowfast_fusion_conv_kernel_size"][0]),
        ]
    wrong = [
        f"{path} {shorten(lookup(config, path))}, but {own} by the tensors"
        for path, own in pairs
        if lookup(config, path, own) != own
    ]
    architecture = lookup(config, "MODEL.ARCH")
    if isinstance(architecture, str) and (architecture == "slowfast") != is_slowfast:
        wrong.append(f"MODEL.ARCH {architecture}, but {structure.kind} by the tensors")
    if wrong:
        raise InvalidRequest(
            f"The checkpoint's `cfg` describes another network than its tensors: {'; '.join(wrong)}. Save the "
            "checkpoint with the config that it was trained with, or without one."
        )
    for path, usual in zip(("RESNET.SPATIAL_STRIDES", "RESNET.SPATIAL_DILATIONS"), STRIDES, strict=True):
        value = lookup(config, path)
        pathways = 2 if is_slowfast else 1
        if structure.kind in STRIDED and value not in (None, [[each] * pathways for each in usual]):
            raise InvalidRequest(
                f"The checkpoint's `cfg` has {path} {shorten(value)}, which is not built here ({usual} alone): "
                "register the network with a family file of your own (docs/networks.md)."
            )

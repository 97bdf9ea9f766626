"""Build the networks through the library: what its builders are called, and what they are given beside the tensors."""

import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest, WeightsMismatch
from worker.networks.optional_library import library_missing
from worker.networks.pytorchvideo.structure import State, Structure
from worker.networks.pytorchvideo.training_config import TrainingConfig
from worker.networks.torchvision_operators import prepare_torchvision

MAX_LISTED = 3  # tensors in an error message
Arguments = dict[str, Any]


def import_models(name: str) -> Any:
    """Return a module of pytorchvideo.models. Raises InvalidRequest, with what to install, where it is missing."""
    try:
        prepare_torchvision()
        with warnings.catch_warnings():
            # fvcore, which the library imports, compiles a loss with what torch has deprecated
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
            return importlib.import_module(f"pytorchvideo.models.{name}")
    except ImportError as error:
        raise library_missing("This network is built by the library pytorchvideo", error) from None


def build(kind: str, arguments: Mapping[str, Any], config: TrainingConfig, classes: int) -> nn.Module:
    """Build the library's network, with random weights, whose outputs are logits."""
    return BUILDERS[kind](dict(arguments), config, classes)  # type: ignore[no-any-return]


def _resnet(arguments: Arguments, config: TrainingConfig, classes: int) -> Any:
    is_pooled = arguments.pop("stage1_pool")
    return import_models("resnet").create_resnet(
        **arguments,
        model_num_class=classes,
        stage1_pool=nn.MaxPool3d if is_pooled else None,
        head_pool_kernel_size=_pool(config, config.frames // 2 if is_pooled else config.frames),
    )


def _csn(arguments: Arguments, config: TrainingConfig, classes: int) -> Any:
    return import_models("csn").create_csn(
        **arguments,
        model_num_class=classes,
        stem_pool=nn.MaxPool3d,
        head_pool_kernel_size=_pool(config, config.frames // 8),
    )


def _r2plus1d(arguments: Arguments, config: TrainingConfig, classes: int) -> Any:
    return import_models("r2plus1d").create_r2plus1d(
        **arguments,
        model_num_class=classes,
        head_activation=None,
        head_pool_kernel_size=_pool(config, config.frames // 4),
    )


def _slowfast(arguments: Arguments, config: TrainingConfig, classes: int) -> Any:
    return import_models("slowfast").create_slowfast(
        **arguments,
        model_num_class=classes,
        slowfast_fusion_conv_stride=(config.alpha, 1, 1),
        head_pool_kernel_sizes=(_pool(config, config.frames // config.alpha), _pool(config, config.frames)),
    )


def _x3d(arguments: Arguments, config: TrainingConfig, classes: int) -> Any:
    normalised = arguments.pop("normalised_shortcuts", ())
    model = import_models("x3d").create_x3d(
        **arguments,
        input_clip_length=config.frames,
        input_crop_size=config.trained,
        model_num_class=classes,
        head_activation=None,
        inner_act=nn.SiLU,  # the same function as the library's own, whose gradient needs what torch has deprecated
    )
    for path in normalised:
        block = model.get_submodule(path)
        block.branch1_norm = nn.BatchNorm3d(block.branch1_conv.out_channels)
    return model


def _mvit(arguments: Arguments, config: TrainingConfig, classes: int) -> Any:
    grid = arguments.pop("grid")
    stride = [config.frames // grid[0], config.crop // grid[1], config.crop // grid[2]]
    return import_models("vision_transformers").create_multiscale_vision_transformers(
        **arguments,
        spatial_size=config.crop,
        temporal_size=config.frames,
        conv_patch_embed_stride=stride,
        pool_kv_stride_adaptive=[1, 8, 8],
        head_num_classes=classes,
    )


BUILDERS: dict[str, Callable[[Arguments, TrainingConfig, int], Any]] = {
    **dict.fromkeys(("slow", "c2d", "i3d_resnet"), _resnet),
    "slowfast": _slowfast,
    "x3d": _x3d,
    "csn": _csn,
    "r2plus1d": _r2plus1d,
    "mvit": _mvit,
}


def _pool(config: TrainingConfig, frames: int) -> tuple[int, int, int]:
    """Return the pool before the classes, which is as large as the last map was in training."""
    return max(frames, 1), max(config.trained // 32, 1), max(config.trained // 32, 1)


def adapt(structure: Structure, state: State, config: TrainingConfig) -> Structure:
    """Return the structure of which the library builds exactly these tensors.

    Raises WeightsMismatch, with what differs, where it builds others, before memory is taken for them.
    """
    if structure.kind == "mvit":  # its builder computes with tensors that need values; the state is compared later
        return structure
    candidates = [structure]
    if structure.kind == "x3d":
        stem = structure.arguments["stem_dim_in"] * structure.arguments["width_factor"]
        plain = {"stem_dim_in": round(stem), "width_factor": 1.0}
        norms = [name.removesuffix(".branch1_norm.weight") for name in state if name.endswith(".branch1_norm.weight")]
        for each in (structure.arguments, {**structure.arguments, **plain}):
            for extra in ({}, {"normalised_shortcuts": sorted(norms)}):  # as the SlowFast repository has them
                candidates.append(Structure("x3d", structure.classes, None, {**each, **extra}))
    differences = [_differences(candidate, state, config) for candidate in candidates]
    best = min(range(len(candidates)), key=lambda index: len(differences[index]))
    if differences[best]:
        listed = "; ".join([*differences[best][:MAX_LISTED], *(["..."] if len(differences[best]) > MAX_LISTED else [])])
        raise WeightsMismatch(
            f"The tensors are like those of PyTorchVideo's {structure.kind}, but {len(differences[best])} differ from "
            f"the network that it builds: {listed}. The file is damaged, or of a network that was changed: register "
            "that with a family file of your own (docs/networks.md)."
        )
    return candidates[best]


def _differences(structure: Structure, state: State, config: TrainingConfig) -> Sequence[str]:
    try:
        with torch.device("meta"):
            model = build(structure.kind, structure.arguments, config, structure.classes)
    except InvalidRequest:
        raise
    except Exception as error:
        return [f"the library refuses these sizes ({error})"] * len(state)
    expected = model.state_dict()
    return [
        f"{name} is {_shape(state.get(name))}, not {_shape(expected.get(name))}"
        for name in [*expected, *(name for name in state if name not in expected)]
        if not name.endswith("num_batches_tracked") and _shape(state.get(name)) != _shape(expected.get(name))
    ]


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else "x".join(map(str, tensor.shape))

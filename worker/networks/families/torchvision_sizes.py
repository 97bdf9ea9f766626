"""Read from the tensors of torchvision's video models which one they are of, with its sizes, and build it.

Sizes are what the library's classes take and what JSON holds. Strides leave no trace in tensors: those of MViT follow
the rule by which the library's own two are made.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

State = Mapping[str, Tensor]
Sizes = dict[str, Any]  # JSON
PATCH_STRIDE = (2, 4, 4)  # of MViT


@dataclass(frozen=True)
class Model:
    """A model of the library, as its tensors tell."""

    kind: str  # r3d, mc3, r2plus1d, s3d, mvit_v1, mvit_v2, swin3d
    sizes: Sizes
    shape: tuple[int, ...]  # blocks of its stages and width of the first, by which those of a kind are told apart
    outputs: int  # 0 where the library's last layer is missing
    clip: tuple[int, int, int] | None = None  # frames, height and width, where positions are learned


def read_model(state: State) -> Model | None:
    """Return which model of the library these tensors are of, None for none."""
    for signature, read in READERS.items():
        if signature in state and state[signature].ndim == 5:
            try:
                return read(state)
            except (KeyError, IndexError, ValueError, ZeroDivisionError):  # a tensor is missing, or has another shape
                return None
    return None


def without_prefix(state: State) -> State:
    """Return the tensors of a model that is part of a larger module, under its own names."""
    for signature in READERS:
        prefixes = {name.removesuffix(signature) for name in state if name.endswith(f".{signature}")}
        if len(prefixes) == 1 and signature not in state:
            (prefix,) = prefixes
            return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    return state


def _outputs(state: State, weight: str) -> int:
    return len(state[weight]) if weight in state else 0


def _count(state: State, path: str) -> int:
    """Return how many numbered modules there are below a path."""
    numbers = {name.removeprefix(path).partition(".")[0] for name in state if name.startswith(path)}
    return sum(number.isdecimal() for number in numbers)  # a large number in a name makes no large network


def _kernel(tensor: Tensor) -> list[int]:
    return list(tensor.shape[2:])


def read_resnet(state: State) -> Model:
    """Return the video ResNet: the convolutions and the number of blocks of its four layers."""
    kernels = {3: "Conv3DSimple", 1: "Conv3DNoTemporal"}  # by their length in frames
    makers, blocks = [], []
    for layer in (f"layer{number}." for number in (1, 2, 3, 4)):
        is_separable = f"{layer}0.conv2.0.0.weight" in state
        makers.append("Conv2Plus1D" if is_separable else kernels[state[f"{layer}0.conv2.0.weight"].shape[2]])
        blocks.append(_count(state, layer))
    kind = "mc3" if "Conv3DNoTemporal" in makers else "r2plus1d" if "Conv2Plus1D" in makers else "r3d"
    stem = "R2Plus1dStem" if "stem.3.weight" in state else "BasicStem"
    block = "Bottleneck" if "layer1.0.conv3.0.weight" in state else "BasicBlock"
    sizes = {"block": block, "convolutions": makers, "blocks": blocks, "stem": stem}
    width = 64 if block == "BasicBlock" else 256
    return Model(kind, sizes, (*blocks, width), _outputs(state, "fc.weight"))


def build_resnet(video: Any, sizes: Sizes, classes: int) -> nn.Module:
    """Build a video ResNet of `torchvision.models.video`."""
    resnet = video.resnet
    makers = [getattr(resnet, name) for name in sizes["convolutions"]]
    block, stem = getattr(resnet, sizes["block"]), getattr(resnet, sizes["stem"])
    return video.VideoResNet(block, makers, sizes["blocks"], stem, num_classes=classes)  # type: ignore[no-any-return]


def read_s3d(state: State) -> Model | None:
    """Return S3D, which has one size."""
    if "features.5.branch0.0.weight" not in state:
        return None
    return Model("s3d", {}, (), _outputs(state, "classifier.1.weight"))


def build_s3d(video: Any, sizes: Sizes, classes: int) -> nn.Module:
    """Build S3D of `torchvision.models.video`."""
    return video.S3D(num_classes=classes)  # type: ignore[no-any-return]


def read_mvit(state: State) -> Model:
    """Return the multiscale vision transformer: the settings of its blocks, and the clip whose positions it learned."""
    is_second = "blocks.0.attn.rel_pos_h" in state
    settings = [
        _block_setting(state, f"blocks.{number}.", is_second=is_second) for number in range(_count(state, "blocks."))
    ]
    pooled = 2 ** sum(setting["stride_q"] == [1, 2, 2] for setting in settings)
    for setting in settings:  # keys and values are pooled to the grid of the last block
        pooled //= 2 if setting["stride_q"] == [1, 2, 2] else 1
        setting["stride_kv"] = [1, pooled, pooled]
    if is_second:
        tokens = [(len(state[f"blocks.0.attn.rel_pos_{axis}"]) + 1) // 2 for axis in "th"]
    else:
        tokens = [len(state["pos_encoding.temporal_pos"]), math.isqrt(len(state["pos_encoding.spatial_pos"]))]
    frames, side = tokens[0] * PATCH_STRIDE[0], tokens[1] * PATCH_STRIDE[1]
    sizes = {
        "blocks": settings,
        "patch": _kernel(state["conv_proj.weight"]),
        "clip": [frames, side, side],
        "relative_positions": is_second,
    }
    kind, shape = "mvit_v2" if is_second else "mvit_v1", (len(settings), len(state["conv_proj.weight"]))
    return Model(kind, sizes, shape, _outputs(state, "head.1.weight"), (frames, side, side))


def _block_setting(state: State, path: str, *, is_second: bool) -> Sizes:
    """Return what `MSBlockConfig` takes, but for the stride of keys and values."""
    attention, inputs = len(state[f"{path}attn.qkv.bias"]) // 3, state[f"{path}attn.qkv.weight"].shape[1]
    keys, query = state[f"{path}attn.pool_k.pool.weight"], state.get(f"{path}attn.pool_q.pool.weight")
    is_pooled = f"{path}project.weight" in state if is_second else query is not None
    return {
        "num_heads": attention // len(keys),
        "input_channels": inputs,
        "output_channels": len(state[f"{path}mlp.3.weight"]),
        "kernel_q": [] if query is None else _kernel(query),
        "kernel_kv": _kernel(keys),
        "stride_q": [1, 2, 2] if is_pooled else [] if query is None else [1, 1, 1],
    }


def build_mvit(video: Any, sizes: Sizes, classes: int) -> nn.Module:
    """Build a multiscale vision transformer of `torchvision.models.video`."""
    frames, height, width = sizes["clip"]
    is_second = sizes["relative_positions"]
    return video.MViT(  # type: ignore[no-any-return]
        spatial_size=(height, width),
        temporal_size=frames,
        block_setting=[video.mvit.MSBlockConfig(**setting) for setting in sizes["blocks"]],
        residual_pool=is_second,
        residual_with_cls_embed=False,
        rel_pos_embed=is_second,
        proj_after_attn=is_second,
        num_classes=classes,
        patch_embed_kernel=tuple(sizes["patch"]),
        patch_embed_stride=PATCH_STRIDE,
        patch_embed_padding=tuple(side // 2 for side in sizes["patch"]),
    )


def read_swin(state: State) -> Model:
    """Return the video Swin transformer: depth, heads and width of its stages, patch and window."""
    stages = [f"features.{number}." for number in range(0, _count(state, "features."), 2)]
    tables = [state[f"{stage}0.attn.relative_position_bias_table"] for stage in stages]
    patches, hidden = state["patch_embed.proj.weight"], state[f"{stages[0]}0.mlp.0.weight"]
    depths = [_count(state, stage) for stage in stages]
    sizes = {
        "patch_size": _kernel(patches),
        "embed_dim": len(patches),
        "depths": depths,
        "num_heads": [table.shape[1] for table in tables],
        "window_size": _window(len(tables[0]), len(state[f"{stages[0]}0.attn.relative_position_index"])),
        "mlp_ratio": len(hidden) / len(patches),
    }
    return Model("swin3d", sizes, (*depths, len(patches)), _outputs(state, "head.weight"))


def _window(offsets: int, positions: int) -> list[int]:
    """Return the window, as wide as high, that has so many positions, and so many offsets between two of them."""
    for side in range(1, math.isqrt(positions) + 1):
        frames, rest = divmod(positions, side * side)
        if not rest and (2 * frames - 1) * (2 * side - 1) ** 2 == offsets:
            return [frames, side, side]
    raise ValueError(f"no window has {positions} positions and {offsets} offsets")


def build_swin(video: Any, sizes: Sizes, classes: int) -> nn.Module:
    """Build a video Swin transformer of `torchvision.models.video`."""
    return video.SwinTransformer3d(**sizes, num_classes=classes)  # type: ignore[no-any-return]


# The tensor by which a reader is chosen. No signature is the end of another's name
READERS: dict[str, Callable[[State], Model | None]] = {
    "stem.0.weight": read_resnet,
    "features.0.0.0.weight": read_s3d,
    "conv_proj.weight": read_mvit,
    "patch_embed.proj.weight": read_swin,
}
BUILDERS: dict[str, Callable[[Any, Sizes, int], nn.Module]] = {
    **dict.fromkeys(("r3d", "mc3", "r2plus1d"), build_resnet),
    "s3d": build_s3d,
    **dict.fromkeys(("mvit_v1", "mvit_v2"), build_mvit),
    "swin3d": build_swin,
}

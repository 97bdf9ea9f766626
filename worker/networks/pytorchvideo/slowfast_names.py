"""Turn the names that the SlowFast repository gives to tensors into those of PyTorchVideo, which builds the same nets.

`s1` is the stem and `s2` to `s5` the stages; `pathway0` is the slow pathway, and the only one of other networks.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from app.contract.errors import InvalidRequest
from worker.networks.pytorchvideo.structure import State

STEM = re.compile(r"s1\.pathway([01])_stem\.(conv_xy|conv|bn)\.(\w+)")
LATERAL = re.compile(r"s([1-4])_fuse\.(conv_f2s|bn)\.(\w+)")
BLOCK = re.compile(r"s([2-5])\.pathway([01])_res(\d+)\.(branch1|branch1_bn|branch2\.[\w.]+)\.(\w+)")
HEAD = re.compile(r"head\.(conv_5|conv_5_bn|lin_5|lin_5_bn|projection)\.(\w+)")

STEM_PARTS = {"conv": "conv", "bn": "norm"}
X3D_STEM_PARTS = {"conv_xy": "conv.conv_t", "conv": "conv.conv_xy", "bn": "norm"}  # as the library names its halves
LATERAL_PARTS = {"conv_f2s": "conv_fast_to_slow", "bn": "norm"}
BLOCK_PARTS = {
    "branch1": "branch1_conv",
    "branch1_bn": "branch1_norm",
    **{f"branch2.{part}": f"branch2.conv_{part}" for part in "abc"},
    **{f"branch2.{part}_bn": f"branch2.norm_{part}" for part in "abc"},
}
X3D_BLOCK_PARTS = BLOCK_PARTS | {
    "branch2.b_bn": "branch2.norm_b.0",
    "branch2.se.fc1": "branch2.norm_b.1.block.0",
    "branch2.se.fc2": "branch2.norm_b.1.block.2",
}
HEAD_PARTS = {
    "projection": "proj",
    "conv_5": "pool.pre_conv",
    "conv_5_bn": "pool.pre_norm",
    "lin_5": "pool.post_conv",
    "lin_5_bn": "pool.post_norm",
}
POOLED = ("c2d", "i3d")  # names of architectures that pool over time after their first stage


def is_slowfast(state: State) -> bool:
    """Return whether tensors have the names of the SlowFast repository. Raises InvalidRequest for its transformers."""
    if "patch_embed.proj.weight" in state and "head.projection.weight" in state:
        raise InvalidRequest(
            "This is a transformer (MViT) in the names of the SlowFast repository, which are not read here: take "
            "the same network from PyTorchVideo (MVIT_B_16x4.pyth, MVIT_B_32x3.pyth)."
        )
    return any(STEM.fullmatch(name) for name in state)


def convert(state: State, architecture: str | None) -> dict[str, Tensor]:
    """Return the tensors under PyTorchVideo's names.

    `architecture` is what the checkpoint's config calls it (MODEL.ARCH); without it, kernel sizes tell. Raises
    InvalidRequest for what PyTorchVideo does not build: non-local blocks, basic blocks, networks without classes.
    """
    if any("nonlocal" in name for name in state):
        raise InvalidRequest(
            "This network has non-local blocks, which PyTorchVideo does not build: register it with a family file of "
            "your own (docs/networks.md)."
        )
    if "s2.pathway0_res0.branch2.b.weight" in state and "s2.pathway0_res0.branch2.c.weight" not in state:
        raise InvalidRequest(
            "This network has blocks of two convolutions (R18, R34), which PyTorchVideo does not build: register it "
            "with a family file of your own (docs/networks.md)."
        )
    if "head.projection.weight" not in state:
        raise InvalidRequest(
            "This checkpoint of the SlowFast repository has no classes (it lacks head.projection.weight): what is "
            "opened here are classifiers. Take a checkpoint that was fine-tuned on classes."
        )
    rename = _rename_rule(state, architecture)
    return {rename(name): tensor for name, tensor in state.items()}


def _rename_rule(state: State, architecture: str | None) -> Callable[[str], str]:
    is_x3d = "s1.pathway0_stem.conv_xy.weight" in state
    is_two = "s1.pathway1_stem.conv.weight" in state
    shift = int(not is_x3d and not is_two and _is_pooled(state, architecture))  # the pool is a block of its own
    stem_parts: Mapping[str, str] = X3D_STEM_PARTS if is_x3d else STEM_PARTS
    block_parts: Mapping[str, str] = X3D_BLOCK_PARTS if is_x3d else BLOCK_PARTS

    def pathway(number: str) -> str:
        return f"multipathway_blocks.{number}." if is_two else ""

    def rename(name: str) -> str:
        if match := STEM.fullmatch(name):
            return f"blocks.0.{pathway(match[1])}{stem_parts[match[2]]}.{match[3]}"
        if match := LATERAL.fullmatch(name):
            return f"blocks.{int(match[1]) - 1}.multipathway_fusion.{LATERAL_PARTS[match[2]]}.{match[3]}"
        if (match := BLOCK.fullmatch(name)) and match[4] in block_parts:
            stage = int(match[1]) - 1
            block = f"blocks.{stage + shift * (stage > 1)}.{pathway(match[2])}res_blocks.{match[3]}"
            return f"{block}.{block_parts[match[4]]}.{match[5]}"
        if match := HEAD.fullmatch(name):
            return f"blocks.{5 + shift + is_two}.{HEAD_PARTS[match[1]]}.{match[2]}"
        return name

    return rename


def _is_pooled(state: State, architecture: str | None) -> bool:
    if architecture is not None:
        return architecture in POOLED
    stem = state["s1.pathway0_stem.conv.weight"]
    convolutions = [tensor for name, tensor in state.items() if name.endswith(".branch2.a.weight")]
    is_2d = all(tensor.shape[2] == 1 for tensor in (stem, *convolutions))
    return is_2d or stem.shape[2] > 1

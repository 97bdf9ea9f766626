"""Read from the names and shapes of tensors which network of PyTorchVideo they are of: depth, widths, kernel sizes.

Strides, pools and sizes of the input leave no trace in tensors: see `training_config.py` and `building.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor

from app.contract.errors import InvalidRequest

State = Mapping[str, Tensor]
# residual blocks of the four stages
DEPTHS: Mapping[tuple[int, ...], int] = {(1, 1, 1, 1): 18, (3, 4, 6, 3): 50, (3, 4, 23, 3): 101, (3, 8, 36, 3): 152}
START = re.compile(r"(.*?)(?:blocks\.0\.(?:conv|multipathway_blocks)\.|s1\.pathway0_stem\.|patch_embed\.patch_model\.)")
RESIDUAL = re.compile(r"blocks\.(\d+)\.res_blocks\.(\d+)\.")
X3D_BLOCKS = (1, 2, 5, 3)  # of the four stages, times the depth factor
X3D_STEM_WIDTH = 12  # times the width factor


@dataclass(frozen=True)
class Structure:
    """A network of PyTorchVideo as far as its tensors tell."""

    kind: str  # a key of building.BUILDERS
    classes: int
    depth: int | None  # of a residual network, as its name has it: 50 for R50
    arguments: Mapping[str, Any]  # of the library's builder; numbers and lists alone, so that it can be stored as JSON


def without_prefix(state: State) -> dict[str, Tensor]:
    """Return the tensors without what all names of the network begin with, `model.` or `backbone.module.`."""
    match = next((match for match in map(START.match, state) if match), None)
    prefix = match[1] if match else ""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()}


def read_structure(state: State) -> Structure | None:
    """Return the network that these tensors are of, under PyTorchVideo's names; None where it is none of them.

    Raises InvalidRequest for a network of the library that cannot be shown: a detector, one without classes, or one of
    an unknown depth.
    """
    if "patch_embed.patch_model.weight" in state and "cls_positional_encoding.pos_embed_spatial" in state:
        return _mvit(_with_head(state, "head.proj.weight"))
    stages = _stages(state)
    if "blocks.0.multipathway_blocks.0.conv.weight" in state:
        return _slowfast(_with_head(state, "blocks.6.proj.weight"))
    if len(stages) != 4:
        return None
    head = f"blocks.{max(stages) + 1}.proj.weight"
    if "blocks.0.conv.conv_t.weight" in state:
        return _x3d(_with_head(state, head), stages, head)
    if "blocks.0.conv.weight" in state:
        return _resnet(_with_head(state, head), stages, head)
    return None


def _with_head(state: State, head: str) -> State:
    if any(name.startswith("detection_head.") for name in state):
        raise InvalidRequest(
            "This checkpoint is of a detector, which classifies people in boxes (AVA): its head needs the boxes beside "
            "the clip, so it cannot be shown. Take the checkpoint that it was fine-tuned from, a classifier of clips."
        )
    if head not in state:
        raise InvalidRequest(
            f"This checkpoint is of a network of PyTorchVideo without classes (it lacks {head}): what is opened here "
            "are classifiers. Take a checkpoint that was fine-tuned on classes."
        )
    return state


def _stages(state: State) -> dict[int, int]:
    """Return how many residual blocks each block of the network has, of those that have any."""
    stages: dict[int, set[str]] = {}
    for match in filter(None, map(RESIDUAL.match, state)):
        stages.setdefault(int(match[1]), set()).add(match[2])
    return {stage: len(stages[stage]) for stage in sorted(stages)}  # a large number in a name makes no large network


def _depth(counts: Sequence[int], known: Sequence[int]) -> int:
    depth = DEPTHS.get(tuple(counts), 0)
    if depth not in known:
        depths = ", ".join(f"R{each}" for each in known)
        raise InvalidRequest(
            f"The network has {', '.join(map(str, counts))} residual blocks in its stages: PyTorchVideo builds "
            f"{depths} alone. Register it with a family file of your own (docs/networks.md)."
        )
    return depth


def _kernel(state: State, name: str) -> list[int]:
    return list(_weight(state, name).shape[2:])


def _weight(state: State, name: str) -> Tensor:
    if name not in state:
        raise InvalidRequest(
            f"The checkpoint looks like a network of PyTorchVideo, but lacks the tensor {name}: it is damaged, or of a "
            "network that the library does not build."
        )
    return state[name]


def _resnet(state: State, stages: Mapping[int, int], head: str) -> Structure:
    stem = _weight(state, "blocks.0.conv.weight")
    firsts = [f"blocks.{index}.res_blocks.0.branch2." for index in stages]
    arguments: dict[str, Any] = {"stem_dim_out": stem.shape[0], "stem_conv_kernel_size": list(stem.shape[2:])}
    arguments["model_depth"] = depth = _depth(list(stages.values()), (50, 101, 152))
    if f"{firsts[0]}conv_b.conv_t.weight" in state:
        kind = "r2plus1d"
        arguments["stage_conv_a_kernel_size"] = [_kernel(state, f"{first}conv_a.weight") for first in firsts]
        arguments["stage_conv_b_kernel_size"] = [
            _kernel(state, f"{first}conv_b.conv_t.weight")[:1] + _kernel(state, f"{first}conv_b.conv_xy.weight")[1:]
            for first in firsts
        ]
    elif _kernel(state, f"{firsts[0]}conv_b.weight")[0] > 1:
        kind = "csn"
        conv_b, conv_c = (_weight(state, f"{firsts[0]}{name}.weight") for name in ("conv_b", "conv_c"))
        arguments["stage_conv_a_kernel_size"] = _kernel(state, f"{firsts[0]}conv_a.weight")
        arguments["stage_conv_b_kernel_size"] = list(conv_b.shape[2:])
        arguments["stage_conv_b_width_per_group"] = conv_b.shape[1]
        arguments["bottleneck_ratio"] = max(conv_c.shape[0] // conv_c.shape[1], 1)
    else:
        arguments["stage1_pool"] = 2 not in stages
        convs = [f"blocks.{index}.res_blocks." for index in stages]
        arguments |= _bottlenecks(state, convs, list(stages.values()))
        times = [kernel[0] for stage in arguments["stage_conv_a_kernel_size"] for kernel in stage]
        is_2d = max(times) == 1 and stem.shape[2] == 1
        kind = ("c2d" if is_2d else "i3d_resnet") if arguments["stage1_pool"] else "slow"
    return Structure(kind, _weight(state, head).shape[0], depth, arguments)


def _bottlenecks(state: State, stages: Sequence[str], counts: Sequence[int]) -> dict[str, Any]:
    """Return kernel sizes and groups of the stages of bottleneck blocks whose names begin so."""
    seconds = [_weight(state, f"{stage}0.branch2.conv_b.weight") for stage in stages]
    return {
        "stage_conv_a_kernel_size": [
            [_kernel(state, f"{stage}{block}.branch2.conv_a.weight") for block in range(count)]
            for stage, count in zip(stages, counts, strict=True)
        ],
        "stage_conv_b_kernel_size": [list(second.shape[2:]) for second in seconds],
        "stage_conv_b_num_groups": [second.shape[0] // second.shape[1] for second in seconds],
    }


def _slowfast(state: State) -> Structure:
    prefix = "blocks.{}.multipathway_blocks.{}."
    pattern = re.compile(r"blocks\.([1-4])\.multipathway_blocks\.([01])\.res_blocks\.(\d+)\.")
    counts = {(stage, pathway): 0 for stage in range(1, 5) for pathway in range(2)}
    for match in filter(None, map(pattern.match, state)):
        key = int(match[1]), int(match[2])
        counts[key] = max(counts[key], int(match[3]) + 1)
    depth = _depth([counts[stage, 0] for stage in range(1, 5)], (18, 50, 101, 152))
    stems = [_weight(state, f"{prefix.format(0, pathway)}conv.weight") for pathway in range(2)]
    lateral = _weight(state, "blocks.0.multipathway_fusion.conv_fast_to_slow.weight")
    pathways = [
        _bottlenecks(
            state,
            [f"{prefix.format(stage, pathway)}res_blocks." for stage in range(1, 5)],
            [counts[stage, 0] for stage in range(1, 5)],
        )
        for pathway in range(2)
    ]
    arguments: dict[str, Any] = {
        "model_depth": depth,
        "stem_dim_outs": [stem.shape[0] for stem in stems],
        "stem_conv_kernel_sizes": [list(stem.shape[2:]) for stem in stems],
        "slowfast_channel_reduction_ratio": [stems[0].shape[0] // stems[1].shape[0]],  # beta
        "slowfast_conv_channel_fusion_ratio": lateral.shape[0] // lateral.shape[1],
        "slowfast_fusion_conv_kernel_size": list(lateral.shape[2:]),
        "stage_conv_a_kernel_sizes": [pathway["stage_conv_a_kernel_size"] for pathway in pathways],
        "stage_conv_b_kernel_sizes": [pathway["stage_conv_b_kernel_size"] for pathway in pathways],
        "stage_conv_b_num_groups": [pathway["stage_conv_b_num_groups"] for pathway in pathways],
    }
    return Structure("slowfast", _weight(state, "blocks.6.proj.weight").shape[0], depth, arguments)


def _x3d(state: State, stages: Mapping[int, int], head: str) -> Structure:
    stem, temporal = (_weight(state, f"blocks.0.conv.{name}.weight") for name in ("conv_t", "conv_xy"))
    counts = list(stages.values())
    blocks = [f"blocks.{index}.res_blocks.0.branch2." for index in stages]
    last = _weight(state, f"{blocks[-1]}conv_c.weight")
    excitation = any(".norm_b.1.block.0." in name for name in state)
    arguments: dict[str, Any] = {
        "stem_dim_in": X3D_STEM_WIDTH,
        "width_factor": stem.shape[0] / X3D_STEM_WIDTH,
        "depth_factor": min(count / basis for count, basis in zip(counts, X3D_BLOCKS, strict=True)),
        "stem_conv_kernel_size": [temporal.shape[2], *stem.shape[3:]],
        "stage_conv_kernel_size": [_kernel(state, f"{block}conv_b.weight") for block in blocks],
        "bottleneck_factor": last.shape[1] / last.shape[0],
        "head_dim_out": _weight(state, head).shape[1],
        "head_bn_lin5_on": f"blocks.{max(stages) + 1}.pool.post_norm.weight" in state,
    }
    if not excitation:
        arguments["se_ratio"] = 0.0
    return Structure("x3d", _weight(state, head).shape[0], None, arguments)


def _mvit(state: State) -> Structure:
    patches = _weight(state, "patch_embed.patch_model.weight")
    if patches.ndim != 5:
        raise InvalidRequest("This MViT is of single images (its patches have no time): what is shown are videos.")
    count = 1 + max(int(match[1]) for match in filter(None, map(re.compile(r"blocks\.(\d+)\.").match, state)))
    widths = [_weight(state, f"blocks.{index}.norm1.weight").shape[0] for index in range(count)]
    pooled = [index for index in range(count) if f"blocks.{index}.attn.pool_q.weight" in state]
    keys = [_weight(state, f"blocks.{index}.attn.pool_k.weight") for index in range(count)]
    heads = [width // key.shape[0] for width, key in zip(widths, keys, strict=True)]
    positions = [_weight(state, f"cls_positional_encoding.pos_embed_{axis}") for axis in ("temporal", "spatial")]
    side = round(positions[1].shape[1] ** 0.5)
    arguments: dict[str, Any] = {
        "depth": count,
        "patch_embed_dim": patches.shape[0],
        "conv_patch_embed_kernel": list(patches.shape[2:]),
        "conv_patch_embed_padding": [size // 2 for size in patches.shape[2:]],
        "cls_embed_on": "cls_positional_encoding.cls_token" in state,
        "num_heads": heads[0],
        "mlp_ratio": _weight(state, "blocks.0.mlp.fc1.weight").shape[0] / widths[0],
        "qkv_bias": "blocks.0.attn.q.bias" in state,
        "pool_kvq_kernel": list(keys[0].shape[2:]),
        "embed_dim_mul": _ratios(widths),
        "atten_head_mul": _ratios(heads),
        "pool_q_stride_size": [[index, 1, 2, 2] for index in pooled],
        "grid": [positions[0].shape[1], side, side],  # of tokens
    }
    return Structure("mvit", _weight(state, "head.proj.weight").shape[0], None, arguments)


def _ratios(sizes: Sequence[int]) -> list[list[float]]:
    """Return by how much each size is larger than the one before, [index, ratio], where it is not the same."""
    pairs = enumerate(pairwise(sizes), 1)
    return [[index, after / before] for index, (before, after) in pairs if after != before]

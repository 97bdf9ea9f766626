"""Turn the graph of a MatConvNet file into the steps of a module and its tensors in torch's layouts.

MatConvNet folds frames into the batch and marks where blocks work along time; here time is an axis of all maps as soon
as one block does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from app.contract.errors import WeightsMismatch, WeightsUnreadable
from app.contract.network import CLASS_LAYER
from worker.networks.families.matconvnet_paths import Paths, listed
from worker.networks.matconvnet_graph import Block

TEMPORAL = ("ConvTime", "Conv3D", "PoolTime", "Pooling3D")
CONVOLUTIONS = ("Conv", "ConvTime", "Conv3D")
MERGES = {"Sum": "sum", "Mul": "product", "Times": "product", "Concat": "concat"}
PLAIN = {"ReLU": "relu", "Sigmoid": "sigmoid", "SoftMax": "softmax", "LRN": "lrn", "DropOut": "same"}
KNOWN = (*CONVOLUTIONS, "Pooling", "PoolTime", "Pooling3D", *MERGES, *PLAIN, "BatchNorm", "Scale", "Loss")
DEFAULT_LRN = (5.0, 1.0, 0.0001 / 5, 0.75)


@dataclass
class Plan:
    """The steps of a network in the order in which they run, and its tensors under the names that they have there."""

    rank: int  # axes of a map: 2, or 3 where blocks work along time
    steps: list[dict[str, Any]] = field(default_factory=list)
    state: dict[str, Tensor] = field(default_factory=dict)


class Planner:
    """Makes the plan of the blocks that lead to the prediction. `plan` is complete once `run` has returned."""

    def __init__(self, params: Mapping[str, Tensor], paths: Paths, channels: Mapping[str, int]) -> None:
        """Start with the parameters in MATLAB's layouts, and the channels of the input variables."""
        self.params, self.paths = params, paths
        self.channels = dict(channels)
        self.plan = Plan(3 if any(block.kind in TEMPORAL for block in paths.blocks) else 2)
        self.taken: set[str] = set()

    def run(self) -> Plan:
        skipped: set[str] = set()
        for block in self.paths.blocks:
            if block.name in skipped:
                continue
            norm = self._norm_after(block)
            if norm is not None:
                skipped.add(norm.name)
            self._add(block, norm)
        return self.plan

    def _norm_after(self, block: Block) -> Block | None:
        """Return the batch normalisation that is the only reader of a convolution."""
        if block.kind not in CONVOLUTIONS or block.outputs[0] == self.paths.prediction:
            return None
        readers = self.paths.readers(block.outputs[0])
        return readers[0] if len(readers) == 1 and readers[0].kind == "BatchNorm" else None

    def _add(self, block: Block, norm: Block | None) -> None:
        name = self._module_name(block.name)
        output = (norm or block).outputs[0]
        if block.kind in CONVOLUTIONS:
            kind, options = "convolution", self._convolution(block, name, norm)
        elif block.kind == "BatchNorm":
            kind, options = "normalization", {"channels": self._add_norm(block, name)}
        elif block.kind in ("Pooling", "PoolTime", "Pooling3D"):
            kind, options = "pooling", self._pooling(block)
        elif block.kind in MERGES:
            kind, options = "merge", {"how": MERGES[block.kind]}
            axis = block.numbers("dim", (3,))[0]
            if block.kind == "Concat" and axis != 3:
                raise self._refuse(block, f"joins maps along axis {axis:g}, where units are axis 3")
        elif block.kind == "Scale":
            kind, options = "scale", self._scale(block, name)
        elif block.kind in PLAIN:
            kind, options = PLAIN[block.kind], {}
            if kind == "relu":
                options = {"leak": block.numbers("leak", (0,))[0]}
            elif kind == "lrn":
                options = {"param": list(block.numbers("param", DEFAULT_LRN))}
        else:
            raise self._refuse(block, f"is of the type {block.kind}, which is not known")
        self.channels[output] = self._count(block)
        options["rectified"] = self._rectified(block, output)
        step = {"name": name, "kind": kind, "inputs": list(block.inputs), "output": output, "options": options}
        self.plan.steps.append(step)

    def _rectified(self, block: Block, output: str) -> bool | None:
        """Return whether only ReLUs read a layer; None for blocks that are no layers, and the prediction itself."""
        if block.kind not in (*CONVOLUTIONS, *MERGES) or block.kind == "Concat" or output == self.paths.prediction:
            return None
        readers = self.paths.readers(output)
        return all(reader.kind == "ReLU" and not reader.options.get("leak") for reader in readers)

    def _module_name(self, name: str) -> str:
        """Return a name for a module, which may have no dot and is no attribute of every module."""
        name = re.sub(r"[^0-9A-Za-z_]", "_", name)
        while name in self.taken or hasattr(nn.Module(), name) or name in (CLASS_LAYER, "omitted"):
            name += "_"
        self.taken.add(name)
        return name

    def _count(self, block: Block) -> int:
        """Return how many units the output of a block has."""
        counts = [self.channels[name] for name in block.inputs]
        if block.kind in CONVOLUTIONS:
            return int(self._param(block, 0).shape[-1])
        if block.kind == "Concat":
            return sum(counts)
        if len(set(counts)) > 1:
            raise self._refuse(block, f"joins maps of {' and '.join(map(str, counts))} units")
        return counts[0]

    def _convolution(self, block: Block, name: str, norm: Block | None) -> dict[str, Any]:
        weight = self._param(block, 0)
        rank = self.plan.rank
        stride, pad, dilate = self._spatial(block)
        if block.kind == "Conv":
            weight = weight.permute(3, 2, 0, 1) if rank == 2 else weight.permute(3, 2, 0, 1).unsqueeze(2)
        elif block.kind == "ConvTime":
            if len(weight) != 1:
                raise self._refuse(block, f"is {len(weight)} positions wide, where a convolution along time is 1")
            weight = weight.permute(3, 2, 1, 0).unsqueeze(-1)
        else:
            weight = weight.permute(4, 3, 2, 0, 1)
        units, inputs = weight.shape[:2]
        groups, rest = divmod(self.channels[block.inputs[0]], inputs)
        if rest or not groups or units % groups:
            found = self.channels[block.inputs[0]]
            raise self._refuse(block, f"reads {found} units, and its weights are for {inputs}")
        bias = self._optional(block, 1)
        if bias is not None and bias.numel() != units:
            raise self._refuse(block, f"has {units} units, and {bias.numel()} biases")
        self.plan.state[f"{name}.conv.weight"] = weight.contiguous()
        if bias is not None:
            self.plan.state[f"{name}.conv.bias"] = bias.flatten().clone()
        if norm is not None:
            self._add_norm(norm, name)
        return {
            "shape": list(weight.shape),
            "stride": stride,
            "pad": pad,
            "dilate": dilate,
            "groups": groups,
            "bias": bias is not None,
            "norm": norm is not None,
        }

    def _spatial(self, block: Block) -> tuple[list[int], list[int], list[int]]:
        """Return stride, padding (in the order of torch's `pad`) and dilation of a filter, on the plan's axes."""
        is_volume = block.kind in ("Conv3D", "Pooling3D")
        axes = 3 if is_volume else 2
        stride, dilate = self._each(block, "stride", axes), self._each(block, "dilate", axes)
        pad = self._each(block, "pad", 2 * axes, default=0)
        if min(stride) < 1 or min(dilate) < 1 or min(pad) < 0:
            raise self._refuse(block, "has a stride, dilation or padding that is no such number")
        if block.kind in ("ConvTime", "PoolTime"):
            # the two axes are all positions of a frame, one after the other, and time
            if stride[0] != 1 or any(pad[:2]) or dilate[0] != 1:
                raise self._refuse(block, "has a stride or padding over positions, where it works along time alone")
            return [stride[1], 1, 1], [0, 0, 0, 0, *pad[2:]], [dilate[1], 1, 1]
        top, bottom, left, right, *time = pad
        torch_pad = [left, right, top, bottom, *time]
        if is_volume:
            return [stride[2], *stride[:2]], torch_pad, [dilate[2], *dilate[:2]]
        if self.plan.rank == 3:
            return [1, *stride], [*torch_pad, 0, 0], [1, *dilate]
        return stride, torch_pad, dilate

    def _each(self, block: Block, name: str, count: int, default: int = 1) -> list[int]:
        """Return an option that is one number, one an axis, or one a side."""
        numbers = block.numbers(name, (default,))
        if not all(np.isfinite(number) and number == int(number) for number in numbers):
            raise self._refuse(block, f"has a {name} of {numbers}")
        whole = [int(number) for number in numbers]
        if len(whole) == 1:
            return whole * count
        if len(whole) == count:
            return whole
        if 2 * len(whole) == count:  # one for both sides of each axis
            return [number for number in whole for _ in range(2)]
        raise self._refuse(block, f"has a {name} of {len(whole)} numbers")

    def _pooling(self, block: Block) -> dict[str, Any]:
        stride, pad, _ = self._spatial(block)
        axes = 3 if block.kind == "Pooling3D" else 2
        numbers = block.numbers("poolSize", (1,))
        numbers = numbers * axes if len(numbers) == 1 else numbers
        sizes = [0 if np.isinf(number) else int(number) for number in numbers]
        if len(sizes) != axes or any(size < (block.kind != "PoolTime") for size in sizes):
            raise self._refuse(block, f"has windows of {sizes}")
        method = str(block.options.get("method", "max"))
        if block.kind == "Pooling3D":
            size, method = [sizes[2], *sizes[:2]], "max"
        elif block.kind == "PoolTime":
            if sizes[0] != 1:
                raise self._refuse(block, f"has windows of {sizes[0]} positions, where it works along time alone")
            size = [sizes[1], 1, 1]
        else:
            size = [1, *sizes] if self.plan.rank == 3 else sizes
        if method not in ("max", "avg"):
            raise self._refuse(block, f"pools by `{method}`")
        return {"size": size, "stride": stride, "pad": pad, "method": method}

    def _add_norm(self, block: Block, name: str) -> int:
        """Add the tensors of a batch normalisation to those of a module, and return how many units it has."""
        gain, offset = self._param(block, 0).flatten(), self._param(block, 1).flatten()
        moments = self._optional(block, 2)
        if moments is None:
            raise self._refuse(block, "has no moments of its training data (`params` has two names)")
        if offset.numel() != gain.numel() or moments.numel() != 2 * gain.numel():
            raise self._refuse(block, f"has {gain.numel()} gains, {offset.numel()} offsets, {moments.numel()} moments")
        mean, deviation = moments.reshape(-1, 2).T
        if not bool((deviation > 0).all()):
            raise self._refuse(block, "has standard deviations that are not above 0: it was not trained")
        values = {"weight": gain, "bias": offset, "running_mean": mean, "running_var": deviation.square()}
        self.plan.state |= {f"{name}.norm.{key}": value.clone() for key, value in values.items()}
        return gain.numel()

    def _scale(self, block: Block, name: str) -> dict[str, Any]:
        inputs = len(block.inputs)
        found = [self._optional(block, index) for index in range(2)]
        kept = {
            key: value
            for key, value in zip(("factor", "offset")[inputs - 1 :], found, strict=False)
            if value is not None
        }
        if inputs not in (1, 2) or (inputs == 1 and "factor" not in kept):
            raise self._refuse(block, "has no factor")
        for key, value in kept.items():
            if value.numel() not in (1, self.channels[block.inputs[0]]):
                raise self._refuse(block, f"has a {key} that is not one number a unit")
            self.plan.state[f"{name}.{key}"] = value.reshape(-1, *[1] * self.plan.rank).clone()
        return {key: kept[key].numel() if key in kept else 0 for key in ("factor", "offset")}

    def _param(self, block: Block, index: int) -> Tensor:
        """Return a parameter of a block, with all axes that its kind has (MATLAB drops the last ones of size 1)."""
        value = self._optional(block, index)
        if value is None:
            raise self._refuse(block, f"lacks parameter {index + 1} of its {listed(block.params) or 'none'}")
        axes = {"Conv": 4, "ConvTime": 4, "Conv3D": 5}.get(block.kind, 0) if index == 0 else 0
        return value.reshape(*value.shape, *[1] * (axes - value.ndim)) if axes > value.ndim else value

    def _optional(self, block: Block, index: int) -> Tensor | None:
        """Return a parameter of a block; None where the block has none, or an empty one."""
        if index >= len(block.params) or (index == 1 and block.options.get("hasBias") in (False, 0.0)):
            return None
        value = self.params.get(block.params[index])
        if value is None:
            raise WeightsMismatch(f"The file lacks the parameter {block.params[index]} of the layer {block.name}.")
        if not value.numel():
            return None
        if not bool(torch.isfinite(value).all()):
            raise WeightsUnreadable(
                f"The parameter {block.params[index]} has values that are no numbers (NaN or infinite): its training "
                "has failed, or the file is damaged."
            )
        return value

    def _refuse(self, block: Block, why: str) -> WeightsMismatch:
        return WeightsMismatch(
            f"The layer {block.name} ({block.kind}) {why}. Known are {', '.join(KNOWN)}: register the network with a "
            "family file of your own if it needs another block."
        )


def convolution_channels(params: Mapping[str, Tensor], blocks: Sequence[Block], variable: str) -> int | None:
    """Return the channels of an input variable, by the weights of the first block that reads it; None if untold."""
    for block in blocks:
        if variable in block.inputs and block.params:
            shape = params[block.params[0]].shape if block.params[0] in params else ()
            if block.kind in ("Conv", "ConvTime") and len(shape) > 2:
                return int(shape[2])
            if block.kind == "Conv3D" and len(shape) > 3:
                return int(shape[3])
    return None

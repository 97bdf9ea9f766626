"""What a MATLAB file holds for the rest of the worker: tensors by name, and the graph of a MatConvNet network."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from app.contract.errors import WeightsUnreadable
from worker.networks.matconvnet_graph import read_graph
from worker.networks.matlab_file import Array, Value, read_matlab
from worker.networks.weights import Content

GRAPH_KEY = "matconvnet"  # under which the content of a file has its Graph
PARAMS_KEY = "params"


def parse_matlab(data: bytes, max_bytes: int) -> Content:
    """Return the arrays of a MATLAB file in MATLAB's layouts; those of a MatConvNet network with its graph.

    Raises WeightsUnreadable for a file without arrays, or one that cannot be read.
    """
    variables = read_matlab(data, max_bytes)
    graph = read_graph(variables)
    if graph is not None:
        params = {name: as_tensor(array) for name, array in graph.params.items()}
        return {GRAPH_KEY: replace(graph, params={}), PARAMS_KEY: params}
    content = _tensors(variables)
    if not content:
        names = ", ".join(variables) or "nothing"
        raise WeightsUnreadable(
            f"The MATLAB file holds neither a network of MatConvNet nor arrays, but {names}: a network is a struct "
            "with `layers` and `params`, alone or as the variable `net`."
        )
    return content


def _tensors(variables: Mapping[str, Value]) -> dict[str, object]:
    content: dict[str, object] = {}
    for name, value in variables.items():
        if isinstance(value, Mapping):
            content[name] = _tensors(value)
        elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            content[name] = as_tensor(value)
    return {name: value for name, value in content.items() if isinstance(value, Tensor) or value}


def as_tensor(array: Array) -> Tensor:
    """Return an array of any type and byte order as a tensor of float32, with the same axes."""
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))

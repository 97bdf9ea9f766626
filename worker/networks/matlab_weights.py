"""What a MATLAB file holds for the rest of the worker: tensors by name, and the graph of a MatConvNet network."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from app.contract.errors import WeightsUnreadable
from worker.networks.matconvnet_graph import read_graph
from worker.networks.matlab_file import Array, Value, read_matlab
from worker.networks.weights import Content, too_large

GRAPH_KEY = "matconvnet"  # under which the content of a file has its Graph
PARAMS_KEY = "params"


def parse_matlab(data: bytes, max_bytes: int) -> Content:
    """Return the arrays of a MATLAB file in MATLAB's layouts; those of a MatConvNet network with its graph.

    Raises WeightsUnreadable for a file without arrays, or one that cannot be read.
    """
    variables = read_matlab(data, max_bytes)
    graph = read_graph(variables)
    if graph is not None:
        _check_size(graph.params.values(), max_bytes)
        params = {name: as_tensor(array) for name, array in graph.params.items()}
        return {GRAPH_KEY: replace(graph, params={}), PARAMS_KEY: params}
    _check_size(_arrays(variables), max_bytes)
    content = _tensors(variables)
    if not content:
        names = ", ".join(variables) or "nothing"
        raise WeightsUnreadable(
            f"The MATLAB file holds neither a network of MatConvNet nor arrays, but {names}: a network is a struct "
            "with `layers` and `params`, alone or as the variable `net`."
        )
    return content


def _check_size(arrays: Iterable[Array], max_bytes: int) -> None:
    """Raise WeightsUnreadable for arrays that take more than `max_bytes` as float32: bytes grow by four."""
    size = 4 * sum(array.size for array in arrays)
    if size > max_bytes:
        raise too_large(f"The arrays of the MATLAB file take {size:,} bytes", max_bytes)


def _arrays(variables: Mapping[str, Value]) -> Iterator[Array]:
    for value in variables.values():
        if isinstance(value, Mapping):
            yield from _arrays(value)
        elif isinstance(value, np.ndarray):
            yield value


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

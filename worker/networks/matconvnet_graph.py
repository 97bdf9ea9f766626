"""The graph of a MatConvNet network, as the variables of its file describe it: blocks, variables, parameters.

Both of MatConvNet's forms are read: DagNN (`layers`, `params`, `vars`, `meta` in a struct) and SimpleNN (`layers` in a
cell, one after the other), which becomes a graph as `dagnn.DagNN.fromSimpleNN` makes one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.contract.errors import WeightsUnreadable
from worker.networks.matlab_file import Array, Unread, Value

SIMPLE_BLOCKS = {  # SimpleNN's types, and the blocks of DagNN that are the same
    "conv": "Conv",
    "pool": "Pooling",
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "normalize": "LRN",
    "lrn": "LRN",
    "bnorm": "BatchNorm",
    "dropout": "DropOut",
    "softmax": "SoftMax",
    "softmaxloss": "Loss",
    "loss": "Loss",
}
SIMPLE_NAMES = {"pool": "poolSize"}  # of options, where DagNN has another
SAVE_ADVICE = "In MATLAB, `s = net.saveobj(); save('net.mat', '-struct', 's', '-v7')` saves it as structs."
Option = bool | float | str | list[float]


@dataclass(frozen=True)
class Block:
    """One layer of the file: its operator and the variables and parameters that it connects."""

    name: str
    kind: str  # its class without `dagnn.`
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: tuple[str, ...]
    options: Mapping[str, Option]

    def numbers(self, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
        """Return an option that is a list of numbers; MATLAB does not tell one number from a list of one."""
        value = self.options.get(name)
        if isinstance(value, list) and value:
            return tuple(value)
        return (float(value),) if isinstance(value, bool | int | float) else default


@dataclass(frozen=True)
class Graph:
    """A network as its file has it, in MATLAB's layouts."""

    blocks: tuple[Block, ...]
    params: Mapping[str, Array]
    meta: Mapping[str, Any] = field(default_factory=dict)

    def normalization(self) -> Mapping[str, Any]:
        found = self.meta.get("normalization")
        return found if isinstance(found, Mapping) else {}


def read_graph(variables: Mapping[str, Value]) -> Graph | None:
    """Return the network among the variables of a MATLAB file; None if they hold none.

    Raises WeightsUnreadable for one that is saved as an object, or whose parts are not MatConvNet's.
    """
    net = variables.get("net", variables)
    if isinstance(net, Unread):
        raise WeightsUnreadable(f"`net` in the MATLAB file is {net.kind}, which only MATLAB can read. {SAVE_ADVICE}")
    if not isinstance(net, Mapping) or "layers" not in net:
        return None
    meta = dict(net["meta"]) if isinstance(net.get("meta"), Mapping) else {}
    for old in ("classes", "normalization"):  # which were beside the layers before there was `meta`
        if old in net:
            meta.setdefault(old, net[old])
    layers = _structs(net["layers"])
    if not layers:
        raise WeightsUnreadable("`layers` in the MATLAB file is empty: this is no network of MatConvNet.")
    if "block" in layers[0]:
        params = {_text(each, "name"): _array(each.get("value")) for each in _structs(net.get("params", []))}
        return Graph(tuple(map(_read_block, layers)), params, meta)
    blocks: list[Block] = []
    values: dict[str, Array] = {}
    for number, layer in enumerate(layers):
        blocks.append(_read_simple(number, layer, values))
    return Graph(tuple(blocks), values, meta)


def _structs(value: Value) -> list[Mapping[str, Value]]:
    """Return the structs of a struct array, a cell, or one struct alone."""
    values = [value] if isinstance(value, Mapping) else value
    if not isinstance(values, list) or not all(isinstance(each, Mapping) for each in values):
        found = next((each.kind for each in values if isinstance(each, Unread)), "") if isinstance(values, list) else ""
        raise WeightsUnreadable(
            f"`layers` and `params` of a MatConvNet network are structs; here is {found or 'something else'}. "
            f"{SAVE_ADVICE}"
        )
    return values


def _read_block(layer: Mapping[str, Value]) -> Block:
    kind = _text(layer, "type")
    options = layer.get("block", {})
    return Block(
        name=_text(layer, "name"),
        kind=kind.removeprefix("dagnn."),
        inputs=_texts(layer.get("inputs")),
        outputs=_texts(layer.get("outputs")),
        params=_texts(layer.get("params")),
        options=dict(_options(options)) if isinstance(options, Mapping) else {},
    )


def _read_simple(number: int, layer: Mapping[str, Value], values: dict[str, Array]) -> Block:
    """Return a layer of SimpleNN as a block of a graph; its weights are added to the values."""
    kind = _text(layer, "type")
    name = str(layer.get("name") or f"layer{number + 1}")
    weights = layer.get("weights", [layer[old] for old in ("filters", "biases") if old in layer])
    names = []
    for suffix, weight in zip(
        "mbx" if kind == "bnorm" else "fb", weights if isinstance(weights, list) else [], strict=False
    ):
        array = _array(weight)
        if array.size:
            names.append(name + suffix)
            values[name + suffix] = array
    options = {SIMPLE_NAMES.get(option, option): value for option, value in _options(layer) if option != "weights"}
    return Block(
        name=name,
        kind=SIMPLE_BLOCKS.get(kind, kind),
        inputs=(f"x{number}", *(["label"] if SIMPLE_BLOCKS.get(kind) == "Loss" else [])),
        outputs=(f"x{number + 1}",),
        params=tuple(names),
        options=options | ({"hasBias": len(names) > 1} if kind == "conv" else {}),
    )


def _options(struct: Mapping[str, Value]) -> Iterator[tuple[str, Option]]:
    """Yield the options of a layer that are text or few numbers."""
    for name, value in struct.items():
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, np.ndarray) and 0 < value.size <= 16 and value.dtype.kind in "biuf":
            numbers = [float(number) for number in value.ravel(order="F")]
            yield name, numbers[0] if len(numbers) == 1 else numbers


def _text(struct: Mapping[str, Value], name: str) -> str:
    value = struct.get(name)
    if not isinstance(value, str) or not value:
        raise WeightsUnreadable(
            f"A layer or parameter in the MATLAB file has no `{name}`: it is no network of MatConvNet."
        )
    return value


def _texts(value: Value) -> tuple[str, ...]:
    """Return the texts of a cell, or one text alone."""
    values = value if isinstance(value, list) else [value]
    return tuple(text for text in values if isinstance(text, str) and text)


def _array(value: Value) -> Array:
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" else np.zeros((0, 0), np.float32)


def class_names(meta: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """Return the names of the classes where the file gives each of the outputs one of its own, otherwise none."""
    classes = meta.get("classes")
    for field_name in ("description", "name", "names"):
        names = _texts(classes.get(field_name)) if isinstance(classes, Mapping) else ()
        if len(names) == count == len(set(names)):
            return names
    return ()

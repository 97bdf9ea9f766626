"""Two-stream networks of MatConvNet with tiny layers, wired and named as the published code wires and names them.

See github.com/feichtenhofer: twostreamfusion (VGG-16, ResNet-50) and st-resnet. They are saved in the real layout of
DagNN files, and compared with `matconvnet_reference`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.contract.network import StreamName
from benchmarks.architectures.case import Case, Inputs, SavedNetwork
from benchmarks.architectures.matconvnet_reference import Array, apply, run
from benchmarks.architectures.matlab_writer import Cell, StructArray, save_v5, save_v73

CLASSES = ("Archery", "Biking", "Diving", "Fencing", "Kayaking")
STREAMS = ("spatial", "temporal")  # as the files call appearance and motion
INPUTS = {"spatial": "input", "temporal": "input_flow"}
FIELDS = 10
RGB_MEAN = (123.68, 116.779, 103.939)
VGG_WIDTHS = (4, 4, 6, 6, 8)
CONVOLUTIONS = (2, 2, 3, 3, 3)
RESNET_WIDTHS = (4, 4, 6, 6)
# Of the 3, 4, 6 and 3 blocks of a stage, as many as have all kinds; the blocks `b` of ST-ResNet work along time
BLOCKS = {False: {2: "a", 3: "a", 4: "a", 5: "ac"}, True: {2: "ab", 3: "a", 4: "a", 5: "ab"}}


class Network:
    """A DagNN that is made layer by layer and computed on noise meanwhile, from which normalisations have moments."""

    def __init__(self, size: int, frames: int, seed: int) -> None:
        self.size, self.frames = size, frames
        self.layers: list[dict[str, Any]] = []
        self.params: dict[str, Any] = {}
        self.random = np.random.default_rng(seed)
        self.values: dict[str, Array] = {
            "input": self.random.uniform(-128, 128, (size, size, 3, 2 * frames)),
            "input_flow": self.random.uniform(-128, 128, (size, size, 2 * FIELDS, 2 * frames)),
        }

    def add(
        self, name: str, kind: str, inputs: Sequence[str], block: dict[str, Any], params: Sequence[str] = ()
    ) -> str:
        """Add a layer, whose output is a variable of its name, and return that."""
        layer = {"name": name, "type": f"dagnn.{kind}", "inputs": tuple(inputs), "outputs": (name,)}
        self.layers.append(layer | {"params": tuple(params), "block": block})
        xs = [self.values[each] for each in inputs]
        weights = [self.params[each].astype(np.float64) for each in params]
        self.values[name] = apply(kind, block, xs, weights, clips=2)
        return name

    def convolution(
        self,
        name: str,
        x: str,
        units: int,
        shape: tuple[int, ...],
        *,
        stride: Sequence[int] = (1, 1),
        pad: Sequence[int] = (0, 0, 0, 0),
        has_bias: bool = True,
        kind: str = "Conv",
    ) -> str:
        inputs = self.values[x]
        size = float(np.sqrt(np.square(inputs).mean()))
        deviation = np.sqrt(1 / (np.prod(shape) * inputs.shape[2])) / max(size, 1e-3)
        filters = self.random.normal(0, deviation, (*shape, inputs.shape[2], units)).astype(np.float32)
        params = {f"{name}f": filters}
        if has_bias:
            params[f"{name}b"] = self.random.normal(0, 0.2, (1, units)).astype(np.float32)
        self.params |= params
        block = {"size": filters.shape, "hasBias": has_bias, "pad": pad, "stride": stride, "opts": Cell(("cuDNN",))}
        return self.add(name, kind, [x], block, tuple(params))

    def relu(self, name: str, x: str) -> str:
        return self.add(name, "ReLU", [x], {"useShortCircuit": True, "leak": 0, "opts": Cell(())})

    def pool(
        self, name: str, x: str, size: int, stride: int, pad: Sequence[int] = (0, 0, 0, 0), how: str = "max"
    ) -> str:
        block = {"method": how, "poolSize": (size, size), "pad": pad, "stride": (stride, stride)}
        return self.add(name, "Pooling", [x], block)

    def normalization(self, name: str, x: str) -> str:
        values = self.values[x]
        moments = np.stack([values.mean((0, 1, 3)), np.sqrt(values.var((0, 1, 3)) + 0.1)], 1)
        units = len(moments)
        self.params |= {
            f"{name}m": self.random.uniform(0.8, 1.2, (units, 1)).astype(np.float32),
            f"{name}b": self.random.normal(0, 0.2, (units, 1)).astype(np.float32),
            f"{name}x": moments.astype(np.float32),
        }
        block = {"numChannels": units, "epsilon": 1e-5}
        return self.add(name, "BatchNorm", [x], block, [f"{name}{suffix}" for suffix in "mbx"])

    def loss(self, prediction: str) -> None:
        """Add the loss and the error of a prediction, which are in the files and play no part in a test."""
        for name, kind in ((f"loss_{prediction}", "softmaxlog"), (f"err1_{prediction}", "classerror")):
            layer = {"name": name, "type": "dagnn.Loss", "inputs": (prediction, "label"), "outputs": (f"{name}_value",)}
            self.layers.append(layer | {"params": (), "block": {"loss": kind, "opts": Cell(())}})

    def variables(self) -> dict[str, Any]:
        """Return what the file of the network holds: the streams one after the other, as they were joined."""
        layers = sorted(self.layers, key=lambda layer: layer["name"].endswith("_temporal"))
        names = ("inputs", "outputs", "params")
        structs = [
            layer | {name: Cell(layer[name]) for name in names} | {"block": _as_matlab(layer["block"])}
            for layer in layers
        ]
        params = [
            {"name": name, "value": value, "learningRate": 1.0, "weightDecay": 1.0}
            for name, value in self.params.items()
        ]
        variables = list(dict.fromkeys(name for layer in layers for name in (*layer["inputs"], *layer["outputs"])))
        mean = np.array([128.0] * 2 * FIELDS + list(RGB_MEAN), np.float32).reshape(1, 1, -1)
        normalization = {
            "imageSize": np.array([[self.size, self.size, 2 * FIELDS]], float),
            "averageImage": mean,
            "border": np.array([[8.0, 8.0]]),
            "interpolation": "bilinear",
        }
        return {
            "layers": StructArray(tuple(structs)),
            "params": StructArray(tuple(params)),
            "vars": StructArray(tuple({"name": name, "precious": False} for name in variables)),
            "meta": {"normalization": normalization, "classes": {"description": Cell(CLASSES), "name": Cell(CLASSES)}},
        }


def _as_matlab(block: dict[str, Any]) -> dict[str, Any]:
    return {name: np.array([value], float) if isinstance(value, tuple) else value for name, value in block.items()}


def vgg16(*, has_time: bool) -> Network:
    """Return VGG-16 streams fused after conv5: by a convolution 1 x 1, or by one over time and a pool over time."""
    network = Network(size=64, frames=5 if has_time else 1, seed=11)
    ends = {}
    for stream in STREAMS:
        x = INPUTS[stream]
        for stage, (width, count) in enumerate(zip(VGG_WIDTHS, CONVOLUTIONS, strict=True), 1):
            if stage > 1:
                x = network.pool(f"pool{stage - 1}_{stream}", x, 2, 2)
            for number in range(1, count + 1):
                x = network.convolution(f"conv{stage}_{number}_{stream}", x, width, (3, 3), pad=(1, 1, 1, 1))
                x = network.relu(f"relu{stage}_{number}_{stream}", x)
        ends[stream] = x
    fused = network.add("relu5_3_concat", "Concat", list(ends.values()), {"dim": 3})
    if has_time:
        fused = network.convolution(
            "conv53D", fused, VGG_WIDTHS[-1], (3, 3, 3), kind="Conv3D", stride=(1, 1, 1), pad=(1, 1, 1, 1, 1, 1)
        )
        fused = network.relu("relu3D5", fused)
    else:
        fused = network.relu("relu_fusion_1", network.convolution("conv_fusion_1", fused, VGG_WIDTHS[-1], (1, 1)))
    for stream, end in zip(STREAMS, (fused, ends["temporal"]), strict=True):
        if has_time:
            block = {"method": "max", "poolSize": (2, 2, 5), "pad": (0, 0, 0, 0, 0, 0), "stride": (2, 2, 2)}
            x = network.add(f"pool3D5_{stream}", "Pooling3D", [end], block)
        else:
            x = network.pool(f"pool5_{stream}", end, 2, 2)
        for name, shape in (("6", (2, 2)), ("7", (1, 1))):
            x = network.relu(f"relu{name}_{stream}", network.convolution(f"fc{name}_{stream}", x, 8, shape))
            x = network.add(f"dropout{name}_{stream}", "DropOut", [x], {"rate": 0.85})
        network.loss(network.convolution(f"prediction_{stream}", x, len(CLASSES), (1, 1)))
    return network


def resnet50(*, has_time: bool) -> Network:
    """Return bottleneck streams: fused after res5c by a convolution, or as ST-ResNet, whose sums carry motion over."""
    network = Network(size=48, frames=5 if has_time else 1, seed=12)
    ends = {}
    for stream in STREAMS:
        x = network.convolution(
            f"conv1_{stream}",
            "input" if stream == "spatial" else "input_flow",
            4,
            (7, 7),
            stride=(2, 2),
            pad=(3, 3, 3, 3),
        )
        x = network.relu(f"conv1_relu_{stream}", network.normalization(f"bn_conv1_{stream}", x))
        ends[stream] = network.pool(f"pool1_{stream}", x, 3, 2, (0, 1, 0, 1))
    fused = ""  # what the next block of the appearance stream reads beside its shortcut
    for (stage, letters), width in zip(BLOCKS[has_time].items(), RESNET_WIDTHS, strict=True):
        for letter in letters:
            sums = {}
            for stream in STREAMS:
                entry = fused if fused and stream == "spatial" else ends[stream]
                sums[stream] = bottleneck(network, f"res{stage}{letter}", stream, ends[stream], entry, width, has_time)
            for stream in STREAMS:
                ends[stream] = network.relu(f"res{stage}{letter}_relu_{stream}", sums[stream])
            fused = ""
            if has_time and letter == "a":
                both = [ends["temporal"], sums["spatial"]]
                fused = network.add(f"res{stage}a_relu_spatial_sum", "Sum", both, {"numInputs": 2})
    if not has_time:
        joined = network.add("res5c_relu_concat", "Concat", list(ends.values()), {"dim": 3})
        ends["spatial"] = network.relu("relu_fusion_1", network.convolution("conv_fusion_1", joined, 8, (1, 1)))
    for stream in STREAMS:
        x = ends[stream]
        if has_time:
            block = {"method": "max", "poolSize": (1, 3), "pad": (0, 0, 0, 0), "stride": (1, 2)}
            x = network.add(f"res5c_relu_pool_{stream}", "PoolTime", [x], block)
        x = network.pool(f"pool5_{stream}", x, 2, 1, how="avg")
        network.loss(network.convolution(f"prediction_{stream}", x, len(CLASSES), (1, 1)))
    return network


def bottleneck(network: Network, name: str, stream: str, shortcut: str, entry: str, width: int, has_time: bool) -> str:
    """Add a bottleneck block, and return the sum at its end. Only its first convolution reads `entry`."""
    is_first = name.endswith("a")
    stride = (2, 2) if is_first and not name.startswith("res2") else (1, 1)
    if is_first:
        shortcut = network.convolution(
            f"{name}_branch1_{stream}", shortcut, 2 * width, (1, 1), stride=stride, has_bias=False
        )
        shortcut = network.normalization(f"bn{name[3:]}_branch1_{stream}", shortcut)
    x = entry
    for part, units, shape in (("2a", width, (1, 1)), ("2b", width, (3, 3)), ("2c", 2 * width, (1, 1))):
        layer = f"{name}_branch{part}_{stream}"
        if has_time and name.endswith("b") and part != "2b":
            x = network.convolution(layer, x, units, (1, 3), pad=(0, 0, 1, 1), has_bias=False, kind="ConvTime")
        else:
            pad = (1, 1, 1, 1) if part == "2b" else (0, 0, 0, 0)
            step = stride if part == "2a" else (1, 1)
            x = network.convolution(layer, x, units, shape, pad=pad, has_bias=False, stride=step)
        x = network.normalization(f"bn{name[3:]}_branch{part}_{stream}", x)
        if part != "2c":
            x = network.relu(f"{name}_branch{part}_relu_{stream}", x)
    return network.add(f"{name}_{stream}", "Sum", [shortcut, x], {"numInputs": 2})


def network_inputs(network: Network, inputs: Inputs) -> dict[str, Array]:
    """Return what the published code would feed for the inputs of all networks here: 8-bit values less their means."""
    frames = network.frames
    flow = inputs[StreamName.MOTION].double().numpy()  # (B, 2F, H, W), in px / 20
    images = 255 * (20 * flow + 20) / 40 - 128
    stacks = [images[:, 2 * frame : 2 * (frame + FIELDS)] for frame in range(frames)]
    if frames == 1:
        pictures = inputs[StreamName.APPEARANCE].double().numpy()[:, None]
    else:
        pictures = inputs[StreamName.CLIP].double().numpy().transpose(0, 2, 1, 3, 4)
    colours = (pictures + 1) / 2 * 255 - np.array(RGB_MEAN)[:, None, None]
    in_order = {"input": colours, "input_flow": np.stack(stacks, 1)}  # (B, T, C, H, W)
    return {name: values.reshape(-1, *values.shape[2:]).transpose(2, 3, 1, 0) for name, values in in_order.items()}


def save(make: Callable[[], Network], folder: Path, *, version: str = "5") -> SavedNetwork:
    """Save a network, and return what is tried of it."""
    folder.mkdir(parents=True)
    network, path = make(), folder / "net.mat"
    (save_v73 if version == "7.3" else save_v5)(path, network.variables())

    def logits(inputs: Inputs) -> Tensor:
        clips = len(inputs[StreamName.MOTION])
        values = run(network.layers, network.params, network_inputs(network, inputs), clips)
        scores = values["prediction_spatial"]  # H x W x classes x (T B)
        each = scores.mean((0, 1)).reshape((scores.shape[2], -1, clips), order="F").mean(1)
        return torch.from_numpy(each.T.copy()).float()

    return SavedNetwork(path, logits)


CASES = (
    Case(
        "VGG-16 two-stream, conv5 fusion", "MatConvNet", partial(save, partial(vgg16, has_time=False)), "conv_fusion_1"
    ),
    Case(
        "VGG-16 two-stream, 3D conv5 fusion",
        "MatConvNet",
        partial(save, partial(vgg16, has_time=True)),
        "conv2_2_temporal",
    ),
    Case(
        "ResNet-50 two-stream, res5c fusion",
        "MatConvNet",
        partial(save, partial(resnet50, has_time=False)),
        "res3a_spatial",
    ),
    Case(
        "ST-ResNet, two-stream",
        "MatConvNet",
        partial(save, partial(resnet50, has_time=True), version="7.3"),
        "res3a_spatial",
    ),
)

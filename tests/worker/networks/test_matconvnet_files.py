"""Files of MatConvNet in all forms that people have, and what is said of those that cannot be opened."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.contract.errors import InvalidRequest, KinetoscopeError, WeightsMismatch, WeightsUnreadable
from app.contract.network import NetworkCard, StreamName
from benchmarks.architectures.matconvnet import CLASSES, FIELDS, INPUTS, Network, network_inputs
from benchmarks.architectures.matconvnet_reference import run
from benchmarks.architectures.matlab_writer import Cell, StructArray, save_v5, save_v73
from tests.worker.conftest import Invoke
from worker.networks.fuse import read_fused
from worker.networks.load import load_network, read_network
from worker.networks.stored_config import read_stored_config

Variables = dict[str, Any]


def small(*, is_fused: bool = True) -> Network:
    """Return a two-stream network of one convolution a stream."""
    network = Network(size=32, frames=1, seed=3)
    ends = []
    for stream, entry in INPUTS.items():
        x = network.convolution(f"conv1_{stream}", entry, 6, (5, 5), stride=(2, 2), pad=(2, 2, 2, 2))
        ends.append(network.relu(f"relu1_{stream}", x))
    fused = network.add("fusion", "Sum", ends, {"numInputs": 2})
    for stream, end in zip(INPUTS, (fused if is_fused else ends[0], ends[1]), strict=True):
        x = network.pool(f"pool1_{stream}", end, 16, 1, how="avg")
        network.loss(network.convolution(f"prediction_{stream}", x, len(CLASSES), (1, 1)))
    if not is_fused:
        network.layers = [layer for layer in network.layers if layer["name"] != "fusion"]
    return network


def edit_layers(variables: Variables, edit: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    layers = [edit(dict(layer)) for layer in variables["layers"].items]
    variables["layers"] = StructArray(tuple(layer for layer in layers if layer is not None))


def edit_param(variables: Variables, name: str, value: Any) -> None:
    """Give a parameter another value; None takes it away."""
    params = [dict(each) for each in variables["params"].items]
    variables["params"] = StructArray(
        tuple(
            each | ({"value": value} if each["name"] == name else {})
            for each in params
            if each["name"] != name or value is not None
        )
    )


def without_mean(variables: Variables) -> None:
    variables["meta"]["normalization"]["averageImage"] = np.zeros((0, 0))


def write(variables: Variables, path: Path) -> Path:
    save_v5(path, variables)
    return path


def test_a_struct_named_net_is_the_same_network(tmp_path: Path) -> None:
    variables = small().variables()
    alone = read_network(family=str(write(variables, tmp_path / "alone.mat")))
    named = read_network(family=str(write({"net": variables, "info": 3.0}, tmp_path / "named.mat")))
    save_v73(tmp_path / "v73.mat", {"net": variables})
    newer = read_network(family=str(tmp_path / "v73.mat"))
    assert alone[0].checksum == named[0].checksum == newer[0].checksum
    assert [layer.name for layer in alone[0].layers] == ["conv1_spatial", "conv1_temporal", "fusion", "class"]


def simple(*, names: bool) -> tuple[Variables, Network]:
    """Return an appearance stream as SimpleNN saves it, and the same as a graph."""
    network = Network(size=32, frames=1, seed=4)
    x = network.relu("relu1", network.convolution("conv1", "input", 6, (5, 5), stride=(2, 2), pad=(2, 2, 2, 2)))
    x = network.add("norm1", "LRN", [x], {"param": (5, 2, 1e-2, 0.75)})
    x = network.convolution("fc8", network.pool("pool1", x, 16, 1), 5, (1, 1))
    network.add("prob", "SoftMax", [x], {})
    kinds = {"Conv": "conv", "ReLU": "relu", "LRN": "normalize", "Pooling": "pool", "SoftMax": "softmax"}
    layers = []
    for layer in network.layers:
        block = {n: np.array([v], float) for n, v in layer["block"].items() if isinstance(v, tuple)}
        block |= {n: v for n, v in layer["block"].items() if isinstance(v, str)}
        block = {{"poolSize": "pool"}.get(name, name): value for name, value in block.items()}
        weights = Cell(tuple(network.params[name] for name in layer["params"]))
        layers.append(
            {"type": kinds[layer["type"].removeprefix("dagnn.")], **block}
            | ({"weights": weights} if weights.items else {})
            | ({"name": layer["name"]} if names else {})
        )
    mean = np.broadcast_to(np.array([120.0, 110.0, 100.0]), (32, 32, 3))
    meta = {"normalization": {"imageSize": np.array([[32.0, 32.0, 3.0]]), "averageImage": np.array(mean)}}
    return {"layers": Cell(tuple(layers)), "meta": meta}, network


@pytest.mark.parametrize("names", [True, False])
def test_a_simplenn_is_opened_as_the_graph_that_it_is(tmp_path: Path, names: bool) -> None:
    variables, reference = simple(names=names)
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(CLASSES))
    network = load_network(*read_network(family=str(write(variables, tmp_path / "net.mat")), labels=labels))
    assert [layer.name for layer in network.card.layers] == ["conv1" if names else "layer1", "class"]
    assert [stream.name for stream in network.card.streams] == [StreamName.APPEARANCE]
    assert network.card.title == "Appearance network of MatConvNet"
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    values = (pictures.double().numpy() + 1) / 2 * 255 - np.array([120.0, 110.0, 100.0])[:, None, None]
    scores = run(reference.layers, reference.params, {"input": values.transpose(2, 3, 1, 0)}, 2)["fc8"]
    expected = torch.from_numpy(scores[0, 0].T.copy()).float()
    torch.testing.assert_close(network.logits({StreamName.APPEARANCE: pictures}), expected, atol=1e-4, rtol=0)


def test_a_motion_stream_alone_is_surveyed_as_such(tmp_path: Path) -> None:
    network = Network(size=32, frames=1, seed=5)
    x = network.relu("relu1", network.convolution("conv1", "input_flow", 6, (5, 5), pad=(2, 2, 2, 2)))
    network.convolution("prediction", network.pool("pool1", x, 32, 1), 5, (1, 1))
    variables = network.variables()
    variables["meta"]["normalization"]["averageImage"] = np.full((1, 1, 20), 128.0)
    card, _ = read_network(family=str(write(variables, tmp_path / "net.mat")))
    assert [(s.name, s.frames) for s in card.streams] == [(StreamName.MOTION, FIELDS)]
    assert [layer.stream for layer in card.layers] == ["motion", "motion"]


def test_flow_without_a_known_scale_is_asked_for(tmp_path: Path, invoke: Invoke) -> None:
    variables = small().variables()
    without_mean(variables)
    path = write(variables, tmp_path / "net.mat")
    with pytest.raises(InvalidRequest, match=r"does not say in which units.*--flow-scale.*6\.375"):
        read_network(family=str(path))
    with pytest.raises(InvalidRequest, match="not above 0"):
        read_network(family=str(path), flow_scale=float("nan"))
    invoke("networks", "add", path, "--flow-scale", "1")
    card, data = read_network(family=str(path), flow_scale=1)
    config = json.loads(read_stored_config(data) or "")
    assert (config["flow_scale"], config["motion"]["middle"]) == (1, 0)
    assert "RGB from 0 to 255 (the file has no mean)." in card.summary
    appearance, _ = simple(names=True)
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(CLASSES))
    with pytest.raises(InvalidRequest, match="leave it away"):
        read_network(family=str(write(appearance, tmp_path / "rgb.mat")), labels=labels, flow_scale=1)
    with pytest.raises(InvalidRequest, match="leave it away"):
        read_network(family="i3d", weights=path, flow_scale=1)


def test_flow_in_pixels_is_scaled_as_stated(tmp_path: Path) -> None:
    reference = small()
    variables = reference.variables()
    without_mean(variables)
    network = load_network(*read_network(family=str(write(variables, tmp_path / "net.mat")), flow_scale=2))
    generator = torch.Generator().manual_seed(2)
    inputs = {
        StreamName.APPEARANCE: torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1,
        StreamName.MOTION: torch.rand(2, 20, 32, 32, generator=generator) * 2 - 1,
    }
    values = network_inputs(reference, inputs)
    values["input"] = ((inputs[StreamName.APPEARANCE].double().numpy() + 1) / 2 * 255).transpose(2, 3, 1, 0)
    values["input_flow"] = (2 * 20 * inputs[StreamName.MOTION].double().numpy()).transpose(2, 3, 1, 0)
    scores = run(reference.layers, reference.params, values, 2)["prediction_spatial"]
    expected = torch.from_numpy(scores[0, 0].T.copy()).float()
    torch.testing.assert_close(network.logits(inputs), expected, atol=1e-4, rtol=1e-5)


def test_classes_of_another_data_set_are_no_labels(tmp_path: Path) -> None:
    variables = small().variables()
    variables["meta"]["classes"] = {"description": Cell(tuple(f"synset {n}" for n in range(1000)))}
    path = write(variables, tmp_path / "net.mat")
    with pytest.raises(InvalidRequest, match="does not say what its outputs mean"):
        read_network(family=str(path))
    labels = tmp_path / "labels.txt"
    labels.write_text("run\njump\n")
    with pytest.raises(InvalidRequest, match=r"has 5 classes, but there are 2 labels.*classInd\.txt"):
        read_network(family=str(path), labels=labels)


def unknown_block(variables: Variables) -> None:
    edit_layers(variables, lambda layer: layer | ({"type": "dagnn.Crop"} if layer["name"] == "relu1_spatial" else {}))


def circle(variables: Variables) -> None:
    inputs = Cell(("relu1_spatial", "relu1_temporal", "pool1_spatial"))
    edit_layers(variables, lambda layer: layer | ({"inputs": inputs} if layer["name"] == "fusion" else {}))


def truncated(variables: Variables) -> None:
    edit_layers(variables, lambda layer: None if "predict" in layer["name"] or "pool" in layer["name"] else layer)
    edit_layers(
        variables,
        lambda layer: (
            layer | ({"type": "dagnn.ReLU", "inputs": Cell(("relu1_spatial",))} if layer["name"] == "fusion" else {})
        ),
    )
    edit_layers(variables, lambda layer: None if "temporal" in layer["name"] else layer)


def grey(variables: Variables) -> None:
    edit_param(variables, "conv1_spatialf", np.zeros((5, 5, 5, 6), np.float32))


@pytest.mark.parametrize(
    ("edit", "error", "words"),
    [
        (unknown_block, WeightsMismatch, r"layer relu1_spatial \(Crop\) is of the type Crop, which is not known"),
        (circle, WeightsUnreadable, "run in a circle through"),
        (truncated, InvalidRequest, r"ends in fusion \(ReLU\).*lacks the prediction"),
        (grey, InvalidRequest, "`input` of the network is one of 5 channels"),
        (lambda v: edit_param(v, "conv1_temporalb", None), WeightsMismatch, "lacks the parameter conv1_temporalb"),
        (
            lambda v: edit_param(v, "conv1_spatialb", np.full((1, 6), np.nan)),
            WeightsUnreadable,
            r"conv1_spatialb has values that are no numbers \(NaN",
        ),
        (lambda v: v.update(layers=Cell(())), WeightsUnreadable, "is empty"),
        (lambda v: v.update(layers=3.0), WeightsUnreadable, "are structs; here is something else"),
        (
            lambda v: edit_layers(v, lambda layer: layer | {"type": ""}),
            WeightsUnreadable,
            "has no `type`",
        ),
    ],
)
def test_a_network_that_cannot_be_opened_says_why(
    tmp_path: Path, edit: Callable[[Variables], Any], error: type[KinetoscopeError], words: str
) -> None:
    variables = small().variables()
    edit(variables)
    with pytest.raises(error, match=words):
        read_network(family=str(write(variables, tmp_path / "net.mat")))


def test_streams_that_never_meet_are_added_apart(tmp_path: Path) -> None:
    path = write(small(is_fused=False).variables(), tmp_path / "net.mat")
    with pytest.raises(
        InvalidRequest, match=r"never meet: prediction_spatial sees input; prediction_temporal sees input_f"
    ):
        read_network(family=str(path))


def test_the_files_of_both_streams_are_one_network(tmp_path: Path) -> None:
    networks = {}
    for stream, mean in (("spatial", (123.68, 116.779, 103.939)), ("temporal", (128.0,) * 20)):
        networks[stream] = network = Network(size=32, frames=1, seed=7)
        x = network.relu("relu1", network.convolution("conv1", INPUTS[stream], 6, (5, 5), stride=(2, 2)))
        network.convolution("prediction", network.pool("pool1", x, 14, 1), 5, (1, 1))
        variables = network.variables()
        variables["meta"]["normalization"]["averageImage"] = np.array(mean).reshape(1, 1, -1)
        write(variables, tmp_path / f"{stream}.mat")
    card, data = read_fused(source=tmp_path / "spatial.mat", motion=tmp_path / "temporal.mat")
    assert [layer.stream for layer in card.layers] == ["appearance", "motion", "fusion"]
    inputs = {
        StreamName.APPEARANCE: torch.full((1, 3, 32, 32), 0.3),
        StreamName.MOTION: torch.full((1, 20, 32, 32), -0.2),
    }
    scores = [
        run(network.layers, network.params, network_inputs(network, inputs), 1)["prediction"][0, 0].T
        for network in networks.values()
    ]
    expected = torch.from_numpy(np.mean(scores, 0)).float()
    torch.testing.assert_close(load_network(card, data).logits(inputs), expected, atol=1e-4, rtol=0)


def test_the_last_of_two_predictions_of_one_stream_is_taken(tmp_path: Path) -> None:
    network = small()
    x = network.pool("pool_aux", "relu1_spatial", 16, 1)
    network.loss(network.convolution("prediction_aux", x, 5, (1, 1)))
    card, _ = read_network(family=str(write(network.variables(), tmp_path / "net.mat")))
    assert (
        "classes are those of prediction_spatial, not of prediction_temporal, prediction_aux"
        in card.summary.replace("prediction_aux, prediction_temporal", "prediction_temporal, prediction_aux")
    )


def test_a_clip_has_as_many_frames_as_the_file_was_last_run_on(tmp_path: Path) -> None:
    cards: list[NetworkCard] = []
    for frames in (None, 9.0, 3.0):
        network = Network(size=32, frames=9, seed=6)
        x = network.convolution("conv1", "input", 6, (5, 5), stride=(4, 4))
        x = network.add(
            "time", "PoolTime", [x], {"method": "max", "poolSize": (1, 7), "pad": (0,) * 4, "stride": (1, 1)}
        )
        network.convolution("prediction", network.pool("pool1", x, 7, 1), 5, (1, 1))
        variables = network.variables()
        variables["meta"]["curNumFrames"] = np.zeros((0, 0)) if frames is None else np.full((1, 4), frames)
        cards.append(read_network(family=str(write(variables, tmp_path / "net.mat")))[0])
    assert [card.streams[0].frames for card in cards] == [7, 9, 7], "3 are fewer than the pool takes"
    assert "9 consecutive frames, as the file was last run on" in cards[1].summary

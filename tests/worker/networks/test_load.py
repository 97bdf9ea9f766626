import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file as load_tensors
from safetensors.torch import save, save_file

from app.contract.errors import (
    ChecksumMismatch,
    Conflict,
    InvalidRequest,
    UnknownFamily,
    VideoError,
    WeightsMismatch,
    WeightsUnreadable,
)
from app.contract.network import StreamName
from worker.evidence.predict import predict
from worker.networks.load import describe_network, load_network, read_network
from worker.networks.network import Network
from worker.networks.weights import compute_checksum


def test_a_card_says_what_the_network_is(tiny_two_stream_weights: Path) -> None:
    data = tiny_two_stream_weights.read_bytes()
    card = describe_network(
        family="tiny_two_stream", weights=tiny_two_stream_weights, title="Mine", checksum=compute_checksum(data)
    )
    assert (card.slug, card.title, card.family) == ("tiny_two_stream", "Mine", "tiny_two_stream")
    assert card.checksum == compute_checksum(data)
    assert card.classes == ("jump", "run", "sit", "wave", "walk")
    assert [stream.name for stream in card.streams] == [StreamName.APPEARANCE, StreamName.MOTION]
    assert card.streams[1].bound == 0.3
    assert card.parameters == sum(tensor.numel() for tensor in load_tensors(tiny_two_stream_weights).values())
    assert card.layers[-1].units == 5


def test_a_loaded_network_is_frozen(tiny_clip: Network) -> None:
    assert not tiny_clip.module.training
    assert not any(parameter.requires_grad for parameter in tiny_clip.module.parameters())
    clip = torch.randn(1, 3, 8, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(tiny_clip.activation("class", {StreamName.CLIP: clip}).sum(), clip)
    assert gradient.abs().max() > 0


def test_the_same_weights_give_the_same_network(tiny_clip: Network, tiny_clip_weights: Path) -> None:
    again = load_network(tiny_clip.card, tiny_clip_weights.read_bytes(), "cpu")
    inputs = {StreamName.CLIP: torch.randn(2, 3, 8, 32, 32)}
    assert torch.equal(again.logits(inputs), tiny_clip.logits(inputs))
    assert again.points == tiny_clip.points


def test_other_weights_are_not_loaded(tiny_clip: Network, tiny_two_stream_weights: Path) -> None:
    with pytest.raises(ChecksumMismatch):
        load_network(tiny_clip.card, tiny_two_stream_weights.read_bytes())


def test_a_family_that_changed_since(tiny_clip: Network, tiny_clip_weights: Path) -> None:
    first, second, *rest = tiny_clip.card.layers
    renamed = first.model_copy(update={"name": "stem.0"})
    for layers in [(renamed, second, *rest), (second, first, *rest)]:
        older = tiny_clip.card.model_copy(update={"layers": layers})
        with pytest.raises(Conflict, match="family tiny_clip has changed"):
            load_network(older, tiny_clip_weights.read_bytes())


def test_a_card_of_fewer_layers_than_are_found_today(tiny_clip: Network, tiny_clip_weights: Path) -> None:
    """A network stays as it was added: results are stored by its layers."""
    older = tiny_clip.card.model_copy(update={"layers": tiny_clip.card.layers[1::2]})
    network = load_network(older, tiny_clip_weights.read_bytes())
    assert list(network.points) == [layer.name for layer in older.layers] != list(tiny_clip.points)


def test_bad_weights(tiny_clip_weights: Path, tiny_two_stream_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ChecksumMismatch):
        describe_network(family="tiny_clip", weights=tiny_clip_weights, checksum="0" * 64)
    with pytest.raises(WeightsMismatch, match=r"missing: \d+ \(stem\.0\.weight 6x3x3x3x3"):
        describe_network(family="tiny_clip", weights=tiny_two_stream_weights)
    with pytest.raises(WeightsUnreadable):
        describe_network(family="tiny_clip", weights=tmp_path)
    with pytest.raises(UnknownFamily):
        describe_network(family="tiny_clap", weights=tiny_clip_weights)


def test_shards_become_one_network(tiny_clip: Network, tiny_clip_weights: Path, tmp_path: Path) -> None:
    names = {
        name: f"model-{number:05}-of-00099.safetensors" for number, name in enumerate(load_tensors(tiny_clip_weights))
    }
    for name, tensor in load_tensors(tiny_clip_weights).items():
        save_file({name: tensor}, tmp_path / names[name])
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    card, data = read_network(family="tiny_clip", weights=tmp_path)
    inputs = {StreamName.CLIP: torch.randn(2, 3, 8, 32, 32)}
    assert torch.equal(load_network(card, data).logits(inputs), tiny_clip.logits(inputs))
    with pytest.raises(WeightsMismatch, match=r"one shard of several: give the file that lists them, \*\.index\.json"):
        describe_network(family="tiny_clip", weights=tmp_path / names["head.weight"])


def test_half_precision_weights(tiny_clip: Network, tiny_clip_weights: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.safetensors"
    save_file(
        {name: t.half() if t.is_floating_point() else t for name, t in load_tensors(tiny_clip_weights).items()}, half
    )
    network = load_network(describe_network(family="tiny_clip", weights=half), half.read_bytes())
    inputs = {StreamName.CLIP: torch.randn(2, 3, 8, 32, 32)}
    torch.testing.assert_close(network.logits(inputs), tiny_clip.logits(inputs), rtol=0.01, atol=0.01)


def test_labels(tiny_clip_weights: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("kick\n  high jump \ncafé\nrun\n\n")
    card = describe_network(family="tiny_clip", weights=tiny_clip_weights, labels=labels)
    assert card.classes == ("kick", "high jump", "café", "run")


@pytest.mark.parametrize("count", [3, 5])
def test_another_number_of_labels(count: int, tiny_clip_weights: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"label {index}" for index in range(count)))
    with pytest.raises(WeightsMismatch, match=f"a network of 4 classes, but there are {count} labels"):
        describe_network(family="tiny_clip", weights=tiny_clip_weights, labels=labels)


@pytest.mark.parametrize(
    ("label", "words"), [("x" * 201, "has 201 characters; 200 are taken"), ("a\x00b", "control"), ("\ud800", "control")]
)
def test_labels_that_no_database_holds(label: str, words: str, tiny_clip_weights: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps([label, "b", "c", "d"]))
    with pytest.raises(InvalidRequest, match=words):
        describe_network(family="tiny_clip", weights=tiny_clip_weights, labels=labels)


def test_names_that_cannot_be(tiny_clip_weights: Path) -> None:
    with pytest.raises(InvalidRequest, match="slug"):
        describe_network(family="tiny_clip", weights=tiny_clip_weights, slug="Not a slug")
    with pytest.raises(InvalidRequest, match="title"):
        describe_network(family="tiny_clip", weights=tiny_clip_weights, title="")


BROKEN = """
from torch import nn
from app.contract.catalog import Extent, Stream, StreamName
from worker.networks.registry import register

@register(
    name="broken_builder",
    title="Broken",
    streams=[Stream(name=StreamName.CLIP, frames=4, height=8, width=8)],
    stimulus=Extent(frames=4, height=8, width=8),
    classes=2,
)
def build(classes):
    raise ValueError("no idea how")
"""


def test_a_family_that_cannot_build(tmp_path: Path) -> None:
    family, weights = tmp_path / "broken.py", tmp_path / "weights.safetensors"
    family.write_text(BROKEN)
    weights.write_bytes(save({"a": torch.zeros(1)}))
    with pytest.raises(InvalidRequest, match="cannot build a network of 2 classes: ValueError: no idea how"):
        describe_network(family=str(family), weights=weights)


def test_predict(tiny_clip: Network, tiny_two_stream: Network, tmp_path: Path) -> None:
    clip = tmp_path / "clip.gif"
    frames = [Image.new("RGB", (40, 32), (index * 30, 200, 90)) for index in range(6)]
    frames[0].save(clip, save_all=True, append_images=frames[1:], duration=40)
    best = predict(tiny_clip, clip)
    assert sorted(name for name, _ in best) == [f"class {index}" for index in range(4)]
    assert [probability for _, probability in best] == sorted((p for _, p in best), reverse=True)
    assert sum(probability for _, probability in best) == pytest.approx(1)
    assert predict(tiny_clip, clip, count=1) == best[:1]
    assert sum(probability for _, probability in predict(tiny_two_stream, clip)) == pytest.approx(1)
    with pytest.raises(VideoError, match="cannot be read"):
        predict(tiny_clip, tmp_path / "none.mp4")

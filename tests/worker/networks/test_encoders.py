"""Encoders without classes of the library transformers: from the directory to a survey."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from app.contract.dataset import NewClip
from app.contract.errors import InvalidRequest, NoClasses, WeightsMismatch
from app.contract.network import StreamName
from app.contract.recipe import Recipe
from app.contract.unit import UnitRole
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import open_store
from app.store.surveys import evidence, writing
from app.store.surveys.findings import get_findings_data
from benchmarks.architectures.video_transformers import ENCODERS, open_encoder, pixel_values, save_encoder
from tests.worker.conftest import Invoke
from worker.evidence.explain import explain
from worker.evidence.unit_embedding import UnitEmbedding
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun

CLIP = np.random.default_rng(5).integers(0, 255, (4, 32, 32, 3)).astype(np.uint8)
INPUTS = {StreamName.CLIP: (torch.from_numpy(CLIP).float() / 127.5 - 1).permute(3, 0, 1, 2)[None]}


def shifted(by: int, count: int) -> np.ndarray[Any, Any]:
    return np.roll(CLIP, by, 1)


@pytest.fixture(scope="module", params=sorted(ENCODERS))
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(model, tmp_path_factory.mktemp(model) / "My encoder")


@pytest.fixture(scope="module")
def network(folder: Path) -> Network:
    return load_network(*read_network(family=str(folder)))


def test_the_card_has_every_layer_and_no_classes(model: str, network: Network) -> None:
    card = network.card
    assert (card.classes, card.class_sentences, card.slug) == ((), (), "my-encoder")
    names = [layer.name for layer in card.layers]
    assert names[0] == "patch_embedding"
    assert "class" not in names
    assert {"blocks.0", "blocks.2.mlp", "blocks.2"} <= {*names}
    omitted = {part.module: part.reason for part in card.omitted}
    assert not [name for name in omitted if name.startswith(f"{card.family}.")]
    if card.family == "videomae":
        assert "masked tokens in training" in omitted["decoder, encoder_to_decoder"]
    assert "without classes" in card.summary


def test_the_residual_stream_is_that_of_the_library(model: str, folder: Path, network: Network) -> None:
    kind = network.card.family
    with torch.no_grad():
        hidden = open_encoder(model, folder)(
            **pixel_values(kind, torch.from_numpy(CLIP)), output_hidden_states=True
        ).hidden_states[2]
    tokens = hidden[0, kind in ("timesformer", "vivit") :]
    t, h, w = (4, 4, 4) if kind == "timesformer" else (2, 4, 4)
    order = ((h, w, t), (3, 2, 0, 1)) if kind == "timesformer" else ((t, h, w), (3, 0, 1, 2))
    maps = tokens.unflatten(0, order[0]).permute(order[1])
    assert maps.std() > 0.01
    torch.testing.assert_close(network.activation("blocks.1", INPUTS)[0].detach(), maps, atol=1e-4, rtol=1e-4)


def test_a_unit_is_visualized(network: Network) -> None:
    (result,) = maximize_units(network, "blocks.1", [3], [Recipe(steps=4, jitter=0)])
    assert isinstance(result.outcome, Visualization), result.outcome
    assert result.outcome.measurements.objective > result.outcome.measurements.trace[0]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Network:
    folder = save_encoder("VideoMAEForPreTraining", tmp_path_factory.mktemp("pretrained") / "mae")
    return load_network(*read_network(family=str(folder)))


def test_a_survey_measures_everything_but_classes(pretrained: Network, tmp_path: Path) -> None:
    network = pretrained
    labels = ("dog", "cat", "dog")  # no classes of any network
    samples = [Sample(f"clip {n}", label, partial(shifted, 5 * n)) for n, label in enumerate(labels)]
    survey = SurveyRun(network, "pets", samples, tmp_path, threads=1).run()
    assert (survey.facts.accuracy, survey.facts.recall, survey.facts.confusion) == (None, (), ())
    assert (survey.facts.streams, survey.facts.masked, list(survey.predictions)) == (None, (), [])
    embedding = UnitEmbedding()
    units = list(embedding.collect(survey.units))
    assert len(units) == network.card.units
    for unit in units:
        assert (unit.responses, unit.precision, unit.effective_classes) == ((), (), None)
        assert unit.role == (UnitRole.DEAD if unit.a_hat <= 0 else None)
        assert len(unit.label_responses) == 2
        assert "label_responses" not in unit.model_dump()
    live = next(unit for unit in units if unit.layer == "blocks.1" and unit.a_hat > 0)
    assert all((live.top_clips, live.speed, live.correlated_units))
    assert len(embedding.positions()) > network.card.units / 2


def test_classes_are_refused(pretrained: Network) -> None:
    network = pretrained
    with pytest.raises(NoClasses, match="has no classes: it is an encoder"):
        explain(network, INPUTS)
    with pytest.raises(NoClasses, match="no classes"):
        network.card.layer("class")
    with pytest.raises(NoClasses, match="no classes"):
        network.card.match_class("dog")


def test_labels_for_an_encoder_are_refused(folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("dog\ncat\n")
    with pytest.raises(InvalidRequest, match=r"encoder without classes, so the labels in labels\.txt belong to none"):
        read_network(family=str(folder), labels=labels)


def test_a_tensor_of_neither_encoder_nor_decoder_is_refused(tmp_path: Path) -> None:
    folder = save_encoder("VideoMAEForPreTraining", tmp_path / "changed")
    file = folder / "model.safetensors"
    state = safetensors.torch.load_file(file) | {"head.weight": torch.zeros(1)}
    safetensors.torch.save_file(state, file, {"format": "pt"})
    with pytest.raises(WeightsMismatch, match=r"unexpected: 1 \(head\.weight\)"):
        read_network(family=str(folder))


def test_a_model_that_is_neither_classifier_nor_encoder_is_named(tmp_path: Path) -> None:
    folder = save_encoder("VideoMAEModel", tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["VideoMAEForDetection"]}))
    with pytest.raises(InvalidRequest, match=r"VideoMAEForDetection.*known are VideoMAEForVideoClassification, Video"):
        read_network(family=str(folder))


def test_commands_say_that_it_has_no_classes(invoke: Invoke, tmp_path: Path) -> None:
    added = invoke("networks", "add", save_encoder("VideoMAEForPreTraining", tmp_path / "mae")).output
    assert "no classes" in added
    assert "Not shown: decoder, encoder_to_decoder" in added
    assert "as registered" in invoke("networks", "check", "mae").output
    for command in (("networks", "check", "mae", "--clip", "a.mp4"), ("explain", "mae", "a.mp4")):
        assert "mae has no classes: it is an encoder" in invoke(*command, ok=False).output


def test_a_survey_is_stored_and_read_back(sqlite_url: str, tmp_path: Path) -> None:
    card, data = read_network(family=str(save_encoder("VideoMAEModel", tmp_path / "mae")))
    names = ("one", "two")
    samples = [Sample(name, name, partial(shifted, 9 * n)) for n, name in enumerate(names)]
    result = SurveyRun(load_network(card, data), "pets", samples, tmp_path, threads=1).run()
    store = open_store(sqlite_url)
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=[data])
        datasets.add_dataset(session, slug="pets", title="Pets", summary="")
        datasets.add_clips(session, slug="pets", clips=[NewClip(name=name, label=name, media=()) for name in names])
        survey = writing.begin_survey(session, network="mae", dataset="pets")
        writing.save_unit_evidence(session, survey_id=survey, units=result.units)
        writing.save_predictions(session, survey_id=survey, predictions=result.predictions)
        writing.finish_survey(session, survey_id=survey, facts=result.facts)
    with store.session() as session:
        read = evidence.get_survey(session, card=card)
        unit = evidence.get_evidence(session, card=card, layer="blocks.1", unit=3)
        findings = get_findings_data(session, card=card)
    assert read is not None
    assert (read.accuracy, read.summary.accuracy, read.confusion) == (None, None, ())
    assert unit is not None
    assert (unit.effective_classes, unit.precision) == (None, ())
    assert unit.top_clips
    assert findings is not None
    assert "speed_octaves" in findings.statistics.distributions
    assert "effective_classes" not in findings.statistics.distributions
    store.close()

"""A video transformer is surveyed, and its stimuli are held to the statistics that the survey measured."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from app.contract.errors import InvalidRecipe
from app.contract.job import JobState, VisualizeJob, VisualizeRequest
from app.contract.network import NetworkCard, StreamName
from app.contract.recipe import Recipe
from app.settings import settings
from app.store import datasets
from app.store.catalog.networks import get_card, read_weights
from app.store.catalog.survey_columns import read_feature_statistics
from app.store.database.engine import Store, open_store
from app.store.jobs import listing, requests
from app.store.results.visualizations import get_visualization
from benchmarks.architectures.video_transformers import LABELS, save
from tests.worker.conftest import Invoke
from worker.cli.visualize import compute
from worker.evidence.feature_statistics import unpack_statistics
from worker.graph.inputs import Inputs
from worker.maximize.from_recipe import Visualization, make_model, maximize_units
from worker.networks.load import load_network
from worker.networks.network import Network
from worker.networks.preprocessing import join_clips, make_inputs
from worker.survey.stored_inputs import stored_samples
from worker.video.encode import write_video

LAYER, UNIT = "blocks.2", 1
HELD = Recipe(steps=24, jitter=0, bn_prior=1)


@pytest.fixture
def store(invoke: Invoke, tmp_path: Path) -> Iterator[Store]:
    """Yield a database with a tiny VideoMAE and a data set of nine videos, both without a survey."""
    for number in range(9):
        path = tmp_path / "videos" / LABELS[number % 3] / f"{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        rough = np.random.default_rng(number).integers(0, 255, (8, 8, 3), np.uint8).repeat(16, 0).repeat(16, 1)
        write_video(path, np.stack([np.roll(rough, 3 * t, 1) for t in range(6)]), fps=25)
    invoke("networks", "add", save("videomae", tmp_path / "network"), "--slug", "mae")
    invoke("datasets", "add", "videos", tmp_path / "videos")
    store = open_store(settings().sqlalchemy_url)
    yield store
    store.close()


def card_of(store: Store) -> NetworkCard:
    with store.session() as session:
        return get_card(session, slug="mae")


def enqueue(store: Store, recipe: Recipe) -> VisualizeJob:
    with store.transaction() as session:
        request = VisualizeRequest(network="mae", layer=LAYER, units=[UNIT], recipe=recipe)
        return requests.enqueue(session, request=request).jobs[0]


def loaded(store: Store) -> Network:
    with store.session() as session:
        return load_network(get_card(session, slug="mae"), read_weights(session, slug="mae"))


def clips(store: Store, card: NetworkCard) -> Inputs:
    frames = card.stimulus.frames
    return join_clips([make_inputs(card, sample.read(frames)) for sample in stored_samples(store, "videos")])


def test_stimuli_are_held_to_what_a_survey_measured(store: Store, invoke: Invoke) -> None:
    with pytest.raises(InvalidRecipe, match="Survey the network first"):
        enqueue(store, HELD)
    plain_key = Recipe(steps=24, jitter=0).resolved(card_of(store)).key()

    invoke("survey", "mae", "videos")
    card, network = card_of(store), loaded(store)
    recipe = HELD.resolved(card)
    assert recipe.feature_statistics == card.feature_statistics != ""
    plain = Recipe(steps=24, jitter=0).resolved(card)
    assert plain.model_copy(update={"survey_maxima": ""}).key() == plain_key
    with store.session() as session:
        data = read_feature_statistics(session, card=card, sha256=card.feature_statistics)
    statistics = unpack_statistics(data)
    assert set(statistics) == {layer.name for layer in card.statistics_layers}
    assert {"patch_embedding", "blocks.0", "blocks.1", "blocks.2"} <= set(statistics)
    features = network.activation("blocks.1", clips(store, card)).detach()
    variance, mean = torch.var_mean(features.double(), (0, 2, 3, 4), correction=0)
    torch.testing.assert_close(statistics["blocks.1"].mean.double(), mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(statistics["blocks.1"].variance.double(), variance, rtol=1e-3, atol=1e-7)

    model, _ = make_model(network, LAYER, recipe, statistics)
    found = []
    for each in (Recipe(steps=24, jitter=0), HELD):
        (result,) = maximize_units(network, LAYER, [UNIT], [each], statistics=statistics)
        assert isinstance(result.outcome, Visualization), result.outcome
        x = torch.from_numpy(result.outcome.stimulus[StreamName.CLIP])[None]
        divergence = model.with_bn_divergence({StreamName.CLIP: x}, reduced=False)[1]
        assert divergence is not None
        found.append(float(divergence))
    assert found[1] < 0.9 * found[0], found
    (first,) = maximize_units(network, "patch_embedding", [UNIT], [HELD], statistics=statistics)
    assert isinstance(first.outcome, Visualization)
    assert any("no layer before patch_embedding" in note for note in first.outcome.measurements.notes)

    with pytest.raises(InvalidRecipe, match="not at hand here"):
        maximize_units(network, LAYER, [UNIT], [HELD])

    job = enqueue(store, HELD)
    compute(store, [job])
    with store.session() as session:
        ended = listing.get_job(session, job_id=job.id)
        assert isinstance(ended, VisualizeJob)
        assert ended.visualization is not None, ended.error
        result_recipe = get_visualization(session, visualization_id=ended.visualization).recipe
    assert result_recipe.feature_statistics == card.feature_statistics

    late = enqueue(store, HELD.model_copy(update={"seed": 5}))
    with store.transaction() as session:
        datasets.remove_dataset(session, slug="videos")
    assert card_of(store).feature_statistics == ""
    compute(store, [late])
    with store.session() as session:
        ended = listing.get_job(session, job_id=late.id)
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert "has been removed, or replaced by a newer one" in ended.error.detail

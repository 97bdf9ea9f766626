"""Linear probes: classes that can be told, classes that cannot, and what is refused."""

import numpy as np
import pytest
import torch

from app.contract.errors import InvalidRequest
from app.contract.network import Layer
from worker.directions.activations import LayerSample, Rows
from worker.directions.probes import fit_probe, learn_probe, measure_probe
from worker.networks.dictionary import DictionaryLayer
from worker.networks.network import Network


@pytest.fixture
def base(tiny_clip: Network) -> Layer:
    return tiny_clip.card.layer("conv2")


def sampled(means: Rows, labels: tuple[str, ...]) -> LayerSample:
    clips = np.arange(len(means))
    return LayerSample(means, clips, means, tuple(f"clip {n}" for n in clips), labels, ())


def clips(noise: float, classes: int = 3, each: int = 20) -> LayerSample:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(classes, 8))
    which = np.arange(classes * each) % classes
    means = (centers[which] + noise * rng.normal(size=(len(which), 8))).astype(np.float32)
    return sampled(means, tuple(f"class {n}" for n in which))


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_that_lie_apart_are_told_and_name_the_directions(base: Layer, classes: int) -> None:
    sample = clips(0.05, classes)
    learned = learn_probe(sample, base, "d")
    probe = learned.facts.probe
    assert probe is not None
    assert learned.dictionary.names == tuple(f"class {n}" for n in range(classes))
    assert (probe.clips, probe.accuracy.value, probe.accuracy.low) == (4 * classes, 1.0, 1.0)
    assert probe.chance == pytest.approx(1 / classes, abs=0.05)
    assert probe.p_value < 0.05
    code = DictionaryLayer(learned.directions, follows_relu=False).encode(torch.from_numpy(sample.means))
    told = [learned.dictionary.names[index] for index in code.argmax(1).tolist()]
    assert told == list(sample.labels), "the largest code is the class"


def test_labels_that_mean_nothing_are_told_by_chance(base: Layer) -> None:
    rng = np.random.default_rng(1)
    sample = sampled(rng.normal(size=(90, 8)).astype(np.float32), tuple(f"class {n % 3}" for n in range(90)))
    probe = learn_probe(sample, base, "d").facts.probe
    assert probe is not None
    assert probe.accuracy.low < 1 / 3 < probe.accuracy.high
    assert probe.p_value > 0.05


def test_a_channel_that_never_changes_has_no_weight() -> None:
    sample = clips(0.1)
    features = np.concatenate([sample.means, np.full((60, 1), 7, np.float32)], 1)
    weights, _ = fit_probe(features, np.arange(60) % 3, 3)
    assert not weights[:, 8].any()
    assert weights[:, :8].any()


def test_measures_of_a_probe_by_hand() -> None:
    predicted, labels = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    measured = measure_probe(predicted, labels, seed=0)
    assert measured.accuracy.value == 0.75
    assert measured.chance == pytest.approx(0.5, abs=0.02)  # of the four places of the one 0, two give 3/4, two 1/4
    assert measured.p_value == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("labels", "words"),
    [(("a", "a", "a"), "All clips are of the class a"), (("a", "a", "b"), "and b has only one: bring more clips")],
)
def test_too_few_clips_are_refused(base: Layer, labels: tuple[str, ...], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        learn_probe(sampled(np.ones((3, 8), np.float32), labels), base, "d")

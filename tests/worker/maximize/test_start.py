"""Accentuation: a stimulus that starts from a clip, what it keeps of it, and what it raises."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from app.contract.errors import InvalidRecipe
from app.contract.network import StreamName
from app.contract.recipe import Recipe
from worker.graph.inputs import as_input
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.maximize.measures import Array
from worker.networks.network import Network

CLIP = "c" * 64


def random_clip(network: Network, seed: int = 0) -> dict[StreamName, Array]:
    rng = np.random.default_rng(seed)
    return {
        stream.name: (
            rng.uniform(-0.4, 0.4, (stream.depth, stream.frames, stream.height, stream.width)).astype(np.float32)
        )
        for stream in network.card.streams
    }


def accentuate(
    network: Network, layer: str = "class", units: tuple[int, ...] = (2,), **fields: object
) -> list[Visualization]:
    recipe = Recipe.model_validate({"start_clip": CLIP, "steps": 10, "jitter": 4, **fields})
    results = maximize_units(network, layer, units, [recipe] * len(units), clip=random_clip(network))
    assert all(isinstance(each.outcome, Visualization) for each in results), results
    return [each.outcome for each in results if isinstance(each.outcome, Visualization)]


def activations(network: Network, layer: str, stimulus: dict[StreamName, Array]) -> np.ndarray:
    inputs = {name: as_input(name, torch.from_numpy(np.asarray(x, np.float32))[None]) for name, x in stimulus.items()}
    return network.activation(layer, inputs)[0].detach().numpy()


@pytest.mark.parametrize("keeps", ["amplitude", "phase", "nothing"])
def test_the_unit_rises_and_the_clip_keeps_what_it_must(two_stream_network: Network, keeps: str) -> None:
    """Without margin, so that what is kept of the canvas can be read on the stimulus."""
    clip = random_clip(two_stream_network)
    (made,) = accentuate(two_stream_network, start_keeps=keeps, jitter=0)
    measured = made.measurements
    assert measured.clip_activation == pytest.approx(activations(two_stream_network, "class", clip)[2].max(), rel=1e-4)
    assert measured.clip_probability is not None
    assert measured.clip_activation is not None
    assert measured.clip_activation < measured.activation
    assert measured.clip_change.keys() == {"appearance", "motion"}
    assert all(0 < share < 3 for share in measured.clip_change.values())
    for name, x in made.stimulus.items():
        assert np.abs(x).max() <= 1
        before, after = np.fft.rfft2(clip[name]), np.fft.rfft2(x)
        if keeps == "amplitude":
            assert (np.abs(after) <= np.abs(before) + 1e-3).all()
        angle = np.angle(after * before.conj())[np.abs(after) > 0.1]
        assert (np.abs(angle) < 0.05).all() == (keeps == "phase")


def test_a_clip_of_a_clip_network_in_a_batch_is_what_it_is_alone(clip_network: Network) -> None:
    network = replace(clip_network, module=clip_network.module.double(), precision=torch.float64)
    together = accentuate(network, "conv2", (1, 4))
    (alone,) = accentuate(network, "conv2", (4,))
    np.testing.assert_allclose(together[1].stimulus[StreamName.CLIP], alone.stimulus[StreamName.CLIP], atol=1e-5)
    assert together[0].measurements.clip_activation != together[1].measurements.clip_activation
    assert alone.measurements.clip_probability is None


def test_likeness_holds_the_other_units(two_stream_network: Network) -> None:
    before = activations(two_stream_network, "fusion.conv2", random_clip(two_stream_network))

    def distance(likeness: float) -> float:
        (made,) = accentuate(two_stream_network, "fusion.conv2", likeness=likeness, start_keeps="nothing")
        after = activations(two_stream_network, "fusion.conv2", dict(made.stimulus))
        return float(np.square(np.delete(after - before, 2, 0)).sum())

    assert distance(20) < 0.8 * distance(0)


def test_a_smaller_bound_changes_less(clip_network: Network) -> None:
    small, large = (accentuate(clip_network, bound=bound)[0].measurements.clip_change["clip"] for bound in (0.05, 0.5))
    assert small < large / 2


def test_a_layer_of_one_frame_changes_one_frame(two_stream_network: Network) -> None:
    (made,) = accentuate(two_stream_network, "appearance.conv1")
    assert made.stimulus.keys() == {StreamName.APPEARANCE}
    assert made.measurements.clip_change.keys() == {"appearance"}
    assert made.measurements.clip_activation is not None


def test_a_recipe_and_its_clip_come_together(clip_network: Network) -> None:
    with pytest.raises(ValueError, match="needs what the network sees of that clip"):
        maximize_units(clip_network, "class", [0], [Recipe(start_clip=CLIP)])
    with pytest.raises(ValueError, match="no other one does"):
        maximize_units(clip_network, "class", [0], [Recipe(steps=2)], clip=random_clip(clip_network))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"objective": "center"}, "accentuated for the objective `channel`"),
        ({"prior": "figure"}, "A figure is a scene of its own"),
        ({"motion_size": 1}, "leave `motion_size` empty"),
        ({"size": 32}, "leave `size` and `frames` empty"),
    ],
)
def test_what_does_not_go_with_a_clip_is_refused(
    two_stream_network: Network, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidRecipe, match=words):
        accentuate(two_stream_network, **fields)  # type: ignore[arg-type]

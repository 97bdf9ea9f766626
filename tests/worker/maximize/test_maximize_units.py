"""Units of tiny real networks, from recipe to result."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRecipe, NoGradient, NotFinite, OutOfMemory, UnknownUnit
from app.contract.network import Extent, StreamName
from app.contract.recipe import Recipe
from worker.maximize.from_recipe import UnitResult, Visualization, maximize_units
from worker.maximize.result import Step
from worker.networks.network import Network

RECIPE = Recipe(steps=6, jitter=4)
Build = Callable[..., Network]


def finished(result: UnitResult) -> Visualization:
    assert isinstance(result.outcome, Visualization), result.outcome
    return result.outcome


def clip(result: UnitResult) -> np.ndarray:
    return finished(result).stimulus[StreamName.CLIP]


def seeds(*values: int) -> list[Recipe]:
    return [RECIPE.model_copy(update={"seed": seed}) for seed in values]


def no_hooks(network: Network) -> bool:
    return not any(module._forward_hooks for module in network.module.modules())


def test_the_same_seed_gives_the_same_stimulus(clip_network: Network) -> None:
    first, again, other = (clip(maximize_units(clip_network, "conv2", [1], seeds(seed))[0]) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01


@pytest.mark.parametrize("prior", ["pixel", "pink", "fourier"])
@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_a_batch_gives_what_its_units_give_alone(clip_network: Network, prior: str, optimizer: str) -> None:
    """In float64: in float32 rounding decides on which side of a kink of J a unit goes on."""
    network = replace(clip_network, module=clip_network.module.double(), precision=torch.float64)
    changes = {"prior": prior, "optimizer": optimizer, "focus": 1.0}
    recipes = [recipe.model_copy(update=changes) for recipe in seeds(0, 1, 2)]
    together = maximize_units(network, "conv2", [4, 1, 1], recipes)
    for result, unit, recipe in zip(together, [4, 1, 1], recipes, strict=True):
        (alone,) = maximize_units(network, "conv2", [unit], [recipe])
        np.testing.assert_allclose(clip(result), clip(alone), atol=1e-5)


@pytest.mark.parametrize("layer", ["conv2", "class"])
@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize("prior", ["pixel", "pink", "fourier"])
def test_the_objective_rises(clip_network: Network, layer: str, optimizer: str, prior: str) -> None:
    recipe = Recipe(steps=48, jitter=4, optimizer=optimizer, prior=prior)
    actual = finished(maximize_units(clip_network, layer, [2], [recipe])[0])
    trace = actual.measurements.trace
    assert len(trace) == 48
    assert actual.measurements.objective > trace[0]
    assert np.abs(actual.stimulus[StreamName.CLIP]).max() <= 1
    assert no_hooks(clip_network)


def test_measurements_of_a_class_unit(clip_network: Network) -> None:
    actual = finished(maximize_units(clip_network, "class", [2], [RECIPE], a_hat=[4.0])[0])
    x = torch.from_numpy(actual.stimulus[StreamName.CLIP])[None]
    logits = clip_network.logits({StreamName.CLIP: x})
    measured = actual.measurements
    assert measured.activation == pytest.approx(float(logits[0, 2]), rel=1e-4)
    assert measured.probability == pytest.approx(float(logits.softmax(1)[0, 2]), rel=1e-4)
    assert measured.reach == pytest.approx(measured.activation / 4)
    assert measured.motion_energy.keys() == measured.noise.keys() == {"clip"}


def test_center_shows_what_one_position_sees_and_channel_all(clip_network: Network) -> None:
    actual = {
        objective: finished(maximize_units(clip_network, "conv2", [0], [Recipe(objective=objective, steps=2)])[0])
        for objective in ("center", "channel")
    }
    assert actual["center"].stimulus[StreamName.CLIP].shape == (3, 5, 5, 5)
    assert actual["center"].measurements.seen == Extent(frames=5, height=5, width=5)
    assert actual["channel"].stimulus[StreamName.CLIP].shape == (3, 8, 24, 24)
    assert actual["channel"].measurements.seen is None


def test_one_scalar_moves_both_streams(two_stream_network: Network) -> None:
    actual = finished(maximize_units(two_stream_network, "class", [2], [RECIPE])[0])
    start = finished(maximize_units(two_stream_network, "class", [2], [Recipe(steps=1, step_size=1e-9, jitter=4)])[0])
    shapes = {name: x.shape for name, x in actual.stimulus.items()}
    assert shapes == {StreamName.APPEARANCE: (3, 1, 24, 24), StreamName.MOTION: (2, 8, 24, 24)}
    for name, x in actual.stimulus.items():
        assert np.abs(x - start.stimulus[name]).max() > 0.05
    assert np.linalg.norm(actual.stimulus[StreamName.MOTION], axis=0).max() <= 0.3 + 1e-6
    assert actual.measurements.motion_energy.keys() == {"motion"}


def test_a_layer_of_one_stream_gives_that_stream_alone(two_stream_network: Network) -> None:
    actual = finished(maximize_units(two_stream_network, "motion.conv1", [0], [RECIPE])[0])
    assert actual.stimulus.keys() == {StreamName.MOTION}


def test_a_step_shows_its_stimulus_and_drops_units(network_of: Build) -> None:
    counting = Greedy(most=3)
    seen: list[Step] = []

    def observe(step: Step) -> list[int]:
        seen.append(step)
        assert step.stimulus(2)[StreamName.CLIP].shape == (3, 8, 24, 24)
        return [0, 1] if step.step == 2 else []

    (last,) = maximize_units(network_of(counting), "conv1", [0, 1, 2], seeds(0, 1, 2), observe=observe)
    assert (last.index, last.unit) == (2, 2)
    assert [step.step for step in seen] == [1, 2, 3, 4, 5, 6]
    assert [sorted(step.objective) for step in seen] == [[0, 1, 2]] * 2 + [[2]] * 4
    assert counting.batches == [1, 3, 3, 1, 1, 1, 1, 1]  # the first is a look at the network, the last the evaluation


def test_an_observer_stops_everything(clip_network: Network) -> None:
    def observe(step: Step) -> list[int]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        maximize_units(clip_network, "conv2", [0], [RECIPE], observe=observe)
    assert no_hooks(clip_network)


class Behind(nn.Module):
    """`conv1` behind something between the input and it."""

    def __init__(self, before: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 6, 3, padding=1)
        self.before = before

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        logits: Tensor = self.conv1(self.before(inputs[StreamName.CLIP])).mean((2, 3, 4))
        return logits


def test_a_nan_fails_its_unit_alone(network_of: Build) -> None:
    module = Behind(lambda x: x * (0.1 - x.mean((1, 2, 3, 4), keepdim=True)).sqrt())  # NaN for a bright clip
    with torch.no_grad():
        module.conv1.weight[1], module.conv1.weight[2] = 1, -1
    bright, dark = maximize_units(network_of(module), "conv1", [1, 2], seeds(0, 0))
    assert isinstance(bright.outcome, NotFinite)
    assert re.search("Unit 1 of conv1 .* step [2-6]", bright.outcome.detail)
    (alone,) = maximize_units(network_of(module), "conv1", [2], seeds(0))
    np.testing.assert_allclose(clip(dark), clip(alone), atol=1e-3)


def test_a_dead_unit_says_so(network_of: Build) -> None:
    module = Behind(lambda x: x)
    with torch.no_grad():
        module.conv1.weight[1] = 0
    dead, alive = maximize_units(network_of(module), "conv1", [1, 2], seeds(0, 0))
    assert isinstance(dead.outcome, NoGradient)
    assert "Unit 1 of conv1" in dead.outcome.detail
    assert isinstance(alive.outcome, Visualization)


def test_an_activation_without_the_input_is_refused(network_of: Build) -> None:
    with pytest.raises(NoGradient, match="conv1 does not depend on the network's input"):
        maximize_units(network_of(Behind(lambda x: x.detach())), "conv1", [1], [RECIPE])


class Greedy(Behind):
    """Runs out of memory, in the CPU allocator's words, for more than so many clips at once.

    It looks at values, so that the module itself runs at each step.
    """

    def __init__(self, most: int) -> None:
        super().__init__(lambda x: x)
        self.most = most
        self.batches: list[int] = []

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        self.batches.append(len(inputs[StreamName.CLIP]))
        if float(inputs[StreamName.CLIP].sum()) == 0:
            raise ValueError("an empty clip")
        if self.batches[-1] > self.most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
        return super().forward(inputs)


def test_out_of_memory_halves_the_batch(network_of: Build) -> None:
    greedy = Greedy(most=2)
    units = [0, 1, 2, 3, 4]
    small = maximize_units(network_of(greedy), "conv1", units, seeds(*units))
    assert greedy.batches[1:6] == [5, 3, 2, 2, 1]  # after a look at the network with one clip
    assert max(greedy.batches[3:]) == 2  # what did not fit is not tried again
    greedy.most = 8
    for result, whole in zip(small, maximize_units(network_of(greedy), "conv1", units, seeds(*units)), strict=True):
        np.testing.assert_allclose(clip(result), clip(whole), atol=1e-3)


def test_a_unit_too_large_alone_fails_with_advice(network_of: Build) -> None:
    outcomes = [result.outcome for result in maximize_units(network_of(Greedy(most=0)), "conv1", [0, 1], seeds(0, 1))]
    assert [type(outcome) for outcome in outcomes] == [OutOfMemory, OutOfMemory]
    assert "smaller size" in str(outcomes[0])


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 6, 20)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        logits: Tensor = self.conv1(inputs[StreamName.CLIP]).mean((2, 3, 4))
        return logits


def test_a_size_too_small_for_the_layer_is_refused(network_of: Build) -> None:
    network = network_of(Deep(), frames=20)
    with pytest.raises(InvalidRecipe, match=r"conv1 cannot be computed .* smallest size that works is 20\."):
        maximize_units(network, "conv1", [0], [Recipe(size=16, steps=1)])
    with pytest.raises(InvalidRecipe, match=r"clip 2 x 24 x 24.*frames that works is 20\. .*own size is 20 x 24 x 24"):
        maximize_units(network, "conv1", [0], [Recipe(frames=2, steps=1)])
    with pytest.raises(InvalidRecipe, match="Leave size and frames empty"):
        maximize_units(network, "conv1", [0], [Recipe(frames=2, size=16, steps=1)])
    assert no_hooks(network)


def test_an_error_of_the_networks_own_keeps_its_words(network_of: Build) -> None:
    def fail(x: Tensor) -> Tensor:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        maximize_units(network_of(Behind(fail)), "conv1", [0], [RECIPE])


def test_fixed_streams_take_no_length(two_stream_network: Network) -> None:
    with pytest.raises(InvalidRecipe, match="fixed length"):
        maximize_units(two_stream_network, "class", [0], [Recipe(frames=5)])


def test_units_are_checked(clip_network: Network) -> None:
    with pytest.raises(UnknownUnit):
        maximize_units(clip_network, "conv2", [6], [RECIPE])


def test_a_batch_shares_its_recipe_but_for_the_seed(clip_network: Network) -> None:
    with pytest.raises(ValueError, match="alike in all but the seed"):
        maximize_units(clip_network, "conv2", [0, 1], [RECIPE, Recipe(steps=7)])

"""The speed acts through J; the size of motion, the scale of J before a survey, and J without each stream."""

import copy
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from app.contract.errors import InvalidRecipe
from app.contract.network import StreamName
from app.contract.recipe import Recipe, Speed
from worker.maximize.canvas import Canvas
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.maximize.parameterizations import PARAMETERIZATIONS
from worker.maximize.temporal_step import TemporalStep
from worker.networks.network import Network


def visualize(network: Network, layer: str, recipe: Recipe, a_hat: float | None = None) -> Visualization:
    known = None if a_hat is None else [a_hat]
    (result,) = maximize_units(network, layer, [1], [recipe], a_hat=known)
    assert isinstance(result.outcome, Visualization), result.outcome
    return result.outcome


def changed(network: Network, change: Callable[[nn.Module], None]) -> Network:
    module = copy.deepcopy(network.module)
    with torch.no_grad():
        change(module)
    return replace(network, module=module)


@pytest.mark.parametrize(("layer", "objective"), [("conv2", "center"), ("class", "channel")])
def test_motion_energy_rises_tenfold_from_slow_to_free(clip_network: Network, layer: str, objective: str) -> None:
    fields = {"objective": objective, "steps": 40, "jitter": 4, "time_path": "neutral"}
    stimuli = [visualize(clip_network, layer, Recipe.model_validate(fields | {"speed": speed})) for speed in Speed]
    energies = [each.measurements.motion_energy["clip"] for each in stimuli]
    assert all(slower < faster for slower, faster in pairwise(energies)), energies
    assert energies[-1] > 10 * energies[0]


def test_j_is_not_below_that_of_steps_that_are_smoothed_over_time(clip_network: Network) -> None:
    values = []
    for path in ("neutral", "smoothed"):
        fields = {"speed": "slow", "steps": 40, "jitter": 4, "time_weight": 200}
        recipe = Recipe.model_validate(fields | {"time_path": path})
        values.append(visualize(clip_network, "conv2", recipe, a_hat=2.0).measurements.objective)
    assert values[0] >= values[1]


@pytest.mark.parametrize("prior", list(PARAMETERIZATIONS))
def test_the_implicit_step_solves_its_equation(prior: str) -> None:
    like = torch.empty(0, dtype=torch.float64)
    canvas = Canvas(depth=3, frames=4, height=6, width=5)
    shaper = PARAMETERIZATIONS[prior](canvas, like, chi=0, blur=1, blur_end=1)
    x = torch.randn(2, *canvas.shape, dtype=torch.float64)
    length, stiffness = torch.tensor([0.5, 3.0], dtype=torch.float64), torch.tensor([2.0, 4.0], dtype=torch.float64)
    step = TemporalStep(canvas, shaper, like)
    for _ in range(20):  # each step goes on where the one before ended
        solved, length = step(x, length, stiffness)
    torch.testing.assert_close(solved.square().flatten(1).mean(1).sqrt(), torch.ones_like(length), rtol=0.01, atol=0)
    solved /= length.view(-1, 1, 1, 1, 1)
    difference = torch.diff(torch.eye(4, dtype=torch.float64), dim=0)
    roughness = torch.einsum("ts,bdshw->bdthw", difference.T @ difference, solved)
    shaped = shaper.stimulus(shaper.coefficients(roughness))
    torch.testing.assert_close(solved + (length * stiffness).view(-1, 1, 1, 1, 1) * shaped, x)


def test_without_a_survey_the_penalties_follow_the_activation(clip_network: Network) -> None:
    """A unit whose activations are ten times as large has the same stimulus, where a_hat is not known."""

    def amplify(module: nn.Module) -> None:
        module.conv2.weight.mul_(10)  # type: ignore[operator, union-attr]
        module.conv2.bias.mul_(10)  # type: ignore[operator, union-attr]

    recipe = Recipe(speed=Speed.SLOW, steps=12, jitter=4, time_path="neutral")
    usual = visualize(clip_network, "conv2", recipe)
    loud = visualize(changed(clip_network, amplify), "conv2", recipe)
    assert np.abs(usual.stimulus[StreamName.CLIP] - loud.stimulus[StreamName.CLIP]).max() < 1e-3
    assert loud.measurements.objective == pytest.approx(10 * usual.measurements.objective, rel=1e-3)
    assert usual.measurements.a_hat == 1


def test_a_bias_changes_nothing_without_a_survey(clip_network: Network) -> None:
    """Penalties are weighed against what the unit gains, not against what it has."""

    def raise_bias(module: nn.Module) -> None:
        module.conv2.bias.add_(50)  # type: ignore[operator, union-attr]

    recipe = Recipe(speed=Speed.SLOW, steps=12, jitter=4)
    usual = visualize(clip_network, "conv2", recipe)
    biased = visualize(changed(clip_network, raise_bias), "conv2", recipe)
    assert np.abs(usual.stimulus[StreamName.CLIP] - biased.stimulus[StreamName.CLIP]).max() < 1e-2


def test_a_unit_that_no_clip_activates_is_weighed_as_without_a_survey(clip_network: Network) -> None:
    recipe = Recipe(speed=Speed.SLOW, steps=6, jitter=4)
    without = visualize(clip_network, "conv2", recipe)
    assert visualize(clip_network, "conv2", recipe, a_hat=0).measurements.trace == without.measurements.trace
    assert visualize(clip_network, "conv2", recipe, a_hat=1).measurements.trace != without.measurements.trace


def test_j_rises_at_once_where_the_temporal_term_outweighs_the_gain(clip_network: Network) -> None:
    """Averaged over past steps, the temporal term would push the stimulus to and fro, and J down."""
    recipe = Recipe.model_validate({"speed": "slow", "steps": 6, "jitter": 0, "scale": 0, "rotation": 0})
    trace = visualize(clip_network, "conv2", recipe.model_copy(update={"time_path": "neutral"})).measurements.trace
    assert all(before < after for before, after in pairwise(trace[1:])), trace  # without penalties at the first step
    assert trace[-1] > trace[0], "under one weight"


@pytest.mark.parametrize("size", [0.4, 3.0])
def test_the_size_of_motion_is_held(two_stream_network: Network, size: float) -> None:
    result = visualize(two_stream_network, "class", Recipe(motion_size=size, steps=8, jitter=4))
    assert result.measurements.motion_magnitude == pytest.approx(size, rel=0.01)


def test_a_size_of_motion_needs_a_motion_stream_and_room(clip_network: Network, two_stream_network: Network) -> None:
    with pytest.raises(InvalidRecipe, match="has no motion stream"):
        visualize(clip_network, "class", Recipe(motion_size=1))
    with pytest.raises(InvalidRecipe, match="is too large: with `bound` 1 no flow vector of Tiny may be longer than 6"):
        visualize(two_stream_network, "class", Recipe(motion_size=5))


def test_j_without_a_stream_tells_what_the_stream_does(two_stream_network: Network) -> None:
    def ignore_motion(module: nn.Module) -> None:
        module.motion.weight.zero_()  # type: ignore[operator, union-attr]

    recipe = Recipe(steps=8, jitter=4, energy=0, smoothness=0)
    both = visualize(two_stream_network, "fusion.conv2", recipe).measurements
    assert set(both.objective_without) == {"appearance", "motion"}
    assert max(both.objective_without.values()) < both.objective
    one = visualize(changed(two_stream_network, ignore_motion), "fusion.conv2", recipe).measurements
    assert one.objective_without["motion"] == pytest.approx(one.objective)
    assert one.objective_without["appearance"] < one.objective
    assert visualize(two_stream_network, "motion.conv1", recipe).measurements.objective_without == {}

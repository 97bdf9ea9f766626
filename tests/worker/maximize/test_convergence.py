"""Units without a gradient, and units that have converged."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import NoGradient, NotFinite
from app.contract.network import StreamName
from app.contract.recipe import Recipe
from worker.maximize.convergence import has_converged
from worker.maximize.from_recipe import UnitResult, Visualization, maximize_units
from worker.maximize.result import Step
from worker.maximize.settings import Schedule
from worker.networks.network import Network

Build = Callable[..., Network]
PLAIN = {"jitter": 0, "scale": 0.0, "rotation": 0.0}


class Gate(nn.Module):
    """`conv1` of what the gate lets through."""

    def __init__(self, gate: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1 = nn.Conv3d(3, 6, 3, padding=1)
        self.gate = gate

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        logits: Tensor = self.conv1(self.gate(inputs[StreamName.CLIP])).mean((2, 3, 4))
        return logits


def finished(result: UnitResult) -> Visualization:
    assert isinstance(result.outcome, Visualization), result.outcome
    return result.outcome


def test_a_dead_unit_fails_at_the_first_step_and_the_others_go_on(network_of: Build) -> None:
    module = Gate(lambda x: x)
    with torch.no_grad():
        module.conv1.weight[1] = 0
    reports: list[tuple[int, list[int]]] = []

    def observe(step: Step) -> list[int]:
        reports.append((step.step, sorted(step.errors)))
        return []

    dead, alive = maximize_units(network_of(module), "conv1", [1, 2], [Recipe(steps=3)] * 2, observe=observe)
    assert reports[0] == (1, [0])
    assert isinstance(dead.outcome, NoGradient)
    assert "faint, medium and strong" in dead.outcome.detail
    assert len(finished(alive).measurements.trace) == 3


def test_no_step_is_spent_where_all_units_are_dead(network_of: Build) -> None:
    module = Gate(lambda x: x)
    with torch.no_grad():
        module.conv1.weight.zero_()
    steps: list[Step] = []

    def observe(step: Step) -> list[int]:
        steps.append(step)
        return []

    maximize_units(network_of(module), "conv1", [0, 1], [Recipe(steps=50)] * 2, observe=observe)
    assert len(steps) == 1


def test_a_unit_without_gradient_on_faint_noise_restarts_from_stronger_noise(network_of: Build) -> None:
    silent = Gate(lambda x: torch.relu(x - 0.6))  # nothing of the first noise comes through
    recipe = Recipe(steps=24, weight_decay=0, energy=0, smoothness=0)
    (actual,) = maximize_units(network_of(silent), "conv1", [2], [recipe])
    measured = finished(actual).measurements
    assert measured.objective > measured.trace[0]


def test_a_unit_that_saturates_is_frozen(network_of: Build) -> None:
    flat = Gate(lambda x: x.clamp(-0.3, 0.3))
    with torch.no_grad():
        flat.conv1.weight.abs_()
    recipe = Recipe(steps=60, prior="fourier", weight_decay=0, energy=0, smoothness=0, step_size=1, bound=2, **PLAIN)
    (actual,) = maximize_units(network_of(flat), "conv1", [2], [recipe])
    measured = finished(actual).measurements
    assert len(measured.trace) < 60
    assert "gradient vanished" in measured.notes[0]


@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
def test_weights_that_are_not_finite_are_told_at_the_first_step(network_of: Build, bad: float) -> None:
    module = Gate(lambda x: x)
    with torch.no_grad():
        module.conv1.weight[1, 0, 0, 0, 0] = bad
    (broken,) = maximize_units(network_of(module), "conv1", [1], [Recipe(steps=3)])
    assert isinstance(broken.outcome, NotFinite)
    assert "at step 1" in broken.outcome.detail


def test_an_activation_that_overflows_fails_its_unit(network_of: Build) -> None:
    module = Gate(lambda x: (x * 60).exp() * 1e20)
    with torch.no_grad():
        module.conv1.weight.abs_()
    (actual,) = maximize_units(network_of(module), "conv1", [1], [Recipe(steps=20, step_size=2, bound=4)])
    assert isinstance(actual.outcome, NotFinite)


def test_a_run_that_has_converged_stops_and_keeps_its_stimulus(network_of: Build) -> None:
    torch.manual_seed(0)
    net = network_of(Gate(lambda x: x))
    full = Recipe(speed="free", steps=200, weight_decay=0, prior="fourier", **PLAIN)
    early = full.model_copy(update={"tolerance": 0.01})
    long, short = (finished(maximize_units(net, "conv1", [2], [recipe])[0]).measurements for recipe in (full, early))
    assert len(long.trace) == 200
    assert len(short.trace) < 150
    assert short.notes == (f"Settled after {len(short.trace)} of 200 steps.",)
    assert short.objective > 0.95 * long.objective


def test_converged_units_leave_the_others_at_work_and_are_evaluated_at_the_end(network_of: Build) -> None:
    torch.manual_seed(0)
    net = network_of(Gate(lambda x: x))
    recipes = [Recipe(steps=200, tolerance=0.01, weight_decay=0, seed=seed) for seed in (0, 1, 2)]
    together = maximize_units(net, "conv1", [1, 2, 3], recipes)
    assert [(result.index, result.unit) for result in together] == [(0, 1), (1, 2), (2, 3)]
    for result, unit, recipe in zip(together, (1, 2, 3), recipes, strict=True):
        (alone,) = maximize_units(net, "conv1", [unit], [recipe])
        ours, alones = finished(result).measurements, finished(alone).measurements
        assert len(ours.trace) == len(alones.trace)
        assert ours.activation == pytest.approx(alones.activation, rel=1e-2)


def test_noise_of_the_views_does_not_end_a_climb() -> None:
    schedule = Schedule(steps=160, tolerance=0.01, weight_decay=0)
    noise = torch.randn(160, generator=torch.Generator().manual_seed(0)).mul(5).tolist()
    climb = [float(step) + wobble for step, wobble in enumerate(noise)]
    assert not any(has_converged(climb[:n], schedule) for n in range(1, 161))
    plateau = [min(float(step), 40.0) for step in range(160)]
    first = next(n for n in range(1, 161) if has_converged(plateau[:n], schedule))
    assert 50 <= first <= 65
    assert not has_converged(plateau, replace(schedule, tolerance=0.0))
    fading = replace(schedule, weight_decay=0.3, weight_decay_until=100 / 160)
    assert next(n for n in range(1, 161) if has_converged(plateau[:n], fading)) >= 120  # not before nothing fades

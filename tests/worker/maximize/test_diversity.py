"""Stimuli of one unit that must differ: the gradient of diversity, and that it keeps them apart."""

from itertools import combinations

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import OutOfMemory
from worker.maximize import Canvas, Penalty, RandomViews, Schedule, center, channel, diversity, maximize
from worker.maximize.cone import make_model
from worker.maximize.objective_function import ObjectiveFunction
from worker.maximize.objectives import Objective

IMAGE = Canvas.image(8, 9, bound=2)
SEEDS = (0, 1, 2)


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4)
            self.first, self.second = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 5, 3)

    def forward(self, image: Tensor) -> Tensor:
        maps: Tensor = self.second(torch.tanh(self.first(image)))
        return maps


def module(dtype: torch.dtype = torch.float32) -> nn.Module:
    return Two().to(dtype).eval().requires_grad_(False)


@pytest.mark.parametrize(
    "objective",
    [
        diversity("first"),
        diversity("second", position="center"),
        channel("second", 2) + 0.7 * diversity("second"),
        center("second", 1) - 0.2 * diversity("first"),
    ],
)
def test_its_gradient_is_that_of_finite_differences(objective: Objective) -> None:
    model, objective = make_model(module(torch.float64), objective, IMAGE, margin=0)
    scale = torch.ones(3, dtype=torch.float64)
    function = ObjectiveFunction(model, objective, Penalty(energy=0, smoothness=0), scale)
    ((name, canvas),) = model.canvases.items()
    generator = torch.Generator().manual_seed(6)
    x, *ways = torch.randn(6, 3, *canvas.shape, dtype=torch.float64, generator=generator)
    evaluated = function.value_and_grad({name: x}, None, torch.arange(3))

    def total(moved: Tensor) -> float:
        return float(function.value_and_grad({name: moved}, None, torch.arange(3)).value.sum())

    for way in ways:
        slope = (total(x + 1e-5 * way) - total(x - 1e-5 * way)) / 2e-5
        assert float((evaluated.gradient[name] * way).sum()) == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_its_value_is_minus_the_mean_cosine_with_the_others() -> None:
    maps = torch.randn(3, 4, 2, 3, 5, generator=torch.Generator().manual_seed(0))
    features = maps.mean((2, 3, 4))
    cosine = nn.functional.cosine_similarity(features[:, None], features, dim=2)
    expected = -(cosine.sum(1) - 1) / 2 * 30
    torch.testing.assert_close(diversity("a")({"a": maps}, torch.arange(3)), expected)
    assert diversity("a")({"a": maps[:1]}, torch.arange(1)).tolist() == [0]


def similarity(weight: float) -> float:
    """Return the mean cosine between the layer's features of three maxima of one unit."""
    network = module()
    objective: Objective = channel("second", 2)
    if weight:
        objective = objective + weight * diversity("second")
    schedule, views = Schedule(steps=30, step_size=0.1), RandomViews(0, 0, 0)
    maxima = maximize(network, objective, IMAGE, seeds=SEEDS, schedule=schedule, transform=views)
    stimuli = torch.stack([torch.from_numpy(each.stimulus["input"][:, 0]) for each in maxima])
    features = nn.functional.normalize(network(stimuli).mean((2, 3)), dim=1)
    return float(torch.stack([features[i] @ features[j] for i, j in combinations(range(3), 2)]).mean())


def test_maxima_of_one_unit_differ_more_with_it() -> None:
    assert similarity(4.0) < similarity(0.0) - 0.1


def test_items_that_depend_on_each_other_are_never_parted() -> None:
    class TooLarge(Two):
        def forward(self, image: Tensor) -> Tensor:
            if len(image) == len(SEEDS):
                raise torch.OutOfMemoryError("for three at once")
            return super().forward(image)

    network = TooLarge().eval().requires_grad_(False)
    objectives = channel("second", 2) + center("first", 0)
    views, schedule = RandomViews(0, 0, 0), Schedule(steps=2)
    assert len(maximize(network, objectives, IMAGE, seeds=SEEDS, schedule=schedule, transform=views)) == 3
    joint = objectives + diversity("second")
    with pytest.raises(OutOfMemory):
        maximize(network, joint, IMAGE, seeds=SEEDS, schedule=schedule, transform=views)

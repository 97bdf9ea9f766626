"""Directions, differences and given positions on linear networks, where gradients and optima are known."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRecipe, InvalidRequest
from app.contract.network import Extent, StreamName
from app.contract.recipe import Recipe, ResolvedRecipe
from worker.maximize import Canvas, Penalty, Pixel, RandomViews, Schedule, at, channel, direction, maximize, minus
from worker.maximize.cone import Cone, make_model
from worker.maximize.from_recipe import Visualization, make_function, maximize_units
from worker.maximize.from_recipe import make_model as make_network_model
from worker.maximize.objective_function import ObjectiveFunction
from worker.maximize.objectives import Objective
from worker.networks.network import Network

IMAGE = Canvas.image(9, 11, bound=4)


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.conv = nn.Conv2d(3, 5, 3, padding=1, dtype=torch.float64)

    def forward(self, image: Tensor) -> Tensor:
        maps: Tensor = self.conv(image)
        return maps


@pytest.fixture
def module() -> nn.Module:
    return Linear().eval().requires_grad_(False)


def gradient(module: nn.Module, objective: Objective, items: int = 1) -> Tensor:
    """Return the gradient (B, 3, 9, 11) at noise, without penalties; where the objective sees less, 0 beyond that."""
    model, objective = make_model(module, objective, IMAGE, margin=0)
    function = ObjectiveFunction(model, objective, Penalty(energy=0, smoothness=0), torch.ones(items).double())
    ((name, canvas),) = model.canvases.items()
    x = torch.randn(items, *canvas.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    part = function.value_and_grad({name: x}, None, torch.arange(items)).gradient[name][:, :, 0]
    whole = torch.zeros(items, 3, IMAGE.height, IMAGE.width, dtype=torch.float64)
    assert isinstance(model, Cone)
    ((top, bottom), (left, right)) = model.float32.input_windows[name][-2:]
    whole[:, :, top:bottom, left:right] = part
    return whole


def test_a_direction_has_the_gradient_of_its_weighted_units(module: nn.Module) -> None:
    expected = 2 * gradient(module, channel("conv", 1)) - 0.5 * gradient(module, channel("conv", 4))
    torch.testing.assert_close(gradient(module, direction("conv", {4: -0.5, 1: 2.0})), expected)
    every = {unit: unit - 2.0 for unit in range(5)}
    expected = torch.stack([weight * gradient(module, channel("conv", unit)) for unit, weight in every.items()]).sum(0)
    torch.testing.assert_close(gradient(module, direction("conv", every)), expected)


def test_the_optimum_of_a_direction_is_its_normalised_combination_of_filters(module: nn.Module) -> None:
    """With R_B = |x|^2 alone, grad J = 0 where x is in proportion to the filter of the direction."""
    weights = {0: 1.0, 2: -0.5, 3: 0.25}
    (maximum,) = maximize(
        module,
        direction("conv", weights, position=(0, 4, 5)),
        IMAGE,
        parameterization=partial(Pixel, blur=0, blur_end=0),
        transform=RandomViews(0, 0, 0),
        penalty=Penalty(energy=600, alpha=2, smoothness=0),
        schedule=Schedule(steps=400, step_size=0.02),
    )
    stimulus = torch.from_numpy(maximum.stimulus["input"][:, 0]).double()
    filters = module.get_parameter("conv.weight")
    combined = torch.stack([weight * filters[unit] for unit, weight in weights.items()]).sum(0)
    assert stimulus.shape == combined.shape
    assert 0.01 < stimulus.abs().max() < 1
    torch.testing.assert_close(stimulus / stimulus.norm(), combined / combined.norm(), atol=0.02, rtol=0)


def test_minus_is_the_difference_of_gradients(module: nn.Module) -> None:
    own = [gradient(module, channel("conv", unit)) for unit in range(5)]
    total = torch.stack(own).sum(0)
    torch.testing.assert_close(gradient(module, minus("conv", 2, [4])), own[2] - own[4])
    torch.testing.assert_close(gradient(module, minus("conv", 2, [4, 2, 0])), own[2] - (own[4] + own[0]) / 2)
    torch.testing.assert_close(gradient(module, minus("conv", 2)), own[2] - (total - own[2]) / 4)
    both = gradient(module, minus("conv", [0, 4]), items=2)
    for row, unit in enumerate((0, 4)):
        torch.testing.assert_close(both[[row]], own[unit] - (total - own[unit]) / 4)


@pytest.mark.parametrize("position", [(0, 0, 0), (0, 4, 5), (0, 8, 3), (0, 2, 10)])
def test_a_position_has_the_gradient_of_the_whole_frame(module: nn.Module, position: tuple[int, int, int]) -> None:
    leaf = torch.zeros(1, 3, IMAGE.height, IMAGE.width, dtype=torch.float64, requires_grad=True)
    module(leaf)[0, 3, position[1], position[2]].backward()
    assert leaf.grad is not None
    torch.testing.assert_close(gradient(module, at("conv", 3, position)), leaf.grad)


def test_what_cannot_be_composed_says_why(module: nn.Module) -> None:
    with pytest.raises(InvalidRequest, match="needs a unit with a weight other than 0"):
        direction("conv", {2: 0.0})
    with pytest.raises(InvalidRequest, match="Unit 3 of conv cannot be subtracted from itself"):
        minus("conv", [1, 3], [3])
    with pytest.raises(InvalidRequest, match="units 0 to 4, and none of number 7"):
        maximize(module, direction("conv", {7: 1.0}), IMAGE, transform=RandomViews(0, 0, 0))


@pytest.fixture
def mapped(clip_network: Network) -> Network:
    """Return the clip network with the size of the maps on its card."""
    sizes = {"conv1": Extent(frames=8, height=24, width=24), "conv2": Extent(frames=4, height=12, width=12)}
    layers = [each.model_copy(update={"map": sizes.get(each.name, each.map)}) for each in clip_network.card.layers]
    return replace(clip_network, card=clip_network.card.model_copy(update={"layers": tuple(layers)}))


def recipe(network: Network, **fields: object) -> ResolvedRecipe:
    return Recipe.model_validate({"jitter": 0, "steps": 3} | fields).resolved(network.card)


def recipe_gradient(network: Network, resolved: ResolvedRecipe) -> Tensor:
    units, items = [1, 4], torch.arange(2)
    model, _ = make_network_model(network, "conv1", resolved)
    function = make_function(network, "conv1", resolved, model, units, a_hat=[1.0, 1.0])
    canvas = model.canvases[StreamName.CLIP]
    x = torch.randn(2, *canvas.shape, generator=torch.Generator().manual_seed(3)) / 3
    evaluated = function.value_and_grad({StreamName.CLIP: x}, None, items)
    _, penalty = function.penalties({StreamName.CLIP: x}, model.activations({StreamName.CLIP: x}, reduced=False))
    return evaluated.gradient[StreamName.CLIP] + penalty[StreamName.CLIP]


def test_a_recipe_subtracts_units_and_turns_the_sign(clip_network: Network) -> None:
    plain = recipe_gradient(clip_network, recipe(clip_network))
    less = recipe_gradient(clip_network, recipe(clip_network, minus="1,4"))
    swapped = plain.flip(0)  # conv1 is linear in its input: the gradient of a unit is the same for every stimulus
    torch.testing.assert_close(less, plain - swapped, atol=1e-6, rtol=1e-3)
    lowered = recipe_gradient(clip_network, recipe(clip_network, minus="4,1", sign="minimize"))
    torch.testing.assert_close(lowered, -less, atol=1e-6, rtol=1e-3)


def test_a_recipe_s_position_is_where_the_stimulus_is(mapped: Network) -> None:
    corner = recipe(mapped, objective="position", position="7,0,23")
    (result,) = maximize_units(mapped, "conv1", [2], [corner])
    assert isinstance(result.outcome, Visualization)
    assert result.outcome.measurements.seen == Extent(frames=2, height=2, width=2)
    middle = recipe(mapped, objective="position", position="4,12,12")
    center = recipe(mapped, objective="center")
    (a,), (b,) = (maximize_units(mapped, "conv1", [2], [each]) for each in (middle, center))
    assert isinstance(a.outcome, Visualization)
    assert isinstance(b.outcome, Visualization)
    assert (a.outcome.stimulus[StreamName.CLIP] == b.outcome.stimulus[StreamName.CLIP]).all()


def test_a_position_beyond_the_map_says_how_large_the_map_is(mapped: Network) -> None:
    small = recipe(mapped, objective="position", position="1,12,3", size=16, frames=4)
    with pytest.raises(InvalidRecipe, match=r"no position 1,12,3 .* 4 x 16 x 16|no position 1,12,3 .* 2 x 8 x 8"):
        maximize_units(mapped, "conv2", [2], [small])

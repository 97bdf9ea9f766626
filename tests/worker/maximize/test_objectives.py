"""Objectives: positions, contrast, weights, and how they combine."""

import pytest
import torch
from torch import Tensor

from app.contract.recipe import Recipe
from worker.maximize.canvas import Canvas
from worker.maximize.from_recipe import make_function, make_model, make_objective
from worker.maximize.objectives import at, center, channel, class_contrast, contrasted, direction, minus
from worker.maximize.positions import CENTER, OutsideMap, select_positions
from worker.maximize.regularizers import Penalty
from worker.networks.network import Network


def test_positions_that_are_summed() -> None:
    activation = torch.arange(3 * 4 * 5.0).view(1, 3, 4, 5)
    assert select_positions(activation, None).shape == (1, 60)
    assert select_positions(activation, CENTER).tolist() == [[1 * 20 + 2 * 5 + 2]]
    assert select_positions(activation, (2, 0, 4)).tolist() == [[2 * 20 + 4]]
    with pytest.raises(OutsideMap, match=r"no position 0,4,0 .* 3 x 4 x 5 positions, 0,0,0 to 2,3,4"):
        select_positions(activation, (0, 4, 0))


def test_contrast_subtracts_the_others() -> None:
    activation = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])[:, :, None]
    units = torch.tensor([0, 2])
    assert contrasted(activation, units, 0)[:, 0].tolist() == [1, 3]
    others = torch.tensor([[2.0, 3.0], [1.0, 2.0]]).logsumexp(1)
    expected = torch.tensor([1.0, 3.0]) - 0.5 * others
    torch.testing.assert_close(contrasted(activation, units, 0.5)[:, 0], expected)


def test_contrast_is_for_classes_alone(clip_network: Network) -> None:
    recipe = Recipe(contrast=1).resolved(clip_network.card)
    activation, items = torch.rand(1, 5, 1, 1, 1), torch.tensor([0])
    of_layer = make_objective(clip_network, "conv1", recipe, [1])({"conv1": activation}, items)
    torch.testing.assert_close(of_layer, activation[:, 1, 0, 0, 0])
    of_class = make_objective(clip_network, "class", recipe, [1])({"class": activation}, items)
    assert of_class.item() < of_layer.item()


@pytest.mark.parametrize("area", [9, 64])
def test_weights_are_free_of_size(area: int) -> None:
    """rho^2 J / M = mean a / a_hat - energy mean (|x| / B)^alpha - smoothness mean tv / B^2."""
    size, frames, bound, chi = 8, 2, 0.5, 8
    canvases = {"clip": Canvas(depth=3, frames=frames, height=size, width=size, bound=bound)}
    penalty = Penalty(energy=0.7, alpha=3, smoothness=0.3, kappa=2, chi=chi, area=area)
    objective, a_hat = channel("conv", [2, 0]), torch.tensor([5.0, 2.0])
    x, activation = torch.randn(2, 3, frames, size, size) * 0.2, torch.randn(2, 3, 2, 4, 4)
    positions = objective.positions({"conv": activation})
    gain = objective({"conv": activation}, torch.arange(2)) / (area * a_hat)
    value = gain - penalty({"clip": x}, canvases, positions)[0]
    mean_activation = activation[[0, 1], [2, 0]].mean((1, 2, 3)) / a_hat
    energy = (x.norm(dim=1) / bound).pow(3).mean((1, 2, 3))
    space = (x.diff(dim=3).square().sum((1, 2, 3, 4)) + x.diff(dim=4).square().sum((1, 2, 3, 4))) * 2
    time = x.diff(dim=2).square().sum((1, 2, 3, 4)) * chi
    smooth = (space + time) / (frames * size**2 * bound**2)
    torch.testing.assert_close(area * value / positions, mean_activation - 0.7 * energy - 0.3 * smooth)


@pytest.mark.parametrize(("layer", "area"), [("conv1", 3**2), ("class", 24**2)])
def test_the_area_is_that_of_the_receptive_field_within_the_stimulus(
    clip_network: Network, layer: str, area: int
) -> None:
    recipe = Recipe().resolved(clip_network.card)
    model, _ = make_model(clip_network, layer, recipe)
    function = make_function(clip_network, layer, recipe, model, [1, 2], [3.0, 0.0])
    assert function.penalty.area == area
    assert function.scale.tolist() == [3 * area, area]  # a_hat is 1 where it was never positive
    assert make_function(clip_network, layer, recipe, model, [1, 2]).scale.tolist() == [area, area]


def activations() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(2, 4, 2, 3, 5, generator=generator, dtype=torch.float64) for name in ("a", "b")}


def test_objectives_add_subtract_and_scale() -> None:
    seen, items = activations(), torch.arange(2)
    combined = 0.2 * channel("a", 3) + 0.8 * center("b", [1, 2]) - (channel("b", 0) / 4 - class_contrast("a", 1, 0.5))
    expected = (
        0.2 * channel("a", 3)(seen, items)
        + 0.8 * center("b", [1, 2])(seen, items)
        - 0.25 * channel("b", 0)(seen, items)
        + class_contrast("a", 1, 0.5)(seen, items)
    )
    torch.testing.assert_close(combined(seen, items), expected)
    torch.testing.assert_close((-combined)(seen, items), -expected)
    assert combined.layers == ("a", "b")
    assert combined.positions(seen) == pytest.approx(30 * (0.2 + 0.25 + 1) + 0.8)


def test_items_keep_their_units_when_others_have_left() -> None:
    seen = {"a": activations()["a"][1:]}
    torch.testing.assert_close(channel("a", [3, 2])(seen, torch.tensor([1])), seen["a"][:, 2].sum((1, 2, 3)))


def test_objectives_of_one_position_need_no_other() -> None:
    assert (center("a", 1) - 0.5 * center("b", 2)).position == CENTER
    assert (at("a", 1, (0, 1, 2)) + direction("a", {3: 1.0}, position=(0, 1, 2))).position == (0, 1, 2)
    assert minus("a", 1, position=CENTER).position == CENTER
    for mixed in (center("a", 1) + channel("a", 2), center("a", 1) + at("a", 1, (0, 0, 0)), channel("a", 0)):
        assert mixed.position is None

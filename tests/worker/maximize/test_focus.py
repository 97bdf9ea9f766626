"""Focus: steps gather where the gradient is strong."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from app.contract.errors import InvalidRecipe
from app.contract.network import StreamName
from app.contract.recipe import Recipe
from worker.maximize.canvas import Canvas
from worker.maximize.focus import Focus, share_map
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.maximize.parameterizations import PARAMETERIZATIONS, Parameterization, Pixel
from worker.networks.network import Network

SIDE = 24
CANVAS = Canvas(depth=3, frames=2, height=SIDE, width=SIDE)
LIKE = torch.empty(0)


def focused(
    gradient: Tensor, share: float, parameterization: str = "pixel", center_bias: float = 0
) -> Parameterization:
    inner = PARAMETERIZATIONS[parameterization](CANVAS, LIKE, chi=8, blur=1, blur_end=1)
    focus = Focus(CANVAS, LIKE, share=share, center_bias=center_bias)
    return focus.weigh(inner, focus.map(inner, gradient)) if share else inner


def spotted() -> Tensor:
    """Return noise that is ten times as strong in one corner."""
    gradient = torch.randn(1, *CANVAS.shape, generator=torch.Generator().manual_seed(0))
    gradient[..., :8, :8] *= 10
    return gradient


def share_in_the_corner(gradient: Tensor, parameterization: Parameterization) -> float:
    energy = parameterization.stimulus(parameterization.coefficients(gradient)).square()
    return (energy[..., :8, :8].sum() / energy.sum()).item()


def test_steps_gather_where_the_gradient_is_strong() -> None:
    flat = torch.ones_like(spotted())
    none, half, whole = (share_in_the_corner(flat, focused(spotted(), share)) for share in (0.0, 0.5, 1.0))
    assert 0.1 < none < 0.12  # its share of the area
    assert none < half < whole
    assert whole > 0.4


def test_a_corner_counts_less_than_the_middle() -> None:
    flat = torch.ones_like(spotted())
    shares = [share_in_the_corner(flat, focused(spotted(), 1.0, center_bias=bias)) for bias in (0, 0.5, 1, 2)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < shares[0] / 2
    even = focused(flat, 1.0, center_bias=1)
    weights = even.stimulus(even.coefficients(flat))[0, 0, 0]
    torch.testing.assert_close(weights, weights.flip(0))
    torch.testing.assert_close(weights, weights.mT)
    assert {int(at) for at in divmod(int(weights.argmax()), SIDE)} <= {SIDE // 2 - 1, SIDE // 2}  # four are the middle


@pytest.mark.parametrize("center_bias", [0, 1])
def test_what_is_stationary_stays_so(center_bias: float) -> None:
    for name in PARAMETERIZATIONS:
        operator = focused(spotted(), 1.0, name, center_bias)
        x, y = torch.randn(2, 1, *CANVAS.shape, generator=torch.Generator().manual_seed(1))
        shaped = operator.stimulus(operator.coefficients(x))
        assert (shaped * x).sum() > 0
        torch.testing.assert_close((shaped * y).sum(), (x * operator.stimulus(operator.coefficients(y))).sum())


def test_frames_keep_their_shares() -> None:
    gradient = spotted()
    gradient[:, :, 1] *= 100
    steps = focused(gradient, 1.0)
    flat = steps.stimulus(steps.coefficients(torch.ones_like(gradient)))
    first, second = flat.square().mean((0, 1, 3, 4))
    assert 0.5 < first / second < 2


def test_it_remembers_and_forgets_units_one_by_one() -> None:
    pixel, focus = Pixel(CANVAS, LIKE), Focus(CANVAS, LIKE, share=1.0)
    there, nowhere = spotted(), torch.randn(1, *CANVAS.shape, generator=torch.Generator().manual_seed(2))
    focus.map(pixel, torch.cat([nowhere, there]))
    focus.keep(torch.tensor([1]))
    even = torch.ones_like(there)
    assert share_in_the_corner(even, focus.weigh(pixel, focus.map(pixel, nowhere))) > 0.3


def test_a_silent_gradient_moves_nothing_and_breaks_nothing() -> None:
    silent = torch.zeros_like(spotted())
    steps = focused(silent, 1.0)
    assert (steps.stimulus(steps.coefficients(silent)) == 0).all()


def test_a_shared_map_is_large_where_both_maps_are() -> None:
    image, flow = torch.full((2, 1, 1, 4, 4), 0.1), torch.full((2, 1, 3, 4, 4), 0.1)
    image[:, :, :, :2], flow[:, :, :, :, :2] = 10, 10
    shared = share_map({"image": image, "flow": flow})
    assert shared.shape == (2, 1, 1, 4, 4)
    corners = shared[0, 0, 0, ::3, ::3]
    torch.testing.assert_close(corners, torch.tensor([[10.0, 1.0], [1.0, 0.1]]))


def test_streams_that_share_a_focus_gather_in_one_place(two_stream_network: Network) -> None:
    """In float64, so that a unit in a batch is exactly what it is alone."""
    network = replace(two_stream_network, module=two_stream_network.module.double(), precision=torch.float64)

    def stimuli(units: list[int], focus_map: str) -> list[dict[StreamName, np.ndarray]]:
        recipe = Recipe.model_validate({"focus": 1, "center_bias": 1, "focus_map": focus_map, "steps": 12, "jitter": 4})
        results = [each.outcome for each in maximize_units(network, "class", units, [recipe] * len(units))]
        assert all(isinstance(each, Visualization) for each in results)
        return [each.stimulus for each in results if isinstance(each, Visualization)]

    def agreement(stimulus: dict[StreamName, np.ndarray]) -> float:
        energies = [np.square(x).mean((0, 1)).ravel() for x in stimulus.values()]
        return float(np.corrcoef(energies)[0, 1])

    own, shared = stimuli([0, 1, 2], "own"), stimuli([0, 1, 2], "shared")
    assert np.mean([agreement(each) for each in shared]) > np.mean([agreement(each) for each in own])
    for name, x in stimuli([1], "shared")[0].items():
        np.testing.assert_allclose(x, shared[1][name], atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "fields", "words"),
    [
        ("appearance.conv1", {}, "sees one stream alone"),
        ("class", {"focus": 0}, "does nothing where `focus` is 0"),
        ("class", {"objective": "center"}, "is for the objective `channel`"),
    ],
)
def test_a_focus_that_nothing_shares_is_refused(
    two_stream_network: Network, layer: str, fields: dict[str, object], words: str
) -> None:
    recipe = Recipe.model_validate({"focus": 1, "focus_map": "shared", "steps": 2, **fields})
    with pytest.raises(InvalidRecipe, match=words):
        maximize_units(two_stream_network, layer, [0], [recipe])


def test_a_clip_network_has_no_other_stream_to_share_with(clip_network: Network) -> None:
    with pytest.raises(InvalidRecipe, match="sees one stream alone"):
        maximize_units(clip_network, "class", [0], [Recipe(focus=1, focus_map="shared")])

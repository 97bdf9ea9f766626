"""For a linear unit and quadratic penalties the optimum is the solution of a linear system."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.contract.network import StreamName
from app.contract.recipe import Recipe, Speed
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.network import Network

FRAMES, SIZE = 4, 8


EXACT = {  # quadratic penalties, no random view, and steps enough to reach the optimum
    **{"alpha": 2, "energy": 100, "smoothness": 20, "bound": 4, "steps": 800, "step_size": 0.02, "time_weight": 1},
    **{"jitter": 0, "scale": 0, "rotation": 0, "blur": 0, "blur_end": 0},
}


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 6, (FRAMES, SIZE, SIZE))

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        logits: Tensor = self.conv1(inputs[StreamName.CLIP]).flatten(1)
        return logits


def laplacian(count: int) -> np.ndarray:
    difference = np.diff(np.eye(count), axis=0)
    return difference.T @ difference


def optimum(weight: np.ndarray, recipe: Recipe, a_hat: float) -> np.ndarray:
    """Grad J = 0:  w / (rho^2 a_hat) = 2 (lambda_B + lambda_TV L) x, with rho^2 = the whole input and M = 1."""
    assert recipe.bound is not None
    area, positions = SIZE**2, FRAMES * SIZE**2
    t, h, w = np.eye(FRAMES), np.eye(SIZE), np.eye(SIZE)
    space = np.kron(t, np.kron(laplacian(SIZE), w)) + np.kron(t, np.kron(h, laplacian(SIZE)))
    time = np.kron(laplacian(FRAMES), np.kron(h, w))
    assert recipe.time_weight is not None
    chi = recipe.time_weight * recipe.chi
    unit = 1 / (area * positions * recipe.bound**2)
    system = 2 * unit * (recipe.energy * np.eye(positions) + recipe.smoothness * (recipe.kappa * space + chi * time))
    flat = weight.reshape(3, positions).T / (area * a_hat)
    return np.linalg.solve(system, flat).T.reshape(weight.shape)


@pytest.mark.parametrize("speed", [Speed.FREE, Speed.SLOW])
@pytest.mark.parametrize("prior", ["pixel", "pink", "fourier"])
@pytest.mark.parametrize(("optimizer", "even"), [("momentum", 0), ("momentum", 1), ("adam", 0)])
def test_the_engine_finds_the_optimum(
    network_of: Callable[..., Network], speed: Speed, prior: str, optimizer: str, even: float
) -> None:
    torch.manual_seed(0)
    module = Linear()
    fields = {"speed": speed, "prior": prior, "optimizer": optimizer, "frame_equalization": even}
    recipe = Recipe.model_validate(EXACT | fields | {"time_path": "neutral"})
    (actual,) = maximize_units(network_of(module, size=SIZE, frames=FRAMES), "conv1", [2], [recipe], a_hat=[1.5])
    assert isinstance(actual.outcome, Visualization)
    expected = optimum(module.conv1.weight[2].detach().double().numpy(), recipe, 1.5)
    assert 0.05 < np.abs(expected).max() < 1  # neither bound nor clamp takes part
    error = np.linalg.norm(actual.outcome.stimulus[StreamName.CLIP] - expected) / np.linalg.norm(expected)
    assert error < 0.01


def test_a_stiff_penalty_of_time_is_solved_too(network_of: Callable[..., Network]) -> None:
    torch.manual_seed(0)
    module = Linear()
    recipe = Recipe.model_validate(EXACT | {"speed": Speed.SLOW, "time_weight": 200, "time_path": "neutral"})
    (actual,) = maximize_units(network_of(module, size=SIZE, frames=FRAMES), "conv1", [2], [recipe], a_hat=[1.5])
    assert isinstance(actual.outcome, Visualization)
    expected = optimum(module.conv1.weight[2].detach().double().numpy(), recipe, 1.5)
    error = np.linalg.norm(actual.outcome.stimulus[StreamName.CLIP] - expected) / np.linalg.norm(expected)
    assert error < 0.01


def test_what_lowers_a_linear_unit_is_minus_what_raises_it(network_of: Callable[..., Network]) -> None:
    torch.manual_seed(0)
    module = Linear()
    recipe = Recipe.model_validate(EXACT | {"sign": "minimize"})
    (actual,) = maximize_units(network_of(module, size=SIZE, frames=FRAMES), "conv1", [2], [recipe], a_hat=[1.5])
    assert isinstance(actual.outcome, Visualization)
    stimulus, measured = actual.outcome.stimulus[StreamName.CLIP], actual.outcome.measurements
    expected = -optimum(module.conv1.weight[2].detach().double().numpy(), recipe, 1.5)
    assert np.linalg.norm(stimulus - expected) / np.linalg.norm(expected) < 0.01
    lowest = float(module.conv1(torch.from_numpy(stimulus)[None]).flatten()[2])
    assert measured.activation == pytest.approx(lowest, rel=1e-4)
    assert lowest < 0
    assert measured.reach == pytest.approx(-lowest / 1.5, rel=1e-4)
    assert measured.objective > 0

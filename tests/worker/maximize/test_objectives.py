import pytest
import torch

from app.contract.network import Extent, Layer, Stream, StreamName
from tests.support import resolved
from worker.maximize.canvas import Canvas
from worker.maximize.objectives import Objective, center, channel, contrasted, data_maxima


def layer(name: str, field: int) -> Layer:
    extent = Extent(frames=1, height=field, width=field)
    return Layer(index=0, name=name, stream="clip", units=3, map=extent, receptive_field=extent)


def canvas(size: int = 8, frames: int = 2, bound: float = 0.5) -> Canvas:
    stream = Stream(name=StreamName.CLIP, frames=frames, height=size, width=size)
    return Canvas(stream, frames, size, size, margin=0, bound=bound)


def test_positions_that_are_summed() -> None:
    activation = torch.arange(3 * 4 * 5.0).view(1, 3, 4, 5)
    assert channel(activation).shape == (1, 60)
    assert center(activation).tolist() == [[1 * 20 + 2 * 5 + 2]]


def test_contrast_subtracts_the_others() -> None:
    activation = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])[:, :, None]
    units = torch.tensor([0, 2])
    assert contrasted(activation, units, 0)[:, 0].tolist() == [1, 3]
    others = torch.tensor([[2.0, 3.0], [1.0, 2.0]]).logsumexp(1)
    expected = torch.tensor([1.0, 3.0]) - 0.5 * others
    torch.testing.assert_close(contrasted(activation, units, 0.5)[:, 0], expected)


def test_contrast_is_for_classes_alone() -> None:
    activation, units, a_hat = torch.rand(1, 3, 1, 1, 1), torch.tensor([1]), torch.ones(1)
    recipe, canvases = resolved(contrast=1), {StreamName.CLIP: canvas()}
    gain = Objective(layer("conv", 2), recipe, canvases).gain(activation, units, a_hat)
    torch.testing.assert_close(gain, activation[:, 1, 0, 0, 0] / 4)
    of_class = Objective(layer("class", 2), recipe, canvases).gain(activation, units, a_hat)
    assert of_class.item() < gain.item()


@pytest.mark.parametrize("field", [3, 100])
def test_weights_are_free_of_size(field: int) -> None:
    """rho^2 J / M = mean a / a_hat - energy mean (|x| / B)^alpha - smoothness mean tv / B^2."""
    recipe = resolved(energy=0.7, alpha=3, smoothness=0.3, kappa=2, speed="medium")
    size, frames, bound = 8, 2, 0.5
    objective = Objective(layer("conv", field), recipe, {StreamName.CLIP: canvas(size, frames, bound)})
    x, activation = torch.randn(2, 3, frames, size, size) * 0.2, torch.randn(2, 3, 2, 4, 4)
    picked = objective.picked(activation)
    gain = objective.gain(activation, torch.tensor([2, 0]), torch.tensor([5.0, 2.0]))
    value = gain - objective.penalty({StreamName.CLIP: x}, picked)[0]
    mean_activation = activation[[0, 1], [2, 0]].mean((1, 2, 3)) / torch.tensor([5.0, 2.0])
    energy = (x.norm(dim=1) / bound).pow(3).mean((1, 2, 3))
    space = (x.diff(dim=3).square().sum((1, 2, 3, 4)) + x.diff(dim=4).square().sum((1, 2, 3, 4))) * 2
    time = x.diff(dim=2).square().sum((1, 2, 3, 4)) * recipe.chi
    smooth = (space + time) / (frames * size**2 * bound**2)
    rho_squared = min(field, size) ** 2
    torch.testing.assert_close(rho_squared * value / picked, mean_activation - 0.7 * energy - 0.3 * smooth)


def test_a_hat_is_one_where_it_is_unknown() -> None:
    assert data_maxima(None, 2) == [1, 1]
    assert data_maxima([3.0, 0.0], 2) == [3, 1]

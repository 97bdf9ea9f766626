"""Features that keep the statistics of the training data."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import NoGradient
from app.contract.network import StreamName
from app.contract.recipe import Recipe
from tests.worker.maximize.conftest import CLIP_LAYERS, clip_stream, make_network
from worker.maximize.ascend import ascend
from worker.maximize.cone import derive
from worker.maximize.gradient import Slope
from worker.maximize.objectives import Objective
from worker.maximize.outcome import Finished
from worker.networks.network import Network

RECIPE = Recipe(steps=24, jitter=4, prior="pink", bn_prior=3.0)


class Normalised(nn.Module):
    """conv1 -> batch normalisation -> ReLU -> conv2 -> ReLU -> class."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm3d(6)
        self.conv2 = nn.Conv3d(6, 6, 3, stride=2, padding=1)
        self.scores = nn.Linear(6, 5)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = self.norm(self.conv1(inputs[StreamName.CLIP])).relu()
        scores: Tensor = self.scores(self.conv2(x).relu().mean((2, 3, 4)))
        return scores


@pytest.fixture
def normalised() -> Network:
    torch.manual_seed(3)
    module = Normalised()
    with torch.no_grad():
        module.norm.running_var.uniform_(0.02, 0.1)
    network = make_network(module, [clip_stream()], CLIP_LAYERS)
    return Network(network.card.model_copy(update={"normalised": True}), network.module, network.points)


def divergence(network: Network, found: Finished) -> float:
    cone = derive(network, "class", RECIPE.resolved(network.card))
    x = torch.from_numpy(found.stimulus[StreamName.CLIP])[None]
    measured = cone.watched({StreamName.CLIP: x})[1]
    assert measured is not None
    return float(measured)


def finished(network: Network, recipe: Recipe) -> Finished:
    outcome = ascend(network, "class", [2], [recipe])[0].outcome
    assert isinstance(outcome, Finished), outcome
    return outcome


def test_nature_keeps_features_closer_to_the_training_data(normalised: Network) -> None:
    free, bound = (
        divergence(normalised, finished(normalised, RECIPE.model_copy(update={"bn_prior": nature})))
        for nature in (0.0, 10.0)
    )
    assert bound < free / 2


def test_the_gradient_is_that_of_the_gain_less_the_weighed_divergence(normalised: Network) -> None:
    recipe = RECIPE.resolved(normalised.card)
    cone = derive(normalised, "class", recipe)
    objective = Objective(normalised.card.layer("class"), recipe, cone.canvases)
    slope = Slope(normalised, "class", objective, cone)
    units, a_hat = torch.tensor([2, 4]), torch.ones(2)
    canvas = cone.canvases[StreamName.CLIP]
    x = torch.randn(2, *canvas.shape, generator=torch.Generator().manual_seed(0)) / 3
    pulled = slope.pull({StreamName.CLIP: x}, None, units, a_hat)

    leaf = x.clone().requires_grad_()
    seen = canvas.crop(leaf)
    gain = objective.gain(normalised.activation("class", {StreamName.CLIP: seen}), units, a_hat)
    normalised_features = normalised.module.norm(normalised.module.conv1(seen))  # type: ignore[operator, union-attr]
    variance, mean = torch.var_mean(normalised_features, (2, 3, 4), correction=0)
    strange = ((variance + mean.square() - 1 - (variance + 1e-3).log()) / 2).mean(1)  # scale 1, shift 0
    value = gain - 3.0 * gain.detach().abs() * strange
    penalty, against = objective.penalty({StreamName.CLIP: x}, 1)
    expected = torch.autograd.grad(value.sum(), leaf)[0] - against[StreamName.CLIP]
    torch.testing.assert_close(pulled.value, value.detach() - penalty, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(pulled.gradient[StreamName.CLIP], expected, rtol=1e-3, atol=1e-8)


def test_a_dead_unit_is_still_found_at_the_first_step(normalised: Network) -> None:
    with torch.no_grad():
        normalised.module.get_submodule("scores").weight[2] = 0  # type: ignore[index, operator]
    recipe = RECIPE.model_copy(update={"contrast": 0.0})
    assert isinstance(ascend(normalised, "class", [2], [recipe])[0].outcome, NoGradient)


def test_without_batch_normalisation_nature_changes_nothing(clip_network: Network) -> None:
    bare, natural = (
        finished(clip_network, RECIPE.model_copy(update={"bn_prior": nature})).stimulus[StreamName.CLIP]
        for nature in (0.0, 10.0)
    )
    assert (bare == natural).all()

"""Features that keep the statistics of the training data."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import NoGradient
from app.contract.network import StreamName
from app.contract.recipe import Recipe
from tests.worker.maximize.conftest import CLIP_LAYERS, clip_stream, make_network
from worker.maximize.cone import Cone
from worker.maximize.from_recipe import Visualization, make_function, make_model, make_objective, maximize_units
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
    assert module.norm.running_var is not None
    with torch.no_grad():
        module.norm.running_var.uniform_(0.02, 0.1)
    network = make_network(module, [clip_stream()], CLIP_LAYERS)
    return Network(network.card.model_copy(update={"normalised": True}), network.module, network.points)


def divergence(network: Network, visualization: Visualization) -> float:
    model, _ = make_model(network, "class", RECIPE.resolved(network.card))
    x = torch.from_numpy(visualization.stimulus[StreamName.CLIP])[None]
    measured = model.with_bn_divergence({StreamName.CLIP: x}, reduced=False)[1]
    assert measured is not None
    return float(measured)


def finished(network: Network, recipe: Recipe) -> Visualization:
    outcome = maximize_units(network, "class", [2], [recipe])[0].outcome
    assert isinstance(outcome, Visualization), outcome
    return outcome


def test_the_bn_prior_keeps_features_closer_to_the_training_data(normalised: Network) -> None:
    free, bound = (
        divergence(normalised, finished(normalised, RECIPE.model_copy(update={"bn_prior": weight})))
        for weight in (0.0, 10.0)
    )
    assert bound < free / 2


def test_the_gradient_is_that_of_the_gain_less_the_weighed_divergence(normalised: Network) -> None:
    recipe = RECIPE.resolved(normalised.card)
    model, _ = make_model(normalised, "class", recipe)
    assert isinstance(model, Cone)
    objective = make_objective(normalised, "class", recipe, [2, 4])
    function, items = make_function(normalised, "class", recipe, model, [2, 4]), torch.arange(2)
    canvas = model.canvases[StreamName.CLIP]
    x = torch.randn(2, *canvas.shape, generator=torch.Generator().manual_seed(0)) / 3
    evaluated = function.value_and_grad({StreamName.CLIP: x}, None, items)

    leaf = x.clone().requires_grad_()
    seen = canvas.crop(leaf)
    activations = {"class": normalised.activation("class", {StreamName.CLIP: seen})}
    gain = objective(activations, items) / function.scale
    normalised_features = normalised.module.get_submodule("norm")(normalised.module.get_submodule("conv1")(seen))
    variance, mean = torch.var_mean(normalised_features, (2, 3, 4), correction=0)
    divergence = ((variance + mean.square() - 1 - (variance + 1e-3).log()) / 2).mean(1)  # scale 1, shift 0
    value = gain - 3.0 * gain.detach().abs() * divergence
    penalty, penalty_gradients = function.penalties({StreamName.CLIP: x}, activations)
    expected = torch.autograd.grad(value.sum(), leaf)[0] - penalty_gradients[StreamName.CLIP]
    torch.testing.assert_close(evaluated.value, value.detach() - penalty, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(evaluated.gradient[StreamName.CLIP], expected, rtol=1e-3, atol=1e-8)


def test_a_dead_unit_is_still_found_at_the_first_step(normalised: Network) -> None:
    with torch.no_grad():
        scores = normalised.module.get_submodule("scores")
        assert isinstance(scores, nn.Linear)
        scores.weight[2] = 0
    recipe = RECIPE.model_copy(update={"contrast": 0.0})
    assert isinstance(maximize_units(normalised, "class", [2], [recipe])[0].outcome, NoGradient)


def test_without_batch_normalisation_the_bn_prior_changes_nothing(clip_network: Network) -> None:
    without, with_prior = (
        finished(clip_network, RECIPE.model_copy(update={"bn_prior": weight})).stimulus[StreamName.CLIP]
        for weight in (0.0, 10.0)
    )
    assert (without == with_prior).all()

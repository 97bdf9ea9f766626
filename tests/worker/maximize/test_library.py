"""The library on plain modules: no card, no recipe, no database."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import NoGradient, UnknownLayer
from worker.maximize import (
    Adam,
    Canvas,
    Penalty,
    Pixel,
    RandomViews,
    Schedule,
    Step,
    center,
    channel,
    maximize,
)
from worker.maximize.cone import Cone, WholeModel, make_model
from worker.maximize.objective_function import ObjectiveFunction

IMAGE = Canvas.image(12, 10)
STILL = RandomViews(jitter=0, scale=0, rotation=0)


class TwoLayers(nn.Module):
    """Two convolutions of one image, neither followed by anything that is not linear."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.early = nn.Conv2d(3, 5, 3)
        self.late = nn.Conv2d(5, 9, 3)

    def forward(self, image: Tensor) -> Tensor:
        output: Tensor = self.late(self.early(image))
        return output


class Named(nn.Module):
    """A mapping of an image and a clip, whose activations are added."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.image, self.clip = nn.Conv2d(3, 4, 3), nn.Conv3d(3, 4, (2, 3, 3))
        self.both = nn.Conv2d(4, 4, 1)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        output: Tensor = self.both(self.image(inputs["photo"]) + self.clip(inputs["video"]).mean(2))
        return output


def frozen(module: nn.Module) -> nn.Module:
    return module.eval().requires_grad_(False)


def test_the_gradient_of_combined_objectives_is_exactly_that_of_their_weights() -> None:
    """For linear layers J = <w, x> + b, with w the weighted sum of the objectives' own gradients."""
    module = frozen(TwoLayers().double())
    objective = 0.2 * channel("early", 3) + 0.8 * channel("late", 7) - center("late", 2) / 2
    model, objective = make_model(module, objective, IMAGE, margin=0)
    function = ObjectiveFunction(model, objective, Penalty(energy=0, smoothness=0), torch.ones(2, dtype=torch.float64))
    x = torch.randn(2, *IMAGE.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    actual = function.value_and_grad({"input": x}, None, torch.arange(2))

    leaf = x[:, :, 0].clone().requires_grad_()
    early = module.get_submodule("early")(leaf)
    late = module(leaf)
    terms = (early[:, 3].sum((1, 2)), late[:, 7].sum((1, 2)), late[:, 2, late.shape[2] // 2, late.shape[3] // 2])
    gradients = [torch.autograd.grad(term.sum(), leaf, retain_graph=True)[0] for term in terms]
    expected = 0.2 * gradients[0] + 0.8 * gradients[1] - 0.5 * gradients[2]
    torch.testing.assert_close(actual.gradient["input"][:, :, 0], expected)
    torch.testing.assert_close(actual.gradient["input"][0], actual.gradient["input"][1])  # linear: the same everywhere
    value = 0.2 * terms[0] + 0.8 * terms[1] - 0.5 * terms[2]
    torch.testing.assert_close(actual.value, value.detach())


def test_the_maximum_of_a_linear_objective_is_its_weights_over_the_penalty() -> None:
    """Grad J = 0 for J = <w, x> - lambda |x|^2 at x = w / (2 lambda), lambda = energy M / (N B^2)."""
    module = nn.Conv2d(3, 4, (12, 10))
    torch.manual_seed(0)
    nn.init.normal_(module.weight, std=0.1)
    frozen(module)
    objective = 0.5 * channel("", 1) - 0.25 * channel("", 2)
    energy = 400.0
    (actual,) = maximize(
        module,
        objective,
        Canvas.image(12, 10, bound=4),
        parameterization=partial(Pixel, blur=0, blur_end=0),
        transform=STILL,
        penalty=Penalty(energy=energy, alpha=2, smoothness=0),
        schedule=Schedule(steps=400, step_size=0.02),
    )
    weight = 0.5 * module.weight[1] - 0.25 * module.weight[2]
    expected = (weight / (2 * energy * 0.75 / (12 * 10 * 4**2))).numpy()
    assert 0.05 < np.abs(expected).max() < 1  # neither bound nor clamp takes part
    error = np.linalg.norm(actual.stimulus["input"][:, 0] - expected) / np.linalg.norm(expected)
    assert error < 0.01
    assert actual.objective == pytest.approx(max(actual.trace), rel=1e-2)


def test_one_layer_runs_as_its_cone_and_several_as_they_are() -> None:
    module = frozen(TwoLayers())
    cone, _ = make_model(module, center("late", 1) - center("late", 2), IMAGE, margin=0)
    assert isinstance(cone, Cone)
    assert cone.canvases["input"].shape == (3, 1, 5, 5)
    whole, _ = make_model(module, center("late", 1) + center("early", 2), IMAGE, margin=0)
    assert isinstance(whole, WholeModel)


def test_inputs_have_the_names_that_the_module_gives_them() -> None:
    canvases = {"photo": IMAGE, "video": Canvas(depth=3, frames=4, height=12, width=10)}
    steps: list[Step] = []

    def observe(step: Step) -> tuple[int, ...]:
        steps.append(step)
        return ()

    actual = maximize(
        frozen(Named()),
        channel("both", 2),
        canvases,
        seeds=(0, 1),
        optimizer=Adam,
        schedule=Schedule(steps=8),
        observe=observe,
    )
    assert [{name: x.shape for name, x in one.stimulus.items()} for one in actual] == [
        {"photo": (3, 1, 12, 10), "video": (3, 4, 12, 10)}
    ] * 2
    assert np.abs(actual[0].stimulus["photo"] - actual[1].stimulus["photo"]).max() > 0.01
    assert all(one.objective > one.trace[0] for one in actual)
    assert [step.step for step in steps] == list(range(1, 9))


def test_failures_are_raised() -> None:
    with pytest.raises(UnknownLayer, match="late"):
        maximize(frozen(TwoLayers()), channel("lates", 0), {"image": IMAGE})
    dead = TwoLayers()
    nn.init.zeros_(dead.late.weight)
    with pytest.raises(NoGradient, match="Item 0 has no gradient"):
        maximize(frozen(dead), channel("late", 0), IMAGE, schedule=Schedule(steps=1))

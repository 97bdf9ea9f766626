"""Features of a network without batch normalisation that are held to statistics which are given."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import UnknownLayer
from worker.maximize import Canvas, ChannelStatistics, Penalty, RandomViews, Schedule, channel, maximize
from worker.maximize.cone import Cone, WholeModel, make_model
from worker.maximize.objective_function import ObjectiveFunction

IMAGE = Canvas.image(10, 9)
SCALE = torch.tensor([2.0, 0.5, 1.0], dtype=torch.float64)
SHIFT = torch.tensor([-1.0, 0.25, 3.0], dtype=torch.float64)


class Linear(nn.Module):
    """Features scale x + shift of each colour, whose statistics follow from those of the image, and a layer on them."""

    def __init__(self, *, branches: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.late, self.branches = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 4, 3), branches
        self.features.weight.data = torch.diag(SCALE)[:, :, None, None]
        self.features.bias = nn.Parameter(SHIFT.clone())
        self.double().eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = self.features(image)
        if self.branches and features.sum() > 1e9:  # looks at values, so that it cannot be recorded
            return features
        output: Tensor = self.late(features)
        return output


def image(seed: int = 0) -> Tensor:
    return torch.randn(1, *IMAGE.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def statistics_of(x: Tensor) -> ChannelStatistics:
    """Return the statistics of the features of an image, by how they follow from its own."""
    variance, mean = torch.var_mean(x[0].flatten(1), 1, correction=0)
    return ChannelStatistics(SCALE * mean + SHIFT, SCALE.square() * variance)


@pytest.fixture(params=[False, True], ids=["recorded", "whole"])
def build(request: pytest.FixtureRequest) -> Callable[[ChannelStatistics], Cone | WholeModel]:
    def make(known: ChannelStatistics) -> Cone | WholeModel:
        module = Linear(branches=request.param)
        model, _ = make_model(module, channel("late", 1), IMAGE, margin=0, statistics={"features": known})
        assert isinstance(model, WholeModel if request.param else Cone)
        return model

    return make


def test_features_with_exactly_the_statistics_do_not_diverge(
    build: Callable[[ChannelStatistics], Cone | WholeModel],
) -> None:
    model = build(statistics_of(image()))
    found = []
    for x in (image(), image(1) * 3):
        leaf = x.requires_grad_()
        _, divergence = model.with_bn_divergence({"input": leaf}, reduced=True)
        assert divergence is not None
        (gradient,) = torch.autograd.grad(divergence.sum(), leaf)
        found.append((float(divergence.detach()), float(gradient.norm())))
    assert abs(found[0][0]) < 1e-3  # the logarithm is taken of s^2 / v + 0.001
    assert found[0][1] < found[1][1] / 100
    assert found[1][0] > 1


def test_the_gradient_of_the_divergence_is_its_finite_difference(
    build: Callable[[ChannelStatistics], Cone | WholeModel],
) -> None:
    model = build(statistics_of(image()))

    def divergence(x: Tensor) -> Tensor:
        value = model.with_bn_divergence({"input": x}, reduced=True)[1]
        assert value is not None
        return value.sum()

    x, direction, step = image(1), image(2), 1e-5
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(divergence(leaf), leaf)
    difference = (divergence(x + step * direction) - divergence(x - step * direction)) / (2 * step)
    torch.testing.assert_close((gradient * direction).sum(), difference, rtol=1e-6, atol=1e-9)


def test_the_closed_form_of_a_scaled_image(build: Callable[[ChannelStatistics], Cone | WholeModel]) -> None:
    """An image k times as strong about its mean has s^2 / v = k^2: KL = (k^2 - 1 - ln(k^2)) / 2 for every channel."""
    x, k = image(), 3.0
    mean = x.flatten(2).mean(2)[:, :, None, None, None]
    _, actual = build(statistics_of(x)).with_bn_divergence({"input": mean + k * (x - mean)}, reduced=True)
    assert actual is not None
    assert float(actual) == pytest.approx((k**2 - 1 - float(torch.tensor(k**2).log())) / 2, abs=1e-3)


def test_the_prior_holds_the_features_of_a_plain_module() -> None:
    known = ChannelStatistics(SHIFT, SCALE.square() / 25)
    found = []
    for weight in (0.0, 10.0):
        (maximum,) = maximize(
            Linear(),
            channel("late", 1),
            IMAGE,
            transform=RandomViews(jitter=0, scale=0, rotation=0),
            penalty=Penalty(energy=0, smoothness=0),
            schedule=Schedule(steps=30),
            bn_prior=weight,
            feature_statistics={"features": known},
        )
        model, _ = make_model(Linear(), channel("late", 1), IMAGE, margin=0, statistics={"features": known})
        x = torch.from_numpy(maximum.stimulus["input"])[None].double()
        divergence = model.with_bn_divergence({"input": x}, reduced=False)[1]
        assert divergence is not None
        found.append(float(divergence))
    assert found[1] < found[0] / 2


def test_statistics_of_the_target_are_not_compared() -> None:
    module = Linear()
    known = ChannelStatistics(torch.zeros(4), torch.ones(4))
    model, _ = make_model(module, channel("late", 1), IMAGE, margin=0, statistics={"late": known})
    assert model.with_bn_divergence({"input": image()}, reduced=True)[1] is None


def test_other_statistics_are_not_those_of_the_last_call() -> None:
    module, x = Linear(), image()
    values = []
    for known in (statistics_of(x), ChannelStatistics(SHIFT, SCALE)):
        model, _ = make_model(module, channel("late", 1), IMAGE, margin=0, statistics={"features": known})
        values.append(model.with_bn_divergence({"input": x}, reduced=True)[1])
    assert values[0] is not None
    assert values[1] is not None
    assert float(values[1]) > float(values[0]) + 0.01


def test_statistics_that_do_not_fit_are_refused() -> None:
    few = ChannelStatistics(torch.zeros(2), torch.ones(2))
    with pytest.raises(
        ValueError,
        match="'module.features' are those of 2 channels, and its output is 1 x 3 x 10 x 9".replace(".", r"\."),
    ):
        make_model(Linear(), channel("late", 1), IMAGE, margin=0, statistics={"features": few})
    with pytest.raises(UnknownLayer, match="nowhere"):
        make_model(Linear(), channel("late", 1), IMAGE, margin=0, statistics={"nowhere": few})


def test_a_convolution_with_statistics_of_its_own_is_not_folded_into_the_normalisation_after_it() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1)).double().eval()
    module.requires_grad_(False)
    known = ChannelStatistics(torch.full((3,), 9.0), torch.ones(3))
    model, _ = make_model(module, channel("2", 1), IMAGE, margin=0, statistics={"0": known})
    plain, _ = make_model(module, channel("2", 1), IMAGE, margin=0)
    assert isinstance(model, Cone)
    reduced, exact = (model.with_bn_divergence({"input": image()}, reduced=each)[1] for each in (True, False))
    own = plain.with_bn_divergence({"input": image()}, reduced=True)[1]
    assert reduced is not None
    assert exact is not None
    assert own is not None
    torch.testing.assert_close(reduced, exact)
    assert float(reduced) > float(own) + 10


def test_without_a_weight_the_statistics_are_not_looked_at() -> None:
    module = Linear()
    model, _ = make_model(module, channel("late", 1), IMAGE, margin=0, statistics={"features": statistics_of(image())})
    function = ObjectiveFunction(
        model, channel("late", 1), Penalty(energy=0, smoothness=0), torch.ones(1, dtype=torch.float64)
    )
    x = {"input": image(1)}
    expected = model.activations(x, reduced=True)["late"][:, 1].sum()
    torch.testing.assert_close(function.gain(x, torch.arange(1), reduced=True)[1][0], expected)

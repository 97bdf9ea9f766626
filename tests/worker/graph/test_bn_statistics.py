"""Batch normalisation as a memory of the training data."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal as Gaussian
from torch.distributions import kl_divergence

from app.contract.network import StreamName
from worker.graph.bn_statistics import MIN_VARIANCE_SHARE, ChannelStatistics, bn_statistics
from worker.graph.program import Program, optimized
from worker.graph.recording import Recording, record
from worker.graph.windows import full_window

MEAN, VARIANCE = torch.tensor([0.5, -1.0]), torch.tensor([4.0, 0.25])


class Tower(nn.Module):
    """Two normalised convolutions, of which the second is the target's; one on a map that is too small."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv3d(3, 5, 3, padding=1, bias=False), nn.BatchNorm3d(5))
        self.small = nn.Sequential(nn.AdaptiveAvgPool3d((1, 2, 2)), nn.BatchNorm3d(5))
        self.second = nn.Sequential(nn.Conv3d(5, 4, 1), nn.BatchNorm3d(4))

    def forward(self, inputs: dict[StreamName, Tensor]) -> Tensor:
        x = self.first(inputs[StreamName.CLIP]).relu()
        output: Tensor = self.second(x + self.small(x).mean((2, 3, 4), keepdim=True))
        return output


def recording() -> tuple[Tower, Recording, Tensor]:
    torch.manual_seed(0)
    tower = Tower()
    for part in tower.modules():
        if isinstance(part, nn.BatchNorm3d):
            for each, low, high in ((part.weight, 0.5, 2), (part.bias, -1, 1), (part.running_var, 0.5, 2)):
                assert each is not None
                nn.init.uniform_(each, low, high)
    tower.eval().requires_grad_(False)
    clip = torch.randn(1, 3, 4, 8, 8)
    return tower, record(tower, "second", {StreamName.CLIP: clip}), clip


def test_the_divergence_is_that_of_gaussians() -> None:
    actual = torch.randn(3, 2, 500) * torch.tensor([1.0, 2.0])[None, :, None] + 0.3
    variance, mean = torch.var_mean(actual, 2, correction=0)
    expected = kl_divergence(Gaussian(mean, variance.sqrt()), Gaussian(MEAN, VARIANCE.sqrt())).mean(1)
    torch.testing.assert_close(ChannelStatistics(MEAN, VARIANCE).divergence(actual), expected, rtol=0, atol=0.01)


def test_what_is_like_the_training_data_hardly_diverges_and_what_is_still_does_finitely() -> None:
    statistics = ChannelStatistics(MEAN, VARIANCE)
    alike = MEAN[None, :, None] + VARIANCE.sqrt()[None, :, None] * torch.randn(1, 2, 10_000)
    still = torch.zeros(1, 2, 10)
    assert abs(float(statistics.divergence(alike))) < 0.01
    assert 1 < float(statistics.divergence(still)) < 10


def test_statistics_are_shift_and_squared_scale_of_what_lies_before_the_target() -> None:
    tower, recorded, _ = recording()
    (statistics,) = bn_statistics(recorded).values()  # neither the target's own nor that of four positions
    norm = tower.first[1]
    assert isinstance(norm, nn.BatchNorm3d)
    torch.testing.assert_close(statistics.mean, norm.bias)
    torch.testing.assert_close(
        statistics.variance, norm.weight.square().clamp_min(MIN_VARIANCE_SHARE * norm.weight.square().mean())
    )


@pytest.mark.parametrize("fold", [False, True])
def test_a_program_measures_the_divergence_of_what_the_network_computes(fold: bool) -> None:
    tower, recorded, clip = recording()
    program = Program(
        optimized(recorded, torch.float32) if fold else recorded,
        full_window(tuple(recorded.activation.shape)),
        statistics=bn_statistics(recorded),
    )
    batch = torch.cat([clip, clip * 3])
    activation, divergence = program.with_bn_divergence({StreamName.CLIP: batch})
    (statistics,) = bn_statistics(recorded).values()
    assert divergence is not None
    torch.testing.assert_close(divergence, statistics.divergence(tower.first(batch)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(activation, program({StreamName.CLIP: batch}))
    assert divergence[1] > divergence[0]


def test_a_network_without_batch_normalisation_has_none() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv3d(3, 2, 3)

        def forward(self, inputs: dict[StreamName, Tensor]) -> Tensor:
            output: Tensor = self.conv(inputs[StreamName.CLIP])
            return output

    clip = torch.randn(1, 3, 4, 8, 8)
    recorded = record(Plain().requires_grad_(False), "conv", {StreamName.CLIP: clip})
    program = Program(recorded, full_window(tuple(recorded.activation.shape)), statistics=bn_statistics(recorded))
    assert program.with_bn_divergence({StreamName.CLIP: clip})[1] is None

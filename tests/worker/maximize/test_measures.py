"""What is measured of a finished stimulus."""

import numpy as np
import pytest
import torch

from app.contract.network import StreamName
from worker.maximize.measures import motion_energies, motion_energy, noise, peak, probability


def waves(frequency: float, size: int = 64) -> np.ndarray:
    wave = np.cos(2 * np.pi * frequency * np.arange(size) + 0.3)
    return np.broadcast_to(wave, (3, 2, size, size)).astype(np.float32)


def test_noise_is_the_share_above_a_quarter_of_the_sampling_rate() -> None:
    assert noise(waves(0.1)) < 1e-3
    assert noise(waves(0.4)) > 0.999
    assert noise(waves(0.1) + waves(0.4)) == pytest.approx(0.5, abs=0.01)
    assert noise(np.full((3, 1, 16, 16), 0.5, np.float32)) == 0
    white = np.random.default_rng(0).normal(size=(3, 8, 64, 64)).astype(np.float32)
    assert noise(white) == pytest.approx(1 - np.pi / 16, abs=0.02)  # all but a disc of radius 1/4


def test_motion_energy_is_the_mean_difference_in_time() -> None:
    x = np.zeros((2, 3, 2, 2), np.float32)
    x[:, 1], x[:, 2] = 1, -1
    assert motion_energy(x) == 1.5
    assert motion_energy(x[:, :1]) is None
    assert motion_energies({StreamName.APPEARANCE: x[:, :1], StreamName.MOTION: x}) == {"motion": 1.5}


def test_activation_is_the_peak_after_a_relu() -> None:
    activation = torch.tensor([[-1.0, 3.0, 2.0], [-4.0, -2.0, -3.0]])
    assert peak(activation, rectified=True).tolist() == [3, 0]
    assert peak(activation, rectified=False).tolist() == [3, -2]


def test_probability_is_the_softmax_share_of_the_unit() -> None:
    logits = torch.log(torch.tensor([[1.0, 2, 5], [3, 3, 2]]))[:, :, None, None, None]
    assert probability(logits, torch.tensor([2, 0])).tolist() == pytest.approx([5 / 8, 3 / 8])

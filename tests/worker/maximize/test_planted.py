"""A network of planted filters: stimuli must show the orientation, the speed and the direction that were planted."""

from collections.abc import Callable, Mapping
from math import cos, pi, radians, sin

import numpy as np
import torch
from torch import Tensor, nn

from app.contract.network import StreamName
from app.contract.recipe import Recipe
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.network import Network

FREQUENCY = 0.125  # cycles a pixel
PLANTED = ((0, 1.0), (90, 1.0), (45, -1.0), (120, 0.5), (30, 0.0), (150, -0.75))  # degrees, pixels a frame
FRAMES, SIDE = 9, 17


class Gabors(nn.Module):
    """Drifting gratings under a Gaussian window, one a unit, in luminance."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, len(PLANTED), (FRAMES, SIDE, SIDE), bias=False)
        t, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in (FRAMES, SIDE, SIDE)), indexing="ij")
        window = np.exp(-(x**2 + y**2) / (2 * 4**2) - t**2 / (2 * 2.5**2))
        for unit, (degrees, speed) in enumerate(PLANTED):
            across = x * cos(radians(degrees)) + y * sin(radians(degrees))
            grating = window * np.cos(2 * pi * FREQUENCY * (across - speed * t))
            self.conv1.weight.data[unit] = torch.from_numpy(grating - grating.mean()).float()

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        logits: Tensor = self.conv1(inputs[StreamName.CLIP]).mean((2, 3, 4))
        return logits


def grating(clip: np.ndarray) -> tuple[float, float]:
    """Return orientation in [0, 180) degrees and speed in pixels a frame of the strongest wave in (3, T, H, W)."""
    x = clip.mean(0)
    window = np.einsum("i,j,k->ijk", *(np.hanning(n + 2)[1:-1] for n in x.shape))
    size = (128, 128, 128)
    power = np.abs(np.fft.fftn((x - x.mean()) * window, size, axes=(0, 1, 2))) ** 2
    axes = np.meshgrid(*(np.fft.fftfreq(n) for n in size), indexing="ij")
    half = (axes[1] > 0) | ((axes[1] == 0) & (axes[2] > 0))  # a real signal: the other half mirrors it
    peak = np.argmax(np.where(half & (np.hypot(axes[1], axes[2]) > 0.04), power, 0))
    time, down, right = (float(axis.flat[peak]) for axis in axes)
    return float(np.degrees(np.arctan2(down, right))) % 180, -time / float(np.hypot(down, right))


def test_stimuli_have_the_planted_orientation_speed_and_direction(network_of: Callable[..., Network]) -> None:
    net = network_of(Gabors(), units=len(PLANTED), frames=FRAMES, size=32)
    recipe = Recipe(objective="center", speed="free", jitter=14, scale=0.05, rotation=4, blur=7, blur_end=0)
    actual = maximize_units(net, "conv1", range(len(PLANTED)), [recipe] * len(PLANTED))
    for result, (degrees, speed) in zip(actual, PLANTED, strict=True):
        assert isinstance(result.outcome, Visualization)
        stimulus = result.outcome.stimulus[StreamName.CLIP]
        assert stimulus.shape == (3, FRAMES, SIDE, SIDE)
        orientation, moves = grating(stimulus)
        off = abs((orientation - degrees + 90) % 180 - 90)
        assert off < 5, (degrees, orientation)
        # a wave along theta at v is one along theta + 180 degrees at -v
        turned = abs((orientation - degrees + 180) % 360 - 180) > 90
        assert abs((-moves if turned else moves) - speed) < 0.1, (degrees, speed, moves)

"""Formulas that measure a finished stimulus.

Stimuli are arrays (D, T, H, W) in standard units.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.maximize.canvas import InputName

Array = NDArray[np.float32]


def peak(activation: Tensor, rectified: bool) -> Tensor:
    """Return the activation of a stimulus: the maximum over the map's positions, after a following ReLU.

    (B, positions) to (B,). The data maximum a_hat is taken in the same way, so that reach = activation / a_hat compares
    like with like.
    """
    highest = activation.amax(-1)
    return highest.relu() if rectified else highest


def trough(activation: Tensor) -> Tensor:
    """Return the lowest activation over the map's positions, before a following ReLU: (B, positions) to (B,)."""
    return activation.amin(-1)


def probability(logits: Tensor, units: Tensor) -> Tensor:
    """Return exp z_c / sum_j exp z_j for class outputs z averaged over positions: (B, C, T, H, W) to (B,)."""
    probabilities = logits.flatten(2).mean(2).softmax(1)
    return probabilities.gather(1, units[:, None])[:, 0]


def motion_energy(x: Array) -> float | None:
    """Return the mean of |x(d, t + 1, i, j) - x(d, t, i, j)| over values and pairs of frames; None for one frame."""
    return float(np.abs(np.diff(x, axis=1)).mean()) if x.shape[1] > 1 else None


def magnitude(x: Array) -> float:
    """Return the mean of the length of flow vectors (2, T, H, W), in the units of x."""
    return float(np.hypot(x[0], x[1]).mean())


def noise(x: Array) -> float:
    """Return the share of spectral energy above a quarter of the sampling rate.

    sum of |X(f)|^2 over |f| > 1/4 cycle a pixel, divided by the sum over all f, with X the two-dimensional Fourier
    transform of each value of each frame less its mean, under a Hann window (so that the border is no edge). 0 for a
    constant stimulus, about .8 for white noise, below .01 for most real frames.
    """
    height, width = x.shape[-2:]
    window = np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[1:-1]
    weighted_mean = (x * window).sum((-2, -1), keepdims=True) / window.sum()
    power = np.abs(np.fft.fft2((x - weighted_mean) * window)) ** 2
    high = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)) > 0.25
    total = power.sum()
    return float(power[..., high].sum() / total) if total > 0 else 0.0


def motion_energies(stimulus: Mapping[InputName, Array]) -> dict[str, float]:
    """Return the motion energy of every input that has more than one frame."""
    energies = {str(name): motion_energy(x) for name, x in stimulus.items()}
    return {name: energy for name, energy in energies.items() if energy is not None}


def relative_changes(clip: Mapping[InputName, Array], stimulus: Mapping[InputName, Array]) -> dict[str, float]:
    """Return the RMS of stimulus - clip over the RMS of the clip, by input; 0 where both are, of an empty clip 1."""
    changes = {name: float(np.square(x - clip[name]).mean() ** 0.5) for name, x in stimulus.items()}
    sizes = {name: float(np.square(clip[name]).mean() ** 0.5) for name in stimulus}
    return {str(name): change / (sizes[name] or change or 1.0) for name, change in changes.items()}


def to_array(x: Tensor) -> Array:
    """Return a copy of the tensor as a float32 array."""
    return x.detach().to("cpu", torch.float32).numpy().copy()

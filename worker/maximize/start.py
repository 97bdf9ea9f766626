"""A given start: the stimulus is a real clip plus a change, and the change is what is optimized.

Feature accentuation (Hamblin, Fel, Saha, Konkle and Alvarez 2024, arXiv 2402.10039). All that J and the loop do to a
stimulus elsewhere, penalties, decay and the bound among it, they do to the change here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from worker.maximize.canvas import Canvas, InputName, Stimulus
from worker.maximize.measures import Array
from worker.maximize.objectives import Activations, UnitActivation

Keeps = Literal["amplitude", "phase", "nothing"]
LIMIT = 1.0  # of every value of a stimulus in standard units: RGB from -1 to 1, flow from -20 to 20 px


@dataclass(frozen=True)
class Start:
    """The real clip (1, D, T, H, W) of every input, margin included, and what of its spectra stays.

    `keeps` is about the two-dimensional Fourier transform of each value of each frame. With `amplitude` no frequency
    becomes stronger than it is in the clip, so that phases carry the change (as in the authors' code, where amplitudes
    may only fall); with `phase` every phase is that of the clip, and amplitudes carry it.
    """

    values: Stimulus
    keeps: Keeps = "amplitude"

    @classmethod
    def of(
        cls, clip: Mapping[InputName, Array], canvases: Mapping[InputName, Canvas], like: Tensor, keeps: Keeps
    ) -> "Start":
        """Return the start of a clip (D, T, H, W) by input; beyond the frame, the canvas mirrors it."""
        values = {}
        for name, canvas in canvases.items():
            margin = ((0, 0), (0, 0), (canvas.margin,) * 2, (canvas.margin,) * 2)
            padded = np.pad(np.clip(clip[name], -LIMIT, LIMIT), margin, mode="reflect")
            values[name] = torch.from_numpy(padded)[None].to(like)
        return cls(values, keeps)

    def add_to(self, change: Stimulus) -> Stimulus:
        """Return the stimuli (B, D, T, H, W), margin included, that these changes make of the clip."""
        return {name: x + self.values[name] for name, x in change.items()}

    def cropped(self, canvases: Mapping[InputName, Canvas]) -> "Start":
        """Return the start without margins."""
        return Start({name: canvas.crop(self.values[name]) for name, canvas in canvases.items()}, self.keeps)

    def project(self, name: InputName, change: Tensor) -> Tensor:
        """Make a change (B, D, T, H, W) one whose stimulus keeps what it must and stays within limits, in place."""
        start = self.values[name]
        stimulus = start + change
        if self.keeps != "nothing":
            stimulus = self._keep(stimulus, start)
        return change.copy_(stimulus.clamp_(-LIMIT, LIMIT).sub_(start))

    def _keep(self, stimulus: Tensor, start: Tensor) -> Tensor:
        spectrum, clip = torch.fft.rfft2(stimulus), torch.fft.rfft2(start)
        amplitude = clip.abs()
        if self.keeps == "amplitude":
            spectrum = spectrum * (amplitude / spectrum.abs().clamp_min(1e-12)).clamp_max(1)
        else:
            phase = clip / amplitude.clamp_min(1e-12)
            spectrum = (spectrum * phase.conj()).real.clamp_min(0) * phase
        kept: Tensor = torch.fft.irfft2(spectrum, s=stimulus.shape[-2:])
        return kept


@dataclass(frozen=True, eq=False)
class Likeness:
    """The distance of a layer's other units from what the clip gives them, relative to the clip's."""

    unit: UnitActivation  # its layer, and the unit of each item, which is left out
    weight: float

    def distance(self, activations: Activations, of_clip: Activations, items: Tensor) -> Tensor:
        """Return sum of (a - a_clip)^2 over all units but the item's own, over that of a_clip^2, (B,)."""
        actual, expected = activations[self.unit.layer], of_clip[self.unit.layer]
        others = torch.ones(actual.shape[:2], dtype=actual.dtype, device=actual.device)
        others.scatter_(1, self.unit.units_of(items)[:, None], 0)
        others = others.view(*others.shape, 1, 1, 1)
        difference = ((actual - expected) * others).square().flatten(1).sum(1)
        return difference / (expected * others).square().flatten(1).sum(1).clamp_min(1e-12)

"""The stimulus of one input while it is optimized: one shape for images, clips and flow, and a margin for views.

Shape (B, D, T, H, W) in standard units: D = 3 (RGB in [-1, 1]) or 2 (flow u, v); T = 1 for an image.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from torch import Tensor

from worker.graph.windows import Window

InputName = Any  # str, or StreamName; a Mapping is invariant in its key, so str would refuse mappings by StreamName
SCALING_STEPS = 8  # to hold a mean norm under a bound: within 1 % where the mean is at most three quarters of the bound

Stimulus = Mapping[InputName, Tensor]  # (B, D, T, H, W) of each input


def as_clip(x: Tensor) -> Tensor:
    """Return a clip (B, D, T, H, W) as it is."""
    return x


def as_image(x: Tensor) -> Tensor:
    """Return the first frame, (B, D, H, W)."""
    return x[:, :, 0]


@dataclass(frozen=True)
class Canvas:
    """Size, bound and layout of the stimulus of one input."""

    depth: int  # D: values at each position, 3 for RGB, 2 for flow
    frames: int
    height: int  # of the finished stimulus
    width: int
    margin: int = 0  # pixels beyond it on each side, for random views
    bound: float = 1.0  # B: the largest local norm
    covariance: tuple[tuple[float, ...], ...] | None = None  # of the D values over the network's data, where known
    mean_norm: float | None = None  # that the finished stimulus is held to, standard units; None: free
    layout: Callable[[Tensor], Tensor] = as_clip  # from (B, D, T, H, W) to what the module takes

    @classmethod
    def image(cls, height: int, width: int, *, bound: float = 1.0) -> Self:
        """Return the canvas of an RGB image, which the module takes as (B, 3, H, W)."""
        return cls(depth=3, frames=1, height=height, width=width, bound=bound, layout=as_image)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Return (D, T, H, W), margin included."""
        return self.depth, self.frames, self.height + 2 * self.margin, self.width + 2 * self.margin

    @property
    def is_flow(self) -> bool:
        return self.depth == 2

    def restrict(self, window: Window) -> Self:
        """Return the canvas of a window of the frame: (frames, height, width), or (height, width) of all frames."""
        *frames, height, width = (stop - start for start, stop in window)
        return replace(self, frames=frames[0] if frames else self.frames, height=height, width=width)

    def blank(self, count: int, like: Tensor) -> Tensor:
        """Return grey images or motionless flow without margin, (count, D, T, H, W)."""
        return like.new_zeros((count, self.depth, self.frames, self.height, self.width))

    def crop(self, x: Tensor) -> Tensor:
        """Return the finished stimulus: the canvas without its margin."""
        m = self.margin
        return x[..., m : m + self.height, m : m + self.width]

    def project(self, x: Tensor) -> Tensor:
        """Bring local norms |x(i, j, t)| down to the bound, in place, and colours into [-1, 1]; return the tensor.

        Where the canvas has a mean norm, x is scaled first, so that the finished stimulus has it within the bound.
        """
        if self.mean_norm is not None:
            self._scale_to(x, self.mean_norm)
        norm = x.square().sum(1, keepdim=True).sqrt()  # ten times faster than vector_norm over a short dimension
        x.mul_((self.bound / norm.clamp_min(1e-12)).clamp_max_(1))
        return x if self.is_flow else x.clamp_(-1, 1)

    def _scale_to(self, x: Tensor, mean_norm: float) -> None:
        """Scale x (B, D, T, H, W) in place so that min(|x|, bound) has this mean over the finished stimulus.

        The factor is found by repetition, because the bound cuts the largest norms. A stimulus of zeros stays as it is.
        """
        norm = self.crop(x).square().sum(1).sqrt().flatten(1)
        factor = norm.new_ones((len(x), 1))
        for _ in range(SCALING_STEPS):
            mean = (norm * factor).clamp_max(self.bound).mean(1, keepdim=True)
            factor = factor * mean_norm / mean.clamp_min(1e-12)
        x.mul_(factor.view(-1, 1, 1, 1, 1))

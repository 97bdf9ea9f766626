"""The stimulus of one stream while it is optimized: one shape for every stream, and a margin for the jitter.

Shape (B, D, T, H, W) in standard units: D = 3 (RGB) or 2 (u, v); T = 1 for appearance, L for motion.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from app.contract.errors import InvalidRecipe
from app.contract.network import NetworkCard, Stream, StreamName
from app.contract.recipe import ResolvedRecipe
from worker.graph.inputs import as_input
from worker.graph.windows import Window


@dataclass(frozen=True)
class Canvas:
    stream: Stream
    frames: int
    height: int  # of the finished stimulus
    width: int
    margin: int  # pixels beyond it on each side
    bound: float  # B: the largest local norm

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(D, T, H, W), margin included."""
        return (
            self.stream.depth,
            self.frames,
            self.height + 2 * self.margin,
            self.width + 2 * self.margin,
        )

    @property
    def is_own_size(self) -> bool:
        """True where the stimulus is as large as the network's own input."""
        own = self.stream
        return (self.frames, self.height, self.width) == (own.frames, own.height, own.width)

    def part(self, window: Window) -> Self:
        """The canvas of that window of the frame: (frames, height, width), or (height, width) for all frames."""
        *frames, height, width = (stop - start for start, stop in window)
        return replace(self, frames=frames[0] if frames else self.frames, height=height, width=width)

    def blank(self, units: Tensor) -> Tensor:
        """A grey or motionless stimulus for each unit."""
        shape = (len(units), self.stream.depth, self.frames, self.height, self.width)
        return torch.zeros(shape, device=units.device)

    def crop(self, x: Tensor) -> Tensor:
        """The finished stimulus: the canvas without its margin."""
        m = self.margin
        return x[..., m : m + self.height, m : m + self.width]

    def project(self, x: Tensor) -> Tensor:
        """Local norms brought down to the bound, in place; colours kept displayable."""
        norm = x.square().sum(1, keepdim=True).sqrt()  # ten times faster than vector_norm over a short dimension
        x.mul_((self.bound / norm.clamp_min(1e-12)).clamp_max_(1))
        return x if self.stream.depth == 2 else x.clamp_(-1, 1)

    def as_input(self, x: Tensor) -> Tensor:
        """The network's own layout (worker.networks.network.Inputs)."""
        return as_input(self.stream.name, x)


def canvases(card: NetworkCard, recipe: ResolvedRecipe) -> Mapping[StreamName, Canvas]:
    """A canvas for every stream of the network. Raises InvalidRecipe where the network takes no such length."""
    has_clip = any(stream.name is StreamName.CLIP for stream in card.streams)
    if not has_clip and recipe.frames != card.stimulus.frames:
        raise InvalidRecipe(
            f"{card.title} takes no clips: its streams have a fixed length. Leave `frames` empty "
            f"(or {card.stimulus.frames})."
        )
    return {stream.name: _canvas(card, recipe, stream) for stream in card.streams}


def _canvas(card: NetworkCard, recipe: ResolvedRecipe, stream: Stream) -> Canvas:
    size = card.stimulus
    clip = stream.name is StreamName.CLIP
    return Canvas(
        stream=stream,
        frames=recipe.frames if clip else stream.frames,
        height=recipe.size,
        width=round(recipe.size * size.width / size.height),
        margin=(recipe.jitter + 1) // 2,
        bound=recipe.bound * stream.bound,
    )


def reaching(card: NetworkCard, layer: str) -> tuple[StreamName, ...]:
    """The streams that the layer sees, hence those that are optimized for its units."""
    stream = card.layer(layer).stream
    return tuple(s.name for s in card.streams if stream in ("fusion", s.name.value))

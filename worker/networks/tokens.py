"""Layers of networks that compute with tokens: taps that show a sequence of tokens as the map that it is of the clip.

A tap stands in the forward pass: the tokens become a map, the map passes the tap, and what the tap returns becomes
tokens again. So whatever reads a layer, or writes into it, finds a map (B, D, T, H, W) as in any other network.
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from worker.networks.tap import Tap

Grid = tuple[int, int, int]  # tokens along time, height and width
# Why modules of a transformer are no layers
ATTENTION_REASON = "attention mixes positions: queries, keys and values are no maps of the clip"
NORM_REASON = "normalises what is shown before or after it"

Order = Literal["thw", "hwt"]  # of the tokens in their sequence, the axis that changes fastest last


class OutputTap(nn.Module):
    """A layer whose activation is what another module outputs or takes, which need not know of it.

    `rectified` says whether a ReLU follows.
    """

    def __init__(self, *, rectified: bool = False) -> None:
        super().__init__()
        self.tap = Tap(rectified=rectified)

    def attach(self, module: nn.Module) -> None:
        """Pass everything that the module outputs through the tap; of a tuple, its first element."""
        module.register_forward_hook(self._replace)  # a bound method, so that a deep copy refers to the copied tap

    def attach_input(self, module: nn.Module) -> None:
        """Pass everything that the module takes through the tap; of several arguments, the first."""
        module.register_forward_pre_hook(self._replace_input)

    def _replace_input(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self(inputs[0]), *inputs[1:])

    def _replace(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        return (self(output[0]), *output[1:]) if isinstance(output, tuple) else self(output)

    def forward(self, output: Tensor) -> Tensor:
        return self.tap(output)  # type: ignore[no-any-return]


def pooled_grid(pool: Any, grid: Grid) -> Grid:
    """Return along time, height and width how many positions a pool or a convolution makes of those of a grid."""
    axes = zip(grid, pool.kernel_size, pool.stride, pool.padding, strict=True)
    t, h, w = ((size + 2 * padding - kernel) // stride + 1 for size, kernel, stride, padding in axes)
    return t, h, w


class FrameTap(OutputTap):
    """A layer of frames that a module computes one by one, (B T, C, H, W), shown as (B, C, T, H, W)."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, output: Tensor) -> Tensor:
        maps: Tensor = self.tap(output.reshape(-1, self.frames, *output.shape[1:]).transpose(1, 2))
        return maps.transpose(1, 2).flatten(0, 1)


class TokenTap(OutputTap):
    """A layer of tokens (B, N, D) on a grid (t, h, w), shown as (B, D, t, h, w).

    `class_tokens` before the others belong to no position: they are no part of the map, and with `show_class_token`
    the first is a layer (B, D) of its own, `class_token`.
    """

    def __init__(
        self, grid: Grid, *, order: Order = "thw", class_tokens: int = 0, show_class_token: bool = False
    ) -> None:
        super().__init__()
        self.grid, self.class_tokens, self.order = grid, class_tokens, order
        self.sizes = grid if order == "thw" else (grid[1], grid[2], grid[0])
        self.class_token = OutputTap() if class_tokens and show_class_token else None

    def forward(self, output: Tensor) -> Tensor:
        apart, cells = output[:, : self.class_tokens], output[:, self.class_tokens :]
        cells = cells.reshape(len(cells), *self.sizes, cells.shape[-1])
        if self.order == "thw":
            cells = self.tap(cells.permute(0, 4, 1, 2, 3)).permute(0, 2, 3, 4, 1)
        else:
            cells = self.tap(cells.permute(0, 4, 3, 1, 2)).permute(0, 3, 4, 2, 1)
        if not self.class_tokens:
            return cells.flatten(1, 3)  # type: ignore[no-any-return]
        if self.class_token is not None:
            first = self.class_token(apart[:, 0])[:, None]
            apart = first if self.class_tokens == 1 else torch.cat([first, apart[:, 1:]], 1)
        return torch.cat([apart, cells.flatten(1, 3)], 1)


class PositionTokenTap(TokenTap):
    """A layer of tokens that a module computes position by position, (B h w, t, D), shown as (B, D, t, h, w)."""

    def forward(self, output: Tensor) -> Tensor:
        t, h, w = self.grid
        return super().forward(output.reshape(-1, t * h * w, output.shape[-1])).reshape(output.shape)


class FrameTokenTap(OutputTap):
    """A layer of tokens that a module computes frame by frame, (B t, N, D), shown as (B, D, t, h, w).

    `class_tokens` before the others of each frame are no part of the map.
    """

    def __init__(self, grid: Grid, *, class_tokens: int = 0) -> None:
        super().__init__()
        self.grid, self.class_tokens = grid, class_tokens

    def forward(self, output: Tensor) -> Tensor:
        apart, cells = output[:, : self.class_tokens], output[:, self.class_tokens :]
        maps: Tensor = self.tap(cells.reshape(-1, *self.grid, cells.shape[-1]).permute(0, 4, 1, 2, 3))
        return torch.cat([apart, maps.permute(0, 2, 3, 4, 1).reshape(cells.shape)], 1)


class ChannelsLastTap(OutputTap):
    """A layer of a module whose channels come last, (B, T, H, W, C) or (B, H, W, C), shown as (B, C, T, H, W)."""

    def forward(self, output: Tensor) -> Tensor:
        return self.tap(output.movedim(-1, 1)).movedim(1, -1)  # type: ignore[no-any-return]

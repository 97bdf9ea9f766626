"""Which positions of a layer's map an objective sums: all of them, the central one, or one that is given."""

from typing import Literal

from torch import Tensor

CENTER: Literal["center"] = "center"
Position = tuple[int, int, int] | Literal["center"]  # frame, row and column, counted from 0


class OutsideMap(ValueError):
    """A position that the map of a layer does not have."""


def locate(position: Position, size: tuple[int, ...]) -> tuple[int, int, int]:
    """Return a position as (t, h, w) in a map of this size (T, H, W). Raises OutsideMap."""
    frames, height, width = size
    if position == CENTER:
        return frames // 2, height // 2, width // 2
    if not all(0 <= at < side for at, side in zip(position, size, strict=True)):
        raise OutsideMap(
            f"There is no position {format_position(position)} (frame, row, column): the map has {frames} x {height} x "
            f"{width} positions, 0,0,0 to {frames - 1},{height - 1},{width - 1}."
        )
    return position


def select_positions(activation: Tensor, position: Position | None) -> Tensor:
    """Return one position (B, ..., 1) of maps (B, ..., T, H, W), or all of them (B, ..., T H W). Raises OutsideMap."""
    if position is None:
        return activation.flatten(-3)
    t, h, w = locate(position, tuple(activation.shape[-3:]))
    return activation[..., t, h, w].unsqueeze(-1)


def is_same_place(a: Position | None, b: Position | None) -> bool:
    """Return whether both are one position, and the same."""
    return a is not None and a == b


def format_position(position: Position) -> str:
    """Return a position as recipes write it: `t,h,w`."""
    return position if isinstance(position, str) else ",".join(map(str, position))

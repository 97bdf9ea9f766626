"""Which axes of the clips the dimensions of a tensor run along, also where several are folded into one dimension."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from math import prod


class Axis(IntEnum):
    """What the positions of a dimension stand for. The first three index the spans of a receptive field."""

    FRAMES = 0
    HEIGHT = 1
    WIDTH = 2
    CLIPS = 3  # the batch
    OTHER = 4  # channels, and whatever is not followed


POSITION_AXES = (Axis.FRAMES, Axis.HEIGHT, Axis.WIDTH)

Factor = tuple[Axis, int]  # an axis and its length
Factors = tuple[Factor, ...]  # of one dimension, whose length is their product; the one that changes fastest comes last
Layout = tuple[Factors, ...]  # of every dimension; factors of length 1 are left out


def unknown_layout(shape: Sequence[int]) -> Layout:
    """Return the layout of a tensor of which nothing is known."""
    return tuple(other(size) for size in shape)


def other(size: int) -> Factors:
    """Return the factors of a dimension that runs along no axis of the clips."""
    return along(Axis.OTHER, size)


def along(axis: Axis, size: int) -> Factors:
    """Return the factors of a dimension that runs along one axis."""
    return ((axis, size),) if size > 1 else ()


def axes_of(factors: Iterable[Factor]) -> list[Axis]:
    """Return the axes of positions among the factors."""
    return [axis for axis, _ in factors if axis < Axis.CLIPS]


def single_axis(factors: Factors) -> Axis | None:
    """Return the axis of positions that a dimension runs along alone; None for any other dimension."""
    return factors[0][0] if len(factors) == 1 and factors[0][0] < Axis.CLIPS else None


def forget(factors: Factors, axes: Iterable[Axis]) -> Factors:
    """Return the factors with these axes as OTHER."""
    return tuple((Axis.OTHER if axis in axes else axis, size) for axis, size in factors)


def place(layout: Layout, axis: Axis) -> tuple[int, int, int] | None:
    """Return where an axis lies: its dimension, the elements between two of its positions there, and its length."""
    for dim, factors in enumerate(layout):
        for index, (each, size) in enumerate(factors):
            if each is axis:
                return dim, prod(length for _, length in factors[index + 1 :]), size
    return None


def regroup(layout: Layout, shape: Sequence[int]) -> tuple[Layout, dict[Axis, int]] | None:
    """Return the layout of the same elements in another shape, and by how much axes of positions became shorter.

    An axis that is split runs along its outer part, each position of which stands for so many positions before. None
    where the lengths of the factors do not fit the shape.
    """
    rest = [factor for factors in layout for factor in factors][::-1]  # the next one is the last
    split: dict[Axis, int] = {}
    regrouped: list[Factors] = []
    for size in shape:
        found: list[Factor] = []
        wanted = size
        while wanted > 1:
            axis, length = rest.pop() if rest else (Axis.OTHER, 1)
            if (wanted % length and length % wanted) or length == 1:
                return None
            if length > wanted:
                rest.append((Axis.OTHER, length // wanted))
                if axis < Axis.CLIPS:
                    split[axis] = length // wanted
                elif axis is Axis.CLIPS:
                    axis = Axis.OTHER
                length = wanted
            found.append((axis, length))
            wanted //= length
        regrouped.append(tuple(found))
    return (tuple(regrouped), split) if not rest else None

"""What a tensor of a forward pass sees of the inputs, position by position, and what happens to it in operators."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.contract.network import StreamName
from worker.graph.layout import (
    POSITION_AXES,
    Axis,
    Factors,
    Layout,
    along,
    axes_of,
    forget,
    other,
    place,
    regroup,
    single_axis,
    unknown_layout,
)
from worker.graph.spans import Positions, Span, concatenated

Spans = tuple[Span, Span, Span]  # along frames, height, width
ReceptiveField = Mapping[StreamName, Spans]  # streams that a tensor does not depend on are missing


@dataclass(frozen=True)
class Tracked:
    """The receptive field of a tensor, and the axes of the clips that its dimensions run along.

    The span of an axis has an entry for each position of the dimension that runs along it. It has one entry, which
    holds for the whole tensor, where none does.
    """

    layout: Layout
    field: ReceptiveField

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(np.prod([size for _, size in factors], dtype=int)) for factors in self.layout)

    def change(self, axis: Axis, function: Callable[[Span], Span]) -> "Tracked":
        """Return the same with another span along an axis, in every stream."""

        def changed(spans: Spans) -> Spans:
            t, h, w = (function(span) if index == axis else span for index, span in enumerate(spans))
            return t, h, w

        return replace(self, field={name: changed(spans) for name, spans in self.field.items()})

    def mixed(self, axes: Iterable[Axis] = POSITION_AXES) -> "Tracked":
        """Return the same where every position along these axes sees what all of them see."""
        result, axes = self, tuple(axes)
        for axis in axes:
            result = result.change(axis, Span.hull)
        return replace(result, layout=tuple(forget(factors, axes) for factors in self.layout))

    def mixed_along(self, dim: int) -> "Tracked":
        """Return the same where every position along a dimension sees what all of them see."""
        return self.mixed(axes_of(self.layout[dim]))

    def with_layout(self, layout: Sequence[Factors]) -> "Tracked":
        """Return the same with another layout; what no dimension runs along any longer is mixed."""
        kept = {axis for factors in layout for axis, _ in factors}
        return replace(self.mixed(axis for axis in POSITION_AXES if axis not in kept), layout=tuple(layout))

    def take(self, dim: int, positions: Positions) -> "Tracked":
        """Return the same with positions (n,) or windows of positions (n, k) of a dimension."""
        axis, layout = single_axis(self.layout[dim]), list(self.layout)
        if axis is None:
            layout[dim] = other(len(positions))
            return self.mixed_along(dim).with_layout(layout)
        layout[dim] = along(axis, len(positions))
        return replace(self.change(axis, lambda span: span.take(positions)), layout=tuple(layout))

    def reshaped(self, shape: Sequence[int]) -> "Tracked":
        """Return the same elements in another shape."""
        regrouped = regroup(self.layout, shape)
        if regrouped is None:
            return replace(self.mixed(), layout=unknown_layout(shape))
        layout, split = regrouped
        result = self
        for axis, length in split.items():
            size = place(layout, axis)
            blocks = np.arange(length * (size[2] if size else 1)).reshape(-1, length)
            result = result.change(axis, lambda span, blocks=blocks: span.take(blocks))  # type: ignore[misc]
        return replace(result, layout=layout)

    def broadcast(self, shape: Sequence[int]) -> "Tracked":
        """Return the same, repeated along dimensions that are new or of length 1."""
        added: Layout = ((),) * (len(shape) - len(self.layout))
        return replace(self, layout=added + self.layout)


def union(parts: Sequence[Tracked], shape: Sequence[int]) -> Tracked:
    """Return what a tensor sees whose positions each see the same position of all parts, which are broadcast."""
    parts = [part.broadcast(shape) for part in parts]
    layout: list[Factors] = []
    seen: set[Axis] = set()
    for dim, size in enumerate(shape):
        choices = [part.layout[dim] for part in parts if part.layout[dim]]
        best = max(choices, key=lambda factors: sum(axis is not Axis.OTHER for axis, _ in factors), default=other(size))
        layout.append(forget(best, seen))
        seen |= {axis for axis, _ in best if axis is not Axis.OTHER}
    field: dict[StreamName, Spans] = {}
    for part in parts:
        moved = [axis for axis in POSITION_AXES if place(part.layout, axis) not in (None, place(tuple(layout), axis))]
        for name, (t, h, w) in part.mixed(moved).field.items():
            old = field.get(name, (t, h, w))
            field[name] = (old[0].union(t), old[1].union(h), old[2].union(w))
    return Tracked(tuple(layout), field)


def joined(parts: Sequence[Tracked], dim: int, sizes: Sequence[int], shape: Sequence[int]) -> Tracked:
    """Return what parts see that lie one after another along a dimension, of these sizes.

    Where the parts lie along no axis, but see other positions of one (frames that were computed apart, say), the
    dimension runs along that axis.
    """
    axis = next((a for part in parts if (a := single_axis(part.layout[dim])) is not None), None)
    if axis is None:
        apart = [each for each in POSITION_AXES if _is_apart(parts, each)]
        axis = apart[0] if len(apart) == 1 and all(not part.layout[dim] for part in parts) else None
    wanted = [(None, (dim, 1, size)) for size in sizes]
    if axis is None or any(place(part.layout, axis) not in each for part, each in zip(parts, wanted, strict=True)):
        whole = [part.mixed_along(dim) for part in parts]
        cut = [replace(part, layout=(*part.layout[:dim], (), *part.layout[dim + 1 :])) for part in whole]
        result = union(cut, [*shape[:dim], 1, *shape[dim + 1 :]])
        return replace(result, layout=(*result.layout[:dim], other(shape[dim]), *result.layout[dim + 1 :]))
    return _joined_along(axis, parts, dim, sizes, shape)


def _is_apart(parts: Sequence[Tracked], axis: Axis) -> bool:
    """Return whether parts see other positions of an axis, along which none of them lies."""
    if any(place(part.layout, axis) for part in parts):
        return False
    seen = [{name: (int(s[axis].low[0]), int(s[axis].high[0])) for name, s in part.field.items()} for part in parts]
    return any(each != seen[0] for each in seen)


def _joined_along(
    axis: Axis, parts: Sequence[Tracked], dim: int, sizes: Sequence[int], shape: Sequence[int]
) -> Tracked:
    names = {name for part in parts for name in part.field}

    def span(part: Tracked, name: StreamName, size: int) -> Span:
        return part.field[name][axis] if name in part.field else Span.nothing(size)

    whole = {name: concatenated([span(p, name, n) for p, n in zip(parts, sizes, strict=True)], sizes) for name in names}
    cut = [(*part.layout[:dim], (), *part.layout[dim + 1 :]) for part in parts]
    flat = [replace(part.change(axis, Span.hull), layout=layout) for part, layout in zip(parts, cut, strict=True)]
    result = union(flat, [*shape[:dim], 1, *shape[dim + 1 :]])
    field: dict[StreamName, Spans] = {}
    for name, spans in result.field.items():
        t, h, w = (whole[name] if index == axis else span for index, span in enumerate(spans))
        field[name] = (t, h, w)
    return Tracked((*result.layout[:dim], along(axis, shape[dim]), *result.layout[dim + 1 :]), field)

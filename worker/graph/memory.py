"""Where a tensor lies in the memory of another one, for operators that write into a part of it (`out[:, 1:] = x`)."""

from torch import Tensor

from worker.graph.layout import Axis, along, other, single_axis, unknown_layout
from worker.graph.spans import Span
from worker.graph.tracked import Tracked, union

Part = tuple[int, int, int]  # a dimension of the part, that of the whole which it runs along, and where it starts there


def find_part(part: Tensor, whole: Tensor) -> list[Part] | None:
    """Return where a part lies in the whole, dimension by dimension; None where it is no range of positions of it."""
    offset = part.storage_offset() - whole.storage_offset()
    strides, sizes = whole.stride(), whole.shape
    starts = [0] * len(sizes)
    for dim in sorted(range(len(sizes)), key=lambda dim: -strides[dim]):
        if strides[dim] > 0 and sizes[dim] > 1:
            starts[dim] = min(offset // strides[dim], sizes[dim] - 1)
            offset -= starts[dim] * strides[dim]
    if offset or min(starts, default=0) < 0:
        return None
    free = [dim for dim in range(len(sizes)) if sizes[dim] > 1]
    found: list[Part] = []
    for dim, (stride, size) in enumerate(zip(part.stride(), part.shape, strict=True)):
        if size == 1:
            continue
        match = next((each for each in free if strides[each] == stride and starts[each] + size <= sizes[each]), None)
        if match is None:
            return None
        free.remove(match)
        found.append((dim, match, starts[match]))
    return found


def write(old: Tracked, whole: Tensor, written: Tracked, part: Tensor) -> Tracked:
    """Return what the whole sees after a part of its memory was written; what it saw before still counts."""
    found = find_part(part, whole)
    if found is None:
        mixed = written.mixed()
        return union([old, Tracked(unknown_layout(whole.shape), mixed.field)], tuple(whole.shape))
    placed, layout = written, [other(size) for size in whole.shape]
    for dim, target, start in found:
        size = int(whole.shape[target])
        axis = single_axis(placed.layout[dim])
        if axis is not None:
            placed = _extend(placed, axis, start, int(part.shape[dim]), size)
            layout[target] = along(axis, size)
        elif part.shape[dim] == size:
            layout[target] = placed.layout[dim]
    return union([old, placed.with_layout(layout)], tuple(whole.shape))


def _extend(tracked: Tracked, axis: Axis, start: int, length: int, size: int) -> Tracked:
    def extend(span: Span) -> Span:
        if length == size:
            return span
        longer, inner = Span.nothing(size), span.expand(length)
        longer.low[start : start + length], longer.high[start : start + length] = inner.low, inner.high
        return longer

    return tracked.change(axis, extend)

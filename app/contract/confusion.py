"""Classes that a network takes for each other, and the units that answer to both."""

from collections.abc import Sequence

from pydantic import Field

from app.contract.catalog import UnitSummary
from app.contract.model import Model


class Confusion(Model):
    """Clips of one class that were taken for another."""

    actual: str
    predicted: str
    clips: int
    total: int = Field(description="clips of the class")

    @property
    def rate(self) -> float:
        return self.clips / self.total if self.total else 0.0


class UnitOfPair(Model):
    """A unit's responses to two classes, as shares of its largest activation."""

    unit: UnitSummary
    a: float
    b: float

    @property
    def difference(self) -> float:
        return self.a - self.b


class Pair(Model):
    """What tells two classes apart inside a network."""

    separating: tuple[UnitOfPair, ...] = Field(description="largest |r_a - r_b| first")
    shared: tuple[UnitOfPair, ...] = Field(description="both high and alike: largest 2 min(r_a, r_b) - max(r_a, r_b)")


class SharedUnit(Model):
    """A generic unit that answers to a class, and the others (by index) among those it detects best."""

    unit: UnitSummary
    response: float
    others: tuple[int, ...]


def confusions(classes: Sequence[str], counts: Sequence[Sequence[int]], of: int | None = None) -> list[Confusion]:
    """All that happened, or those in which one class takes part, the largest share of a class first; `counts`: rows
    are what clips are."""
    totals = [sum(row) for row in counts]
    if of is None:
        some = [(count, row, at) for row, line in enumerate(counts) for at, count in enumerate(line) if count]
    else:
        some = [(count, of, at) for at, count in enumerate(counts[of])]
        some += [(line[of], row, of) for row, line in enumerate(counts)]
    found = sorted((-count / totals[row], -count, row, at) for count, row, at in some if count and row != at)
    return [
        Confusion(actual=classes[row], predicted=classes[at], clips=-count, total=totals[row])
        for _, count, row, at in found
    ]


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]], actual: int, predicted: int) -> Confusion:
    row = counts[actual]
    return Confusion(actual=classes[actual], predicted=classes[predicted], clips=row[predicted], total=sum(row))

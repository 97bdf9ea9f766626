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
    if of is None:
        places = ((row, column) for row, line in enumerate(counts) for column, count in enumerate(line) if count)
    else:
        places = (place for other in range(len(classes)) for place in ((of, other), (other, of)))
    totals = [sum(row) for row in counts]
    found = [
        (-counts[actual][predicted] / totals[actual], -counts[actual][predicted], actual, predicted)
        for actual, predicted in places
        if actual != predicted and counts[actual][predicted]
    ]
    return [
        Confusion.model_construct(
            actual=classes[actual], predicted=classes[predicted], clips=-count, total=totals[actual]
        )
        for _, count, actual, predicted in sorted(found)
    ]


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]], actual: int, predicted: int) -> Confusion:
    row = counts[actual]
    return Confusion(actual=classes[actual], predicted=classes[predicted], clips=row[predicted], total=sum(row))

"""Classes that a network takes for each other, and the units that answer to both."""

from collections.abc import Sequence
from functools import lru_cache
from typing import overload

from pydantic import Field

from app.contract.catalog import UnitSummary
from app.contract.evidence import Survey
from app.contract.model import Model

KEPT = 30  # surveys


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


class Ranking(Sequence[Confusion]):
    """Confusions, each made where it is looked at: 400 classes have thousands, of which pages show some."""

    def __init__(self, classes: Sequence[str], totals: Sequence[int], places: Sequence[tuple[int, int, int]]) -> None:
        self._classes, self._totals, self._places = classes, totals, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Confusion: ...
    @overload
    def __getitem__(self, at: slice) -> "Ranking": ...
    def __getitem__(self, at: int | slice) -> "Confusion | Ranking":
        if isinstance(at, slice):
            return Ranking(self._classes, self._totals, self._places[at])
        clips, row, column = self._places[at]
        return Confusion(
            actual=self._classes[row], predicted=self._classes[column], clips=clips, total=self._totals[row]
        )


def confusions(classes: Sequence[str], survey: Survey, of: int | None = None) -> Ranking:
    """All that happened, or those in which one class takes part, the largest share of a class first."""
    places = _ranked(survey)
    if of is not None:
        places = tuple(place for place in places if of in place[1:])
    return Ranking(classes, totals(survey), places)


def confusion(classes: Sequence[str], survey: Survey, actual: int, predicted: int) -> Confusion:
    return Confusion(
        actual=classes[actual],
        predicted=classes[predicted],
        clips=survey.confusion[actual][predicted],
        total=totals(survey)[actual],
    )


@lru_cache(maxsize=KEPT)
def totals(survey: Survey) -> tuple[int, ...]:
    """Clips by class."""
    return tuple(map(sum, survey.confusion))


@lru_cache(maxsize=KEPT)
def _ranked(survey: Survey) -> tuple[tuple[int, int, int], ...]:
    """Clips, their class, and the other that they are taken for. Of 400 classes that takes milliseconds."""
    found = [
        (clips, actual, predicted)
        for actual, row in enumerate(survey.confusion)
        for predicted, clips in enumerate(row)
        if clips and actual != predicted
    ]
    return tuple(sorted(found, key=lambda each: (-each[0] / totals(survey)[each[1]], -each[0])))

"""Pairs of classes that a network confuses, and the units that respond to both."""

from collections.abc import Sequence
from functools import lru_cache
from typing import overload

from pydantic import Field

from app.contract.model import Model
from app.contract.survey import Survey
from app.contract.unit import UnitSummary

SURVEY_CACHE_SIZE = 30
SIMILAR_RESPONSE_RATIO = 0.8  # two responses are similar where the smaller is at least this share of the larger
MIN_RESPONSE = 0.05  # a unit responds to a class where its response is at least this


class Confusion(Model):
    """Clips of one class that were taken for another."""

    actual: str
    predicted: str
    clips: int
    total: int = Field(description="clips of the class")

    @property
    def rate(self) -> float:
        return self.clips / self.total if self.total else 0.0


class ConfusedPair(Model):
    """Two classes that are taken for each other, the direction of the larger share first."""

    there: Confusion
    back: Confusion

    @property
    def clips(self) -> int:
        return self.there.clips + self.back.clips

    @property
    def rate(self) -> float:
        """Mean of the two shares."""
        return (self.there.rate + self.back.rate) / 2


class UnitOfPair(Model):
    """A unit's responses to two classes, as shares of its largest activation."""

    unit: UnitSummary
    a: float
    b: float

    @property
    def difference(self) -> float:
        return self.a - self.b


class LayerOfPair(Model):
    """How a layer responds to two classes.

    It counts the units whose response to either class is at least MIN_RESPONSE of their largest activation.
    """

    layer: str
    stream: str
    units: int = Field(description="looked at: of large layers one of so many")
    responding: int = Field(alias="answering")
    similar: int = Field(
        alias="alike",
        description=f"of these, those whose smaller response is {SIMILAR_RESPONSE_RATIO} of the larger or more",
    )
    usual_share: float | None = Field(
        alias="usual", description="such a share for the first class and others, on average"
    )
    median_ratio: float | None = Field(alias="smaller", description="smaller response / larger response, median")


class Pair(Model):
    """What tells two classes apart inside a network."""

    separating: tuple[UnitOfPair, ...] = Field(description="largest |r_a - r_b| first")
    shared: tuple[UnitOfPair, ...] = Field(description="both high and alike: largest 2 min(r_a, r_b) - max(r_a, r_b)")
    layers: tuple[LayerOfPair, ...] = Field(
        default=(), description="the last before the classes first, then those in which the streams end"
    )


class SharedUnit(Model):
    """A generic unit that answers to a class, and the others (by index) among those it detects best."""

    unit: UnitSummary
    response: float
    others: tuple[int, ...]


class ConfusionList(Sequence[Confusion]):
    """Confusions, each made where it is looked at: 400 classes have thousands, of which pages show some."""

    def __init__(
        self, classes: Sequence[str], clips_per_class: Sequence[int], places: Sequence[tuple[int, int, int]]
    ) -> None:
        self._classes, self._totals, self._places = classes, clips_per_class, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Confusion: ...
    @overload
    def __getitem__(self, at: slice) -> "ConfusionList": ...
    def __getitem__(self, at: int | slice) -> "Confusion | ConfusionList":
        if isinstance(at, slice):
            return ConfusionList(self._classes, self._totals, self._places[at])
        clips, row, column = self._places[at]
        return Confusion(
            actual=self._classes[row], predicted=self._classes[column], clips=clips, total=self._totals[row]
        )


def confusions(classes: Sequence[str], survey: Survey, of: int | None = None) -> ConfusionList:
    """Return all confusions, or those of one class, sorted by the share of the actual class, largest first."""
    places = _ranked(survey)
    if of is not None:
        places = tuple(place for place in places if of in place[1:])
    return ConfusionList(classes, clips_per_class(survey), places)


def confusion(classes: Sequence[str], survey: Survey, actual: int, predicted: int) -> Confusion:
    return Confusion(
        actual=classes[actual],
        predicted=classes[predicted],
        clips=survey.confusion[actual][predicted],
        total=clips_per_class(survey)[actual],
    )


def most_confused_pairs(classes: Sequence[str], survey: Survey, most: int) -> list[ConfusedPair]:
    """Return the pairs of classes that are confused most, both directions together."""
    return [
        ConfusedPair(there=confusion(classes, survey, one, other), back=confusion(classes, survey, other, one))
        for one, other in confused_pairs(survey)[:most]
    ]


@lru_cache(maxsize=SURVEY_CACHE_SIZE)
def confused_pairs(survey: Survey) -> tuple[tuple[int, int], ...]:
    """Return all pairs of class indices that are confused, in the order of `most_confused_pairs`."""
    rates: dict[tuple[int, int], list[float]] = {}
    for clips, actual, predicted in _ranked(survey):  # the larger share of a pair comes first
        key = (predicted, actual) if (predicted, actual) in rates else (actual, predicted)
        rates.setdefault(key, []).append(clips / clips_per_class(survey)[actual])
    return tuple(sorted(rates, key=lambda pair: -sum(rates[pair])))


@lru_cache(maxsize=SURVEY_CACHE_SIZE)
def clips_per_class(survey: Survey) -> tuple[int, ...]:
    """Return the number of clips of each class."""
    return tuple(map(sum, survey.confusion))


@lru_cache(maxsize=SURVEY_CACHE_SIZE)
def _ranked(survey: Survey) -> tuple[tuple[int, int, int], ...]:
    """Clips, their class, and the other that they are taken for. Of 400 classes that takes milliseconds."""
    found = [
        (clips, actual, predicted)
        for actual, row in enumerate(survey.confusion)
        for predicted, clips in enumerate(row)
        if clips and actual != predicted
    ]
    return tuple(sorted(found, key=lambda each: (-each[0] / clips_per_class(survey)[each[1]], -each[0])))

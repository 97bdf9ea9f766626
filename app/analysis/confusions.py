"""Ranks the confusions of a survey: in one direction, and pairs of classes with both directions together."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, overload

from app.contract.confusion import ConfusedPair, Confusion
from app.contract.survey import Survey

SURVEY_CACHE_SIZE = 30  # surveys: ranking the confusions of 400 classes takes milliseconds


class ConfusionCount(NamedTuple):
    """How many clips of the class `actual` are taken for the class `predicted`; classes are given by index."""

    clips: int
    actual: int
    predicted: int


class ConfusionList(Sequence[Confusion]):
    """Confusions by class names; each is built when it is read, as 400 classes have thousands and pages show few."""

    def __init__(
        self, classes: Sequence[str], clips_per_class: Sequence[int], counts: Sequence[ConfusionCount]
    ) -> None:
        self._classes, self._clips_per_class, self._counts = classes, clips_per_class, counts

    def __len__(self) -> int:
        return len(self._counts)

    @overload
    def __getitem__(self, index: int) -> Confusion: ...
    @overload
    def __getitem__(self, index: slice) -> "ConfusionList": ...
    def __getitem__(self, index: int | slice) -> "Confusion | ConfusionList":
        if isinstance(index, slice):
            return ConfusionList(self._classes, self._clips_per_class, self._counts[index])
        count = self._counts[index]
        return Confusion(
            actual=self._classes[count.actual],
            predicted=self._classes[count.predicted],
            clips=count.clips,
            total=self._clips_per_class[count.actual],
        )


def rank_confusions(classes: Sequence[str], survey: Survey, class_index: int | None = None) -> ConfusionList:
    """Return all confusions, or those of and with one class, the largest share of the actual class first."""
    counts = _rank_counts(survey)
    if class_index is not None:
        counts = tuple(count for count in counts if class_index in (count.actual, count.predicted))
    return ConfusionList(classes, clips_per_class(survey), counts)


def confusion_between(classes: Sequence[str], survey: Survey, actual: int, predicted: int) -> Confusion:
    """Return how many clips of one class are taken for another, or for itself; both are given by index."""
    return Confusion(
        actual=classes[actual],
        predicted=classes[predicted],
        clips=survey.confusion[actual][predicted],
        total=clips_per_class(survey)[actual],
    )


def most_confused_pairs(classes: Sequence[str], survey: Survey, limit: int) -> list[ConfusedPair]:
    """Return the first of `confused_pairs`, with the confusions in both directions."""
    return [
        ConfusedPair(
            forward=confusion_between(classes, survey, first, second),
            reverse=confusion_between(classes, survey, second, first),
        )
        for first, second in confused_pairs(survey)[:limit]
    ]


@lru_cache(maxsize=SURVEY_CACHE_SIZE)
def confused_pairs(survey: Survey) -> tuple[tuple[int, int], ...]:
    """Return the pairs of class indices that are confused, the largest sum of both directions' shares first.

    In each pair the class comes first whose clips are taken for the other class more often.
    """
    rates: dict[tuple[int, int], list[float]] = {}
    for clips, actual, predicted in _rank_counts(survey):  # the larger share of a pair comes first
        key = (predicted, actual) if (predicted, actual) in rates else (actual, predicted)
        rates.setdefault(key, []).append(clips / clips_per_class(survey)[actual])
    return tuple(sorted(rates, key=lambda pair: -sum(rates[pair])))


@lru_cache(maxsize=SURVEY_CACHE_SIZE)
def clips_per_class(survey: Survey) -> tuple[int, ...]:
    """Return the number of clips of each class."""
    return tuple(map(sum, survey.confusion))


@lru_cache(maxsize=SURVEY_CACHE_SIZE)
def _rank_counts(survey: Survey) -> tuple[ConfusionCount, ...]:
    """Return all confusions, the largest share of the actual class first, of equal ones that of more clips."""
    counts = [
        ConfusionCount(clips, actual, predicted)
        for actual, row in enumerate(survey.confusion)
        for predicted, clips in enumerate(row)
        if clips and actual != predicted
    ]
    return tuple(sorted(counts, key=lambda count: (-count.clips / clips_per_class(survey)[count.actual], -count.clips)))

"""The data that findings are computed from: a survey, the statistics of its units by layer, and examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, quantiles
from typing import Any, NamedTuple

from app.analysis.thresholds import Thresholds
from app.contract.findings import Example, Finding, LayerDistribution, Series, UnitStatistics, Verdict
from app.contract.network import NetworkCard
from app.contract.survey import Survey, SurveyFacts
from app.contract.unit import generic_above, specific_below

MEASURE_UNITS = {  # or the range of a measure that has no unit
    "synergy_stimulus": "-1 to 1",
    "synergy_clips": "-1 to 1",
    "interaction": "share of the variance",
    "effective_classes": "classes",
    "best_precision": "average precision, 0 to 1",
    "speed_octaves": "octaves",
    "direction_selectivity": "0 to 1",
}

MeasureValues = Mapping[str, Mapping[str, Sequence[float]]]  # measure -> layer -> values, sorted


@dataclass(frozen=True)
class SurveyData:
    """A network's newest survey with the statistics of its units and, by measure, units as examples."""

    card: NetworkCard
    survey: Survey
    statistics: UnitStatistics
    examples: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=Thresholds)


class Heading(NamedTuple):
    """The name and title of a finding, and the claim of the paper that it examines."""

    name: str
    title: str
    claim: str


def make_finding(heading: Heading, verdict: Verdict | bool, sentences: Sequence[str], **parts: Any) -> Finding:
    """Return a finding; `parts` are more fields of Finding. True is short for supported, False for not supported."""
    if isinstance(verdict, bool):
        verdict = Verdict.SUPPORTED if verdict else Verdict.NOT_SUPPORTED
    is_supported = verdict is Verdict.SUPPORTED
    return Finding(**heading._asdict(), verdict=verdict, supported=is_supported, sentences=tuple(sentences), **parts)


def make_series(data: SurveyData, measure: str, words: str) -> tuple[Series, ...]:
    """Return a chart of a measure by layer, or no chart where it was not measured."""
    layers = data.statistics.distributions.get(measure, ())
    return (Series(words=words, unit=MEASURE_UNITS.get(measure, ""), layers=layers),) if layers else ()


def classes_with_clips(survey: SurveyFacts) -> list[int]:
    """Return the numbers of the classes that the survey has clips of."""
    return [index for index, row in enumerate(survey.confusion) if sum(row)]


def unit_statistics(values: MeasureValues, survey: SurveyFacts) -> UnitStatistics:
    """Return the distribution of every measure by layer, and how many live units are specific and generic."""
    classes = max(1, len(classes_with_clips(survey)))
    shares = [value / classes for layer in values.get("effective_classes", {}).values() for value in layer]
    return UnitStatistics(
        distributions={
            measure: tuple(distribution(name, data) for name, data in layers.items() if data)
            for measure, layers in values.items()
        },
        live=len(shares),
        specific=sum(share < specific_below(classes) for share in shares),
        generic=sum(share > generic_above(classes) for share in shares),
    )


def distribution(layer: str, values: Sequence[float]) -> LayerDistribution:
    """Return the distribution of the values, which must be sorted, over the units of a layer."""
    first, median, third = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return LayerDistribution(
        layer=layer,
        count=len(values),
        low=values[0],
        first_quartile=first,
        median=median,
        third_quartile=third,
        high=values[-1],
        mean=fmean(values),
    )

"""What the newest survey measured for one unit, as the unit's page shows it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.analysis.confusions import clips_per_class
from app.analysis.detectors import detected_classes
from app.contract.dataset import Clip
from app.contract.evidence import ClassAttribution, TopClip, UnitEvidence
from app.contract.necessity import ClassNeed, UnitNecessity
from app.contract.network import CLASS_LAYER, Layer, NetworkCard
from app.contract.survey import SurveySummary
from app.contract.unit import UnitRole, UnitSummary, generic_above, specific_below
from app.store import Session, datasets
from app.store.catalog import search
from app.store.results import visualizations
from app.store.surveys import evidence
from app.web import urls
from app.web.charts.plots import Curve, Point, activation_plot, direction_plot, speed_plot
from app.web.views.parts.motion_tuning import MotionTuningPanel, motion_tuning_panel

MAX_DETECTED_CLASSES = 5


class ClassBar(NamedTuple):  # not a dataclass: a page has hundreds
    """A class with a number from 0 to 1; `is_own` marks the class that the page is about."""

    label: str
    href: str
    value: float
    is_own: bool = False


@dataclass(frozen=True)
class StrongestClip:
    """A clip that raises or lowers a unit far, with the unit's activation over its length."""

    top_clip: TopClip
    clip: Clip
    has_position: bool  # False where the layer has one position, which sees the whole picture
    activation: Curve
    peak: Point | None  # of the activation


@dataclass(frozen=True)
class CorrelatedUnit:
    """Another unit of the layer, with the correlation of the two units' responses over clips."""

    unit: UnitSummary
    correlation: float


@dataclass(frozen=True)
class AttributionRow:
    """A class whose logit the unit moves.

    `bar` is the unit's effect on the logit as a length from -1 to 1; the largest effect of the unit has length 1.
    """

    label: str
    href: str
    attribution: ClassAttribution
    bar: float


@dataclass(frozen=True)
class NeedRow:
    """A class that loses significantly where the unit is silenced."""

    label: str
    href: str
    need: ClassNeed


@dataclass(frozen=True)
class NecessityPanel:
    """What silencing the unit changes; of the classes, the one that loses most comes first."""

    measured: UnitNecessity
    classes: tuple[NeedRow, ...]


@dataclass(frozen=True)
class UnitEvidencePanel:
    """The evidence of a unit. `responses` and `detected_classes` have the largest value first.

    `lowest_clips` are those that lower a unit of two signs most; others have none.
    """

    evidence: UnitEvidence
    survey: SurveySummary
    class_count: int
    strongest_clips: tuple[StrongestClip, ...]
    lowest_clips: tuple[StrongestClip, ...]
    responses: tuple[ClassBar, ...]
    detected_classes: tuple[ClassBar, ...]
    attributions: tuple[AttributionRow, ...]
    necessity: NecessityPanel | None
    speed: Curve | None
    direction: Curve | None
    motion: MotionTuningPanel | None
    correlated_units: tuple[CorrelatedUnit, ...]

    @property
    def is_dead(self) -> bool:
        return self.evidence.role is UnitRole.DEAD

    @property
    def has_two_signs(self) -> bool:
        return self.evidence.a_low is not None

    @property
    def specific_below(self) -> float:
        """The number of effective classes below which a unit of this network is specific."""
        return specific_below(self.class_count) * self.class_count

    @property
    def generic_above(self) -> float:
        """The number of effective classes above which a unit of this network is generic."""
        return generic_above(self.class_count) * self.class_count


def unit_evidence_panel(session: Session, *, card: NetworkCard, layer: str, unit: int) -> UnitEvidencePanel | None:
    """Return what the newest survey measured for a unit, or None before a survey."""
    measured = evidence.get_evidence(session, card=card, layer=layer, unit=unit)
    survey = evidence.get_survey(session, card=card)
    if measured is None or survey is None:
        return None
    own_class = unit if layer == CLASS_LAYER else None
    by_response = sorted(range(len(measured.responses)), key=lambda index: -measured.responses[index])
    detected = detected_classes(measured.precision, clips_per_class(survey), limit=MAX_DETECTED_CLASSES)
    names = [(layer, index) for index, _ in measured.correlated_units]
    correlated = search.units_by_name(session, card=card, names=names)
    speed, direction = measured.speed, measured.direction
    return UnitEvidencePanel(
        evidence=measured,
        survey=survey.summary,
        class_count=sum(count > 0 for count in clips_per_class(survey)),
        strongest_clips=strongest_clips(
            session, dataset=survey.dataset, top_clips=measured.top_clips, layer=card.layer(layer)
        ),
        lowest_clips=strongest_clips(
            session, dataset=survey.dataset, top_clips=measured.bottom_clips, layer=card.layer(layer), is_lowest=True
        ),
        responses=class_bars(card, by_response, measured.responses, own_class),
        detected_classes=class_bars(card, detected, measured.precision, own_class),
        attributions=attribution_rows(card, measured.class_attributions),
        necessity=necessity_panel(card, measured.necessity),
        speed=speed_plot(speed.factors, speed.responses) if speed and not measured.motion else None,
        direction=direction_plot(direction.degrees, direction.responses) if direction else None,
        motion=motion_tuning_panel(
            measured.motion,
            measured.a_hat,
            visualizations.visualizations_of_unit(session, card=card, layer=layer, unit=unit),
        ),
        correlated_units=tuple(
            CorrelatedUnit(summary, correlation)
            for summary, (_, correlation) in zip(correlated, measured.correlated_units, strict=True)
        ),
    )


def necessity_panel(card: NetworkCard, measured: UnitNecessity | None) -> NecessityPanel | None:
    """Return what silencing a unit changes, None where it was not measured."""
    if measured is None:
        return None
    names = [card.classes[each.class_index] for each in measured.classes]
    return NecessityPanel(
        measured,
        tuple(
            NeedRow(name, urls.class_(card.slug, name), each)
            for name, each in zip(names, measured.classes, strict=True)
        ),
    )


def strongest_clips(
    session: Session, *, dataset: str, top_clips: Sequence[TopClip], layer: Layer, is_lowest: bool = False
) -> tuple[StrongestClip, ...]:
    """Return those of a unit's top clips, or of its lowest, that the data set still has."""
    if not top_clips:
        return ()
    names = [top.clip for top in top_clips]
    clips = datasets.clips_by_name(session, slug=dataset, names=names, roles=datasets.CARD_MEDIA)
    has_position = layer.map.height * layer.map.width > 1
    return tuple(
        StrongestClip(
            top,
            clips[top.clip],
            has_position,
            *activation_plot(top.trace, top.time, signed=layer.signed, is_lowest=is_lowest),
        )
        for top in top_clips
        if top.clip in clips
    )


def class_bars(
    card: NetworkCard, indices: Iterable[int], values: Sequence[float], own_class: int | None
) -> tuple[ClassBar, ...]:
    """Return bars of these classes, in this order; `values` are of all classes."""
    names = card.classes
    return tuple(
        ClassBar(names[index], urls.class_(card.slug, names[index]), values[index], index == own_class)
        for index in indices
    )


def attribution_rows(card: NetworkCard, attributions: Sequence[ClassAttribution]) -> tuple[AttributionRow, ...]:
    """Return the classes whose logits a unit moves, in the order of `attributions`."""
    largest = max((abs(each.effect) for each in attributions), default=0.0) or 1.0
    names = [card.classes[each.class_index] for each in attributions]
    return tuple(
        AttributionRow(name, urls.class_(card.slug, name), each, each.effect / largest)
        for name, each in zip(names, attributions, strict=True)
    )

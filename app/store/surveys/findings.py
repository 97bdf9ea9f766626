"""Reads what findings are computed from: the newest survey, measures by layer, and the most extreme units."""

from collections.abc import Sequence

from sqlalchemy import Select, select, update

from app.analysis.findings.data import SurveyData, unit_statistics
from app.contract.findings import Example, UnitStatistics
from app.contract.necessity import NeededUnit
from app.contract.network import NetworkCard
from app.contract.survey import Survey
from app.store.catalog.search import units_by_name
from app.store.catalog.units import summaries_by_id
from app.store.database.cache import LruCache
from app.store.database.session import Session, SurveyKey
from app.store.database.survey_tables import SurveyRow, UnitEvidenceRow
from app.store.surveys.evidence import Measure, get_survey, measure_by_layer, of_own_layers

MEASURES: tuple[Measure, ...] = (
    "synergy_stimulus",
    "synergy_clips",
    "effective_classes",
    "best_precision",
    "speed_octaves",
    "direction_selectivity",
    "static_coding",
    "dynamic_coding",
    "interaction",
)
EXAMPLE_MEASURES: dict[Measure, str] = {  # whose most extreme units the findings show, and their names on pages
    "synergy_clips": "synergy",
    "effective_classes": "effective classes",
    "speed_octaves": "octaves",
    "static_coding": "more alike where the look is shared",
    "dynamic_coding": "more alike where the motion is shared",
}
CLASS_MEASURES: tuple[Measure, ...] = ("effective_classes", "best_precision")  # which a network without classes lacks
EXAMPLES_PER_END = 3  # units with the lowest values, and units with the highest

ExtremeUnits = tuple[tuple[int, float], ...]  # ids of units and their values

# A finished survey never changes. The pictures of its units do: only the ids of units are cached.
_statistics_and_extremes: LruCache[SurveyKey, tuple[UnitStatistics, dict[Measure, ExtremeUnits]]] = LruCache(
    max_size=30
)


def get_findings_data(session: Session, *, card: NetworkCard) -> SurveyData | None:
    """Return what the findings of a network are computed from, None before the first survey."""
    survey = get_survey(session, card=card)
    if survey is None:
        return None

    def read() -> tuple[UnitStatistics, dict[Measure, ExtremeUnits]]:
        measures = [measure for measure in EXAMPLE_MEASURES if _is_measured(card, measure)]
        extremes = {measure: _extreme_units(session, card, survey.id, measure) for measure in measures}
        return _read_statistics(session, card, survey), extremes

    statistics, extremes = _statistics_and_extremes.get_or_compute(SurveyKey(survey.id, survey.created_at), read)
    units = summaries_by_id(session, card, {id for of_measure in extremes.values() for id, _ in of_measure})
    examples = {
        str(measure): tuple(Example(unit=units[id], words=words, value=value) for id, value in extremes[measure])
        for measure, words in EXAMPLE_MEASURES.items()
        if measure in extremes
    }
    if survey.silence is not None:
        examples["needed_by_one"] = _needed_units(session, card, survey.silence.strongest_one)
        examples["needed_by_several"] = _needed_units(session, card, survey.silence.strongest_several)
    return SurveyData(card=card, survey=survey, statistics=statistics, examples=examples)


def _needed_units(session: Session, card: NetworkCard, units: Sequence[NeededUnit]) -> tuple[Example, ...]:
    """Return units that classes need, with what the margin of the first loses without them."""
    summaries = units_by_name(session, card=card, names=[(each.layer, each.unit) for each in units])
    return tuple(
        Example(unit=summary, words="standard deviations", value=each.margin_change)
        for summary, each in zip(summaries, units, strict=True)
    )


def store_statistics(session: Session, *, card: NetworkCard) -> None:
    """Store the statistics of a network's units with its newest survey, in the transaction that finishes the survey."""
    survey = get_survey(session, card=card)
    if survey is not None:
        body = _compute_statistics(session, card, survey).model_dump(mode="json")
        session.execute(update(SurveyRow).where(SurveyRow.id == survey.id).values(measured=body))


def _read_statistics(session: Session, card: NetworkCard, survey: Survey) -> UnitStatistics:
    stored = session.scalar(select(SurveyRow.measured).where(SurveyRow.id == survey.id))
    # Surveys of older versions have no statistics stored.
    return UnitStatistics.model_validate(stored) if stored else _compute_statistics(session, card, survey)


def _compute_statistics(session: Session, card: NetworkCard, survey: Survey) -> UnitStatistics:
    values: dict[str, dict[str, tuple[float, ...]]] = {
        measure: measure_by_layer(session, card=card, measure=measure)
        for measure in MEASURES
        if _is_measured(card, measure)
    }
    return unit_statistics(values, survey)


def _is_measured(card: NetworkCard, measure: Measure) -> bool:
    return bool(card.classes) or measure not in CLASS_MEASURES


def _extreme_units(session: Session, card: NetworkCard, survey_id: int, measure: Measure) -> ExtremeUnits:
    """Return the live units with the lowest values of a measure and then those with the highest, in rising order."""
    own = of_own_layers(card)
    lowest = session.read(select_extreme(survey_id, measure, highest=False).where(*own)).all()
    highest = session.read(select_extreme(survey_id, measure, highest=True).where(*own)).all()
    return tuple({id: (id, value) for id, value in [*lowest, *reversed(highest)]}.values())


def select_extreme(survey_id: int, measure: Measure, *, highest: bool) -> Select[int, float]:
    column = getattr(UnitEvidenceRow, measure)
    return (
        select(UnitEvidenceRow.unit_id, column)
        .where(UnitEvidenceRow.survey_id == survey_id, UnitEvidenceRow.a_hat > 0, column.is_not(None))
        .order_by(column.desc() if highest else column, UnitEvidenceRow.unit_id)
        .limit(EXAMPLES_PER_END)
    )

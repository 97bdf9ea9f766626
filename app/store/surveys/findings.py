"""What the findings of a network are made of: its newest survey, measures by layer, units at both ends."""

from functools import cache

from sqlalchemy import Select, bindparam, select, update

from app.analysis.findings import SurveyData, unit_statistics
from app.contract.evidence import Survey
from app.contract.findings import Example, UnitStatistics
from app.store.catalog.networks import get_card
from app.store.catalog.summaries import summaries_by_id
from app.store.database.cache import LruCache
from app.store.database.session import Session, SurveyKey
from app.store.database.survey_tables import EvidenceRow, SurveyRow
from app.store.surveys.evidence import Measure, distribution, get_survey

MEASURES: tuple[Measure, ...] = (
    "synergy_stimulus",
    "synergy_clips",
    "effective_classes",
    "best_precision",
    "speed_octaves",
    "direction_selectivity",
)
ENDS: tuple[tuple[Measure, str], ...] = (
    ("synergy_clips", "synergy"),
    ("effective_classes", "effective classes"),
    ("speed_octaves", "octaves"),
)
EACH = 3  # units shown at either end
Ends = tuple[tuple[int, float], ...]  # ids of units
# A published survey never changes; the pictures of its units do, and are read each time.
_known: LruCache[SurveyKey, tuple[UnitStatistics, dict[Measure, Ends]]] = LruCache(max_size=30)


def get_found(session: Session, *, network: str) -> SurveyData | None:
    """None before a survey."""
    survey = get_survey(session, network=network)
    if survey is None:
        return None

    def read() -> tuple[UnitStatistics, dict[Measure, Ends]]:
        found = {name: _ends(session, survey.id, name) for name, _ in ENDS}
        return _measured(session, network, survey), found

    kept, ends = _known.get_or_compute(SurveyKey(survey.id, survey.created_at), read)
    wanted = {id for some in ends.values() for id, _ in some}
    units = summaries_by_id(session, network, wanted)
    return SurveyData(
        card=get_card(session, slug=network),
        survey=survey,
        statistics=kept,
        examples={
            name: tuple(Example(unit=units[id], words=words, value=value) for id, value in ends[name])
            for name, words in ENDS
        },
    )


def keep_measured(session: Session, *, network: str) -> None:
    """For the transaction that publishes a survey: what the findings of the network's newest are made of."""
    survey = get_survey(session, network=network)
    if survey is not None:
        body = _counted(session, network, survey).model_dump(mode="json")
        session.execute(update(SurveyRow).where(SurveyRow.id == survey.id).values(measured=body))


def _measured(session: Session, network: str, survey: Survey) -> UnitStatistics:
    kept = session.scalar(select(SurveyRow.measured).where(SurveyRow.id == survey.id))
    # A survey from before they were kept has none.
    return UnitStatistics.model_validate(kept) if kept else _counted(session, network, survey)


def _counted(session: Session, network: str, survey: Survey) -> UnitStatistics:
    values: dict[str, dict[str, tuple[float, ...]]] = {
        name: distribution(session, network=network, column=name) for name in MEASURES
    }
    return unit_statistics(values, survey)


def _ends(session: Session, survey: int, column: Measure) -> Ends:
    """The lowest of live units, then the highest."""
    low, high = (session.read(_end(column, falling), {"survey": survey}).all() for falling in (False, True))
    return tuple({id: (id, value) for id, value in [*low, *reversed(high)]}.values())


@cache
def _end(column: Measure, falling: bool) -> Select[int, float]:
    """Put together once."""
    measure = getattr(EvidenceRow, column)
    return (
        select(EvidenceRow.unit_id, measure)
        .where(EvidenceRow.survey_id == bindparam("survey"), EvidenceRow.a_hat > 0, measure.is_not(None))
        .order_by(measure.desc() if falling else measure, EvidenceRow.unit_id)
        .limit(EACH)
    )

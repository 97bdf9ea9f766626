"""What the findings of a network are made of: its newest survey, measures by layer, units at both ends."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.contract.findings import Example
from app.findings import Found
from app.store.catalog import get_card, network_row, unit_summary
from app.store.evidence import Measure, distribution, get_survey
from app.store.evidence_tables import EvidenceRow
from app.store.listed import newest_survey
from app.store.tables import UnitRow

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


def get_found(session: Session, *, network: str) -> Found | None:
    """None before a survey."""
    survey = get_survey(session, network=network)
    if survey is None:
        return None
    return Found(
        card=get_card(session, slug=network),
        survey=survey,
        measures={name: distribution(session, network=network, column=name) for name in MEASURES},
        examples={name: _ends(session, network, name, words) for name, words in ENDS},
    )


def _ends(session: Session, network: str, column: Measure, words: str) -> tuple[Example, ...]:
    """The lowest of live units, then the highest."""
    measure = getattr(EvidenceRow, column)
    query = (
        select(UnitRow, measure)
        .join(EvidenceRow, EvidenceRow.unit_id == UnitRow.id)
        .where(
            EvidenceRow.survey_id == newest_survey(session, network_id=network_row(session, network).id),
            EvidenceRow.a_hat > 0,
            measure.is_not(None),
        )
        .limit(EACH)
    )
    low = session.execute(query.order_by(measure, UnitRow.id)).all()
    high = session.execute(query.order_by(measure.desc(), UnitRow.id)).all()
    found = {unit.id: (unit, value) for unit, value in [*low, *reversed(high)]}
    return tuple(Example(unit=unit_summary(network, unit), words=words, value=value) for unit, value in found.values())

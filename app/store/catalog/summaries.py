"""Units as listings show them, with what a survey keeps of them elsewhere: for all of a page in one statement."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, and_, bindparam, select

from app.contract.result import MediaRole
from app.contract.unit import UnitSummary
from app.store.catalog.networks import UNITS, Listed, unit_summary
from app.store.catalog.survey_columns import newest_survey
from app.store.database.chunks import chunks
from app.store.database.session import Session
from app.store.database.survey_tables import ClipMediaRow, EvidenceRow, TopClipRow
from app.store.database.tables import UnitRow

CHUNK = 500

BY_ID = UNITS.where(UnitRow.id.in_(bindparam("units", expanding=True)))
STRONGEST = and_(
    TopClipRow.survey_id == EvidenceRow.survey_id, TopClipRow.unit_id == EvidenceRow.unit_id, TopClipRow.rank == 0
)
POSTER = and_(ClipMediaRow.clip_id == TopClipRow.clip_id, ClipMediaRow.role == MediaRole.POSTER.value)
ELSEWHERE: Select[*tuple[Any, ...]] = (
    select(EvidenceRow.unit_id, EvidenceRow.best_precision, ClipMediaRow.sha256)
    .outerjoin(TopClipRow, STRONGEST)
    .outerjoin(ClipMediaRow, POSTER)
    .where(EvidenceRow.survey_id == bindparam("survey"), EvidenceRow.unit_id.in_(bindparam("units", expanding=True)))
)


def unit_summaries(session: Session, slug: str, rows: Iterable[Listed]) -> list[UnitSummary]:
    """Of units of one network, in their order."""
    listed = list(rows)
    wanted = [row for row in listed if _wants_clip(row) or row.detects is not None]
    found: dict[int, tuple[float, str | None]] = {}
    if wanted:
        survey = newest_survey(session, network_id=wanted[0].network_id)
        for some in chunks((row.id for row in wanted), CHUNK):
            for unit, precision, poster in session.read(ELSEWHERE, {"survey": survey, "units": some}).all():
                found[unit] = precision, poster
    return [_summary(slug, row, *found.get(row.id, (None, None))) for row in listed]


def summaries_by_id(session: Session, slug: str, ids: Iterable[int]) -> dict[int, UnitSummary]:
    """Of these units of one network."""
    rows = session.read(BY_ID, {"units": list(ids)}).all()
    return dict(zip((row.id for row in rows), unit_summaries(session, slug, rows), strict=True))


def _wants_clip(row: Listed) -> bool:
    """Nobody has visualized it, and some clip excites it."""
    return row.poster is None and row.a_hat is not None and row.a_hat > 0


def _summary(slug: str, row: Listed, precision: float | None, poster: str | None) -> UnitSummary:
    return unit_summary(
        slug,
        row,
        precision=None if row.detects is None else precision,
        clip=poster if _wants_clip(row) else None,
    )

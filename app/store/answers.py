"""What networks take the clips of surveyed sets for, as their whole surveys say."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.contract.catalog import NetworkCard
from app.contract.evidence import Answer, AnsweredClip
from app.contract.model import Page
from app.store.catalog import card_of, network_row
from app.store.datasets import BY_ID, read_clips
from app.store.evidence_tables import AnswerRow, SurveyRow
from app.store.listed import newest_survey
from app.store.tables import NetworkRow


def list_answers(
    session: Session,
    *,
    network: str,
    own: int | None = None,
    taken: int | None = None,
    wrong: bool = False,
    page: int = 1,
    per_page: int = 48,
) -> Page[AnsweredClip]:
    """Of the network's newest survey: the clips of a class, those taken for one, the wrong ones alone. The surest
    answers come first. Nothing before a survey."""
    wanted = _wanted(session, network, own, taken, wrong)
    first = (page - 1) * per_page
    total = session.scalar(select(func.count()).select_from(AnswerRow).where(*wanted)) or 0
    return Page(
        items=_surest(session, network, wanted, skip=first, limit=per_page),
        total=total,
        next=page + 1 if first + per_page < total else None,
    )


def surest(
    session: Session,
    *,
    network: str,
    own: int | None = None,
    taken: int | None = None,
    wrong: bool = False,
    limit: int,
) -> tuple[AnsweredClip, ...]:
    """The first of the same, uncounted."""
    return _surest(session, network, _wanted(session, network, own, taken, wrong), limit=limit)


def answers_by_clip(session: Session, *, clips: Sequence[int]) -> dict[int, tuple[Answer, ...]]:
    """What every network whose survey is whole takes each of these clips for."""
    rows = session.execute(
        select(AnswerRow, SurveyRow.network_id)
        .join(SurveyRow, SurveyRow.id == AnswerRow.survey_id)
        .where(AnswerRow.clip_id.in_(clips), SurveyRow.finished_at.is_not(None))
        .order_by(SurveyRow.network_id)
    ).all()
    networks = select(NetworkRow).where(NetworkRow.id.in_({network for _, network in rows}))
    cards = {row.id: card_of(row) for row in session.scalars(networks)}
    found: dict[int, list[Answer]] = {}
    for row, network in rows:
        found.setdefault(row.clip_id, []).append(_answer(row, cards[network]))
    return {clip: tuple(answers) for clip, answers in found.items()}


def _wanted(
    session: Session, network: str, own: int | None, taken: int | None, wrong: bool
) -> list[ColumnElement[bool]]:
    survey = newest_survey(session, network_id=network_row(session, network).id)
    wanted = [AnswerRow.survey_id == survey]
    wanted += [AnswerRow.own == own] if own is not None else []
    wanted += [AnswerRow.taken == taken] if taken is not None else []
    wanted += [AnswerRow.own != AnswerRow.taken] if wrong else []
    return wanted


def _surest(
    session: Session, network: str, wanted: list[ColumnElement[bool]], *, skip: int = 0, limit: int
) -> tuple[AnsweredClip, ...]:
    card = card_of(network_row(session, network))
    query = select(AnswerRow).where(*wanted).order_by(AnswerRow.probability.desc(), AnswerRow.clip_id)
    found = session.scalars(query.offset(skip).limit(limit)).all()
    clips = read_clips(session, BY_ID, ids=[each.clip_id for each in found]) if found else []
    by_id = {clip.id: clip for clip in clips}
    return tuple(AnsweredClip(clip=by_id[each.clip_id], answer=_answer(each, card)) for each in found)


def _answer(row: AnswerRow, card: NetworkCard) -> Answer:
    return Answer(
        network=card.slug,
        own=card.classes[row.own],
        taken=card.classes[row.taken],
        probability=row.probability,
        own_probability=row.own_probability,
    )

"""What networks take the clips of surveyed sets for, as their whole surveys say."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select

from app.contract.evidence import ClipPrediction, PredictedClip
from app.contract.model import Paginated
from app.contract.network import NetworkCard
from app.contract.result import MediaRole
from app.store.catalog.networks import card_of, network_row
from app.store.catalog.survey_columns import newest_survey
from app.store.database.session import Session
from app.store.database.survey_tables import AnswerRow, SurveyRow
from app.store.database.tables import NetworkRow
from app.store.datasets import BY_ID, read_clips

Answers = Select[*tuple[Any, ...]]
ANSWERS: Answers = select(
    AnswerRow.clip_id, AnswerRow.own, AnswerRow.taken, AnswerRow.probability, AnswerRow.own_probability
)


def list_answers(
    session: Session,
    *,
    network: str,
    own: int | None = None,
    taken: int | None = None,
    wrong: bool = False,
    page: int = 1,
    per_page: int = 48,
) -> Paginated[PredictedClip]:
    """Of the network's newest survey: the clips of a class, those taken for one, the wrong ones alone. The surest
    answers come first. Nothing before a survey.
    """
    filters = _filters(session, network, own, taken)
    first = (page - 1) * per_page
    counted = select(func.count()).select_from(_matching(tuple(filters), wrong).subquery())
    total = session.read(counted, filters).scalar() or 0
    return Paginated(
        items=_surest(session, network, filters, wrong, skip=first, limit=per_page),
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
    roles: tuple[MediaRole, ...] = (),
) -> tuple[PredictedClip, ...]:
    """The first of the same, uncounted; of their media all, or those in these roles."""
    return _surest(session, network, _filters(session, network, own, taken), wrong, limit=limit, roles=roles)


def answers_by_clip(session: Session, *, clips: Sequence[int]) -> dict[int, tuple[ClipPrediction, ...]]:
    """What every network whose survey is whole takes each of these clips for."""
    rows = session.read(
        ANSWERS.add_columns(SurveyRow.network_id)
        .join(SurveyRow, SurveyRow.id == AnswerRow.survey_id)
        .where(AnswerRow.clip_id.in_(clips), SurveyRow.finished_at.is_not(None))
        .order_by(SurveyRow.network_id),
    ).all()
    networks = select(NetworkRow).where(NetworkRow.id.in_({row.network_id for row in rows}))
    cards = {row.id: card_of(row) for row in session.scalars(networks)}
    found: dict[int, list[ClipPrediction]] = {}
    for row in rows:
        found.setdefault(row.clip_id, []).append(_answer(row, cards[row.network_id]))
    return {clip: tuple(answers) for clip, answers in found.items()}


def _filters(session: Session, network: str, own: int | None, taken: int | None) -> dict[str, int | None]:
    survey = newest_survey(session, network_id=network_row(session, network).id)
    asked = {"survey_id": survey, "own": own, "taken": taken}
    return {name: value for name, value in asked.items() if name == "survey_id" or value is not None}


def _surest(
    session: Session,
    network: str,
    filters: dict[str, int | None],
    wrong: bool,
    *,
    skip: int = 0,
    limit: int,
    roles: tuple[MediaRole, ...] = (),
) -> tuple[PredictedClip, ...]:
    card = card_of(network_row(session, network))
    asked = {**filters, "skip": skip, "most": limit}
    found = session.read(_ranked(tuple(filters), wrong), asked).all()
    clips = read_clips(session, BY_ID, roles, ids=[each.clip_id for each in found]) if found else []
    by_id = {clip.id: clip for clip in clips}
    return tuple(PredictedClip(clip=by_id[each.clip_id], answer=_answer(each, card)) for each in found)


@cache
def _matching(names: tuple[str, ...], wrong: bool) -> Answers:
    """Put together once, as the next is."""
    wanted = [getattr(AnswerRow, name) == bindparam(name) for name in names]
    return ANSWERS.where(*wanted, *([AnswerRow.own != AnswerRow.taken] if wrong else []))


@cache
def _ranked(names: tuple[str, ...], wrong: bool) -> Answers:
    ranked = _matching(names, wrong).order_by(AnswerRow.probability.desc(), AnswerRow.clip_id)
    return ranked.offset(bindparam("skip")).limit(bindparam("most"))


def _answer(row: Row[*tuple[Any, ...]], card: NetworkCard) -> ClipPrediction:
    return ClipPrediction(
        network=card.slug,
        own=card.classes[row.own],
        taken=card.classes[row.taken],
        probability=row.probability,
        own_probability=row.own_probability,
    )

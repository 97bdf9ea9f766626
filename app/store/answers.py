"""What networks take the clips of surveyed sets for, as their whole surveys say."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.contract.catalog import NetworkCard
from app.contract.evidence import Answer, AnsweredClip
from app.contract.model import Page
from app.store.catalog import card_of, network_row
from app.store.datasets import CLIPS, read_clips
from app.store.evidence_tables import AnswerRow, ClipRow, SurveyRow
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
    row = network_row(session, network)
    wanted = [AnswerRow.survey_id == newest_survey(session, network_id=row.id)]
    wanted += [AnswerRow.own == own] if own is not None else []
    wanted += [AnswerRow.taken == taken] if taken is not None else []
    wanted += [AnswerRow.own != AnswerRow.taken] if wrong else []
    total = session.scalar(select(func.count()).select_from(AnswerRow).where(*wanted)) or 0
    first = (page - 1) * per_page
    query = select(AnswerRow).where(*wanted).order_by(AnswerRow.probability.desc(), AnswerRow.clip_id)
    card = card_of(row)
    found = session.scalars(query.offset(first).limit(per_page)).all()
    clips = read_clips(session, CLIPS.where(ClipRow.id.in_([each.clip_id for each in found])))
    by_id = {clip.id: clip for clip in clips}
    return Page(
        items=tuple(AnsweredClip(clip=by_id[each.clip_id], answer=_answer(each, card)) for each in found),
        total=total,
        next=page + 1 if first + per_page < total else None,
    )


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


def _answer(row: AnswerRow, card: NetworkCard) -> Answer:
    return Answer(
        network=card.slug,
        own=card.classes[row.own],
        taken=card.classes[row.taken],
        probability=row.probability,
        own_probability=row.own_probability,
    )

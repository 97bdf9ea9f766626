"""Reads the classes that networks predict for clips, from finished surveys."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select

from app.contract.model import Paginated
from app.contract.network import NetworkCard
from app.contract.result import MediaRole
from app.contract.survey import ClipPrediction, PredictedClip
from app.store.catalog.networks import card_of
from app.store.catalog.survey_columns import newest_survey_id
from app.store.database.session import Session
from app.store.database.survey_tables import PredictionRow, SurveyRow
from app.store.database.tables import NetworkRow
from app.store.datasets import clips_by_id

SelectPredictions = Select[*tuple[Any, ...]]


def list_predictions(
    session: Session,
    *,
    card: NetworkCard,
    label: int | None = None,
    predicted: int | None = None,
    wrong: bool = False,
    page: int = 1,
    per_page: int = 48,
) -> Paginated[PredictedClip]:
    """Return a page of clips with the predictions of a network's newest survey, the most probable first.

    Restrict them to clips of a class (`label`), to those for which a class is predicted (`predicted`), or with `wrong`
    to those whose predicted class is not their own.
    """
    predictions = _select_predictions(session, card, label, predicted, wrong)
    first = (page - 1) * per_page
    total = session.read(select(func.count()).select_from(predictions.subquery())).scalar_one()
    return Paginated(
        items=_most_probable(session, card, predictions.offset(first), per_page),
        total=total,
        next=page + 1 if first + per_page < total else None,
    )


def most_probable_predictions(
    session: Session,
    *,
    card: NetworkCard,
    label: int | None = None,
    predicted: int | None = None,
    wrong: bool = False,
    limit: int,
    roles: tuple[MediaRole, ...] = (),
) -> tuple[PredictedClip, ...]:
    """Return the first clips that `list_predictions` lists, without counting them, with media in these roles."""
    predictions = _select_predictions(session, card, label, predicted, wrong)
    return _most_probable(session, card, predictions, limit, roles)


def predictions_by_clip(session: Session, *, clips: Sequence[int]) -> dict[int, tuple[ClipPrediction, ...]]:
    """Return, by clip id, what every network predicts that has a finished survey with the clip."""
    rows = session.read(
        _prediction_columns()
        .add_columns(SurveyRow.network_id)
        .join(SurveyRow, SurveyRow.id == PredictionRow.survey_id)
        .where(PredictionRow.clip_id.in_(clips), SurveyRow.finished_at.is_not(None))
        .order_by(SurveyRow.network_id)
    ).all()
    networks = select(NetworkRow).where(NetworkRow.id.in_({row.network_id for row in rows}))
    cards = {row.id: card_of(row) for row in session.scalars(networks)}
    by_clip: dict[int, list[ClipPrediction]] = {}
    for row in rows:
        by_clip.setdefault(row.clip_id, []).append(_prediction(row, cards[row.network_id]))
    return {clip: tuple(predictions) for clip, predictions in by_clip.items()}


def _prediction_columns() -> SelectPredictions:
    table = PredictionRow
    return select(
        table.clip_id,
        table.label.label("label"),
        table.predicted.label("predicted"),
        table.probability,
        table.label_probability.label("label_probability"),
    )


def _select_predictions(
    session: Session, card: NetworkCard, label: int | None, predicted: int | None, wrong: bool
) -> SelectPredictions:
    predictions = _prediction_columns().where(PredictionRow.survey_id == newest_survey_id(session, card=card))
    if label is not None:
        predictions = predictions.where(PredictionRow.label == label)
    if predicted is not None:
        predictions = predictions.where(PredictionRow.predicted == predicted)
    if wrong:
        predictions = predictions.where(PredictionRow.label != PredictionRow.predicted)
    return predictions


def _most_probable(
    session: Session,
    card: NetworkCard,
    predictions: SelectPredictions,
    limit: int,
    roles: tuple[MediaRole, ...] = (),
) -> tuple[PredictedClip, ...]:
    ordered = predictions.order_by(PredictionRow.probability.desc(), PredictionRow.clip_id)
    rows = session.read(ordered.limit(limit)).all()
    clips = clips_by_id(session, [row.clip_id for row in rows], roles)
    return tuple(PredictedClip(clip=clips[row.clip_id], answer=_prediction(row, card)) for row in rows)


def _prediction(row: Row[*tuple[Any, ...]], card: NetworkCard) -> ClipPrediction:
    return ClipPrediction(
        network=card.slug,
        label=card.classes[row.label],
        predicted=card.classes[row.predicted],
        probability=row.probability,
        label_probability=row.label_probability,
    )

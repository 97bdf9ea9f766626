"""Finds a network's newest survey, and copies its measures into the rows of the units, where listings need no join."""

import hashlib
import struct
from math import isqrt
from typing import Literal

from sqlalchemy import case, func, select, update

from app.contract.errors import Missing
from app.contract.network import NetworkCard
from app.contract.unit import UnitRole, min_detection_precision
from app.store.catalog.counts import recount_units
from app.store.catalog.networks import card_of, network_id, replace_card
from app.store.database.packing import unpack_counts
from app.store.database.session import Session, SurveyKey
from app.store.database.survey_tables import FeatureStatisticsRow, SurveyRow, UnitEvidenceRow
from app.store.database.tables import NetworkRow, UnitRow

NAN = float("nan")
SURVEY_COLUMNS = (
    "a_hat",
    "a_low",
    "role",
    "effective_classes",
    "coding",
    "needed_by",
    "detects",
    "map_x",
    "map_y",
    "reach",
)  # of `units`


def newest_survey_id(session: Session, *, card: NetworkCard) -> int | None:
    """Return the id of the survey that the pages of a network show, None before the first is finished."""
    key = newest_survey_key(session, card=card)
    return key and key.id


def newest_survey_key(session: Session, *, card: NetworkCard) -> SurveyKey | None:
    """Return the key of the survey that the pages of a network show, None before the first is finished."""
    return _newest_survey(session, network_id(session, card))


def has_measured(session: Session, *, card: NetworkCard, column: Literal["coding", "needed_by"]) -> bool:
    """Return whether the newest survey measured what the units of a network code, or how many classes need them."""
    is_measured = getattr(UnitRow, column).is_not(None)
    some = select(UnitRow.id).where(UnitRow.network_id == network_id(session, card), is_measured)
    return session.read(some.limit(1)).first() is not None


def denormalize_survey(session: Session, *, network_id: int) -> None:
    """Copy the measures of a network's newest survey into the rows of its units, or clear them where there is none.

    The digests of its a_hat and of its feature statistics go on the network's card.

    Belongs in the transaction that makes another survey the newest.
    """
    session.request_cache.newest_surveys.clear()
    survey = _newest_survey(session, network_id)
    units = update(UnitRow).where(UnitRow.network_id == network_id).execution_options(synchronize_session=False)
    session.execute(units.values(dict.fromkeys(SURVEY_COLUMNS, None)))
    if survey is not None:
        evidence = UnitEvidenceRow
        classes = _count_classes(session, survey)
        session.execute(
            units.where(evidence.survey_id == survey.id, evidence.unit_id == UnitRow.id).values(
                a_hat=evidence.a_hat,
                a_low=evidence.a_low,
                role=func.nullif(evidence.role, ""),
                effective_classes=case((evidence.role.not_in((UnitRole.DEAD, "")), evidence.effective_classes)),
                coding=evidence.coding,
                needed_by=evidence.needed_by,
                detects=case((evidence.best_precision >= min_detection_precision(classes), evidence.best_class)),
                map_x=evidence.map_x,
                map_y=evidence.map_y,
                reach=case((evidence.a_hat > 0, UnitRow.activation / evidence.a_hat)),
            )
        )
    recount_units(session, network_id=network_id)
    _note_on_card(session, network_id, survey)


def _count_classes(session: Session, survey: SurveyKey) -> int:
    """Return of how many classes a survey had clips."""
    counts = unpack_counts(session.scalar(select(SurveyRow.confusion).where(SurveyRow.id == survey.id)) or b"")
    classes = isqrt(len(counts))
    return sum(any(counts[row * classes : (row + 1) * classes]) for row in range(classes))


def _note_on_card(session: Session, network_id: int, survey: SurveyKey | None) -> None:
    """Put the digests of a survey's feature statistics and of its a_hat on the card of its network."""
    statistics = FeatureStatisticsRow
    digest = survey and session.scalar(select(statistics.sha256).where(statistics.survey_id == survey.id))
    row = session.get_one(NetworkRow, network_id, with_for_update=True, populate_existing=True)
    card = card_of(row)
    digests = {"feature_statistics": digest or "", "survey_maxima": _digest_maxima(session, network_id)}
    if any(getattr(card, name) != value for name, value in digests.items()):
        replace_card(session, row, card.model_copy(update=digests))


def _digest_maxima(session: Session, network_id: int) -> str:
    """Return the sha256 of a_hat and a_low of the units that a survey has measured; empty where it measured none."""
    units = (
        select(UnitRow.layer_index, UnitRow.index, UnitRow.a_hat, UnitRow.a_low)
        .where(UnitRow.network_id == network_id, UnitRow.a_hat.is_not(None))
        .order_by(UnitRow.layer_index, UnitRow.index)
    )
    digest, is_known = hashlib.sha256(), False
    for layer, unit, a_hat, a_low in session.read(units):
        is_known = True
        digest.update(struct.pack("<2q2d", layer, unit, a_hat, NAN if a_low is None else a_low))
    return digest.hexdigest() if is_known else ""


def read_feature_statistics(session: Session, *, card: NetworkCard, sha256: str) -> bytes:
    """Return the means and variances of a network's features that a survey measured, by their digest.

    Raises Missing where no survey of the network has them any more.
    """
    table = FeatureStatisticsRow
    data = session.scalar(
        select(table.data)
        .join(SurveyRow, SurveyRow.id == table.survey_id)
        .where(SurveyRow.network_id == network_id(session, card), table.sha256 == sha256)
        .limit(1)
    )
    if data is None:
        raise Missing(
            f"The survey of {card.title} that measured the feature statistics {sha256[:12]} has been removed, or "
            "replaced by a newer one. Ask for the visualization again: it is made with those of the newest survey."
        )
    return data


def _newest_survey(session: Session, network_id: int) -> SurveyKey | None:
    """Return the key of the newest survey of a network, which is read once in a session."""
    known = session.request_cache.newest_surveys
    if network_id not in known:
        row = session.read(
            select(SurveyRow.id, SurveyRow.finished_at)
            .where(SurveyRow.network_id == network_id, SurveyRow.finished_at.is_not(None))
            .order_by(SurveyRow.finished_at.desc(), SurveyRow.id.desc())
            .limit(1)
        ).one_or_none()
        known[network_id] = row and SurveyKey(row.id, row.finished_at)
    return known[network_id]

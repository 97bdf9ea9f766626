"""Finds a network's newest survey, and copies its measures into the rows of the units, where listings need no join."""

from sqlalchemy import case, func, select, update

from app.contract.network import NetworkCard
from app.contract.unit import MIN_DETECTION_PRECISION, UnitRole
from app.store.catalog.counts import recount_units
from app.store.catalog.networks import network_id
from app.store.database.session import Session, SurveyKey
from app.store.database.survey_tables import SurveyRow, UnitEvidenceRow
from app.store.database.tables import UnitRow

SURVEY_COLUMNS = ("a_hat", "a_low", "role", "effective_classes", "detects", "map_x", "map_y", "reach")  # of `units`


def newest_survey_id(session: Session, *, card: NetworkCard) -> int | None:
    """Return the id of the survey that the pages of a network show, None before the first is finished."""
    key = newest_survey_key(session, card=card)
    return key and key.id


def newest_survey_key(session: Session, *, card: NetworkCard) -> SurveyKey | None:
    """Return the key of the survey that the pages of a network show, None before the first is finished."""
    return _newest_survey(session, network_id(session, card))


def denormalize_survey(session: Session, *, network_id: int) -> None:
    """Copy the measures of a network's newest survey into the rows of its units, or clear them where there is none.

    Belongs in the transaction that makes another survey the newest.
    """
    session.request_cache.newest_surveys.clear()
    survey = _newest_survey(session, network_id)
    units = update(UnitRow).where(UnitRow.network_id == network_id).execution_options(synchronize_session=False)
    session.execute(units.values(dict.fromkeys(SURVEY_COLUMNS, None)))
    if survey is not None:
        evidence = UnitEvidenceRow
        session.execute(
            units.where(evidence.survey_id == survey.id, evidence.unit_id == UnitRow.id).values(
                a_hat=evidence.a_hat,
                a_low=evidence.a_low,
                role=func.nullif(evidence.role, ""),
                effective_classes=case((evidence.role.not_in((UnitRole.DEAD, "")), evidence.effective_classes)),
                detects=case((evidence.best_precision >= MIN_DETECTION_PRECISION, evidence.best_class)),
                map_x=evidence.map_x,
                map_y=evidence.map_y,
                reach=case((evidence.a_hat > 0, UnitRow.activation / evidence.a_hat)),
            )
        )
    recount_units(session, network_id=network_id)


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

"""What a survey says of units, kept in the units' own rows: listings filter and sort by it without a join."""

from sqlalchemy import bindparam, case, select, update

from app.contract.unit import MIN_DETECTION_PRECISION, UnitRole
from app.store.catalog.counts import recount
from app.store.database.session import Session, SurveyKey
from app.store.database.survey_tables import EvidenceRow, SurveyRow
from app.store.database.tables import UnitRow

NEWEST = (
    select(SurveyRow.id, SurveyRow.finished_at)
    .where(SurveyRow.network_id == bindparam("network"), SurveyRow.finished_at.is_not(None))
    .order_by(SurveyRow.finished_at.desc(), SurveyRow.id.desc())
    .limit(1)
)
LISTED = ("a_hat", "role", "effective_classes", "detects", "map_x", "map_y", "reach")


def newest_survey(session: Session, *, network_id: int) -> int | None:
    """The survey that pages speak of."""
    key = newest_key(session, network_id=network_id)
    return key and key.id


def newest_key(session: Session, *, network_id: int) -> SurveyKey | None:
    """Looked up once in a session: a page asks for it a dozen times."""
    known = session.request_cache.newest_surveys
    if network_id not in known:
        found = session.read(NEWEST, {"network": network_id}).one_or_none()
        known[network_id] = found and SurveyKey(found.id, found.finished_at)
    return known[network_id]


def list_evidence(session: Session, *, network_id: int) -> None:
    """Give the network's units what its newest survey found of them, or nothing where there is none. For the
    transaction in which another survey becomes the newest.
    """
    session.request_cache.newest_surveys.clear()
    survey = newest_survey(session, network_id=network_id)
    units = update(UnitRow).where(UnitRow.network_id == network_id).execution_options(synchronize_session=False)
    session.execute(units.values(dict.fromkeys(LISTED, None)))
    if survey is not None:
        session.execute(
            units.where(EvidenceRow.survey_id == survey, EvidenceRow.unit_id == UnitRow.id).values(
                a_hat=EvidenceRow.a_hat,
                role=EvidenceRow.role,
                effective_classes=case((EvidenceRow.role != UnitRole.DEAD, EvidenceRow.effective_classes)),
                detects=case((EvidenceRow.best_precision >= MIN_DETECTION_PRECISION, EvidenceRow.best_class)),
                map_x=EvidenceRow.map_x,
                map_y=EvidenceRow.map_y,
                reach=case((EvidenceRow.a_hat > 0, UnitRow.activation / EvidenceRow.a_hat)),
            )
        )
    recount(session, network_id=network_id)

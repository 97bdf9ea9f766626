"""Reads the exposures of people to stimuli, of all sessions, for the rates and the exports."""

from sqlalchemy import select

from app.contract.naming import AnswerMode, NamingRecord, NamingRequest, Shown
from app.store.database.naming_tables import NamingSessionRow, NamingTrialRow
from app.store.database.session import Session
from app.store.database.tables import NetworkRow
from app.store.naming.trials import as_trial


def read_records(session: Session, *, owner: str | None = None) -> list[NamingRecord]:
    """Return all exposures in the order of time, or those of one person.

    Those of sessions that are open are among them, because a stimulus that was shown in one is no news in the next.
    """
    statement = (
        select(NamingTrialRow, NamingSessionRow, NetworkRow.slug)
        .join(NamingSessionRow, NamingSessionRow.id == NamingTrialRow.session_id)
        .join(NetworkRow, NetworkRow.id == NamingSessionRow.network_id)
        .where(NamingTrialRow.issued_at.is_not(None))
        .order_by(NamingTrialRow.issued_at, NamingTrialRow.session_id, NamingTrialRow.number)
    )
    if owner is not None:
        statement = statement.where(NamingSessionRow.owner == owner)
    return [_record(trial, row, slug) for trial, row, slug in session.execute(statement)]


def _record(trial: NamingTrialRow, row: NamingSessionRow, network: str) -> NamingRecord:
    request = NamingRequest.model_validate(row.request)
    return NamingRecord(
        **vars(as_trial(trial)),
        session=row.id,
        owner=row.owner,
        network=network,
        shown=Shown(request.shown),
        answers=AnswerMode(request.answers),
        naive=request.naive,
        feedback=request.feedback,
        has_ended=row.ended_at is not None,
    )

"""Reads the exposures of people to stimuli, of all sessions, for the rates and the exports."""

from typing import Any

from sqlalchemy import select

from app.contract.naming import NamingRecord, NamingRequest
from app.store.database.naming_tables import NamingSessionRow, NamingTrialRow
from app.store.database.session import Session
from app.store.database.tables import NetworkRow

TRIAL_FIELDS = (
    *("number", "class_index", "recipe_key", "recipe_seed", "is_control", "seed"),
    *("issued_at", "answered_at", "answer", "words", "is_right", "seconds"),
)


def read_records(session: Session, *, owner: str | None = None) -> list[NamingRecord]:
    """Return all exposures in the order of time, or those of one person.

    Those of sessions that are open are among them, because a stimulus that was shown in one is no news in the next.
    """
    of_session = {row.id: _session_fields(row, network) for row, network in _read_sessions(session, owner)}
    columns = [getattr(NamingTrialRow, name) for name in TRIAL_FIELDS]
    statement = (
        select(NamingTrialRow.session_id, NamingTrialRow.visualization_id, *columns)
        .join(NamingSessionRow, NamingSessionRow.id == NamingTrialRow.session_id)
        .where(NamingTrialRow.issued_at.is_not(None))
        .order_by(NamingTrialRow.issued_at, NamingTrialRow.session_id, NamingTrialRow.number)
    )
    if owner is not None:
        statement = statement.where(NamingSessionRow.owner == owner)
    return [
        # What the database holds was checked when it was written; to check it again takes most of the time.
        NamingRecord.model_construct(
            **of_session[session_id], visualization=visualization, **dict(zip(TRIAL_FIELDS, fields, strict=True))
        )
        for session_id, visualization, *fields in session.read(statement)
        if session_id in of_session
    ]


def _read_sessions(session: Session, owner: str | None) -> list[tuple[NamingSessionRow, str]]:
    statement = select(NamingSessionRow, NetworkRow.slug).join(NetworkRow, NetworkRow.id == NamingSessionRow.network_id)
    if owner is not None:
        statement = statement.where(NamingSessionRow.owner == owner)
    return [(row, network) for row, network in session.execute(statement)]


def _session_fields(row: NamingSessionRow, network: str) -> dict[str, Any]:
    request = NamingRequest.model_validate(row.request)
    return {
        "session": row.id,
        "owner": row.owner,
        "network": network,
        "shown": request.shown,
        "answers": request.answers,
        "naive": request.naive,
        "feedback": request.feedback,
        "has_ended": row.ended_at is not None,
    }

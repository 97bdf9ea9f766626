"""Ends queued visualizations whose results have come from elsewhere meanwhile."""

from sqlalchemy import func, select, update

from app.contract.job import JobKind, JobState
from app.contract.network import NetworkCard
from app.store.catalog.networks import network_id
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import JobRow, VisualizationRow
from app.store.jobs.rows import change_values, date_at_commit


def finish_answered(session: Session, *, card: NetworkCard) -> int:
    """End the queued visualizations of a network that have a result, which is theirs then; return their number."""
    moment = now(session)
    result = (
        select(func.min(VisualizationRow.id))
        .where(VisualizationRow.unit_id == JobRow.unit_id, VisualizationRow.recipe_key == JobRow.recipe_key)
        .scalar_subquery()
    )
    answered = (
        update(JobRow)
        .where(JobRow.network_id == network_id(session, card), JobRow.kind == JobKind.VISUALIZE)
        .where(JobRow.state == JobState.QUEUED, result.is_not(None))
        .values(state=JobState.DONE, visualization_id=result, finished_at=moment, **change_values(moment))
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    )
    ids = session.scalars(answered).all()
    date_at_commit(session, moment)
    session.expire_all()
    return len(ids)

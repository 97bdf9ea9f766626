"""What the parts of a network's surveys cost, from which the time of its next survey is estimated."""

from sqlalchemy import select

from app.contract.network import NetworkCard
from app.contract.survey import MeasuredPart
from app.contract.survey_part import SurveyPart
from app.store.catalog.networks import network_id
from app.store.database.session import Session
from app.store.database.survey_tables import SurveyPartRow, SurveyRow

CostByPart = dict[SurveyPart, tuple[MeasuredPart, int]]  # with the number of clips of its survey


def newest_costs(session: Session, *, card: NetworkCard) -> CostByPart:
    """Return what each part cost in the newest survey of the network that has it, and that survey's clips."""
    rows = session.execute(
        select(SurveyPartRow, SurveyRow.clips)
        .join(SurveyRow, SurveyRow.id == SurveyPartRow.survey_id)
        .where(SurveyRow.network_id == network_id(session, card), SurveyRow.finished_at.is_not(None))
        .where(SurveyPartRow.seconds > 0)
        .order_by(SurveyRow.finished_at)
    )
    known = set(SurveyPart)
    return {
        SurveyPart(row.part): (MeasuredPart(part=row.part, seconds=row.seconds, **(row.cost or {})), clips)
        for row, clips in rows
        if row.part in known
    }


def pass_seconds(session: Session, *, card: NetworkCard) -> dict[SurveyPart, float]:
    """Return the seconds of a forward pass, with all that goes with it, by part, where a survey measured them."""
    costs = newest_costs(session, card=card)
    return {part: cost.seconds / cost.passes for part, (cost, _) in costs.items() if cost.passes}


def estimate_seconds(session: Session, *, card: NetworkCard, clips: int) -> dict[SurveyPart, float]:
    """Return the seconds that each part may take on so many clips, for parts that the network was surveyed with.

    Parts grow with the clips, up to the most passes that they take of any number of clips.
    """
    costs = newest_costs(session, card=card)
    return {part: _scale_seconds(cost, clips / max(1, of_clips)) for part, (cost, of_clips) in costs.items()}


def _scale_seconds(cost: MeasuredPart, factor: float) -> float:
    """Return the seconds of a part that took `cost`, for so many times the clips."""
    if cost.passes and cost.most_passes is not None:
        factor = min(factor, cost.most_passes / cost.passes)
    return cost.seconds * factor

"""How far a survey is, for the job's page."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.contract.job import PlannedPart


@dataclass(frozen=True)
class StageProgress:
    """How far a survey is in its present stage: in clips, forward passes, or units saved.

    `stage` names it (a part of the survey, `flow` or `save`); `description` completes the sentence "this part of the
    survey ..." on the job's page. `parts` are those of the whole survey.
    """

    stage: str
    description: str
    done: int
    total: int
    parts: tuple[PlannedPart, ...] = field(default=(), compare=False)


ObserveStage = Callable[[StageProgress], None]  # may raise to stop: the next start continues from the checkpoint

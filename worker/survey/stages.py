"""The stages of a survey, in their order."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Stage(Enum):
    """A part of a survey; its value completes the sentence "this part of the survey ..." on the job's page."""

    FLOW = "computes the motion that pages show"
    RECORD = "shows every clip"
    PROBE = "shows the strongest clips slower, faster, turned, and one stream alone"
    ATTRIBUTE = "finds the classes that units feed"
    SWAP = "shows the picture of one clip with the motion of another"
    MASK = "shows clips with grey in the place of what moves, or of all else"
    CONTROL = "shows every clip to the same network with its weights shuffled"
    SAVE = "saves what each unit did"

    @property
    def description(self) -> str:
        """The stage's number and what it does, for the job's page."""
        return f"part {list(Stage).index(self) + 1} of {len(Stage)}, {self.value}"


@dataclass(frozen=True)
class StageProgress:
    """How far a survey is in its present stage: in clips, forward passes, or units saved."""

    stage: Stage
    done: int
    total: int


ObserveStage = Callable[[StageProgress], None]  # may raise to stop: the next start continues from the checkpoint

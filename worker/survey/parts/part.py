"""A part of a survey: what it measures, and how many forward passes it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.contract.survey_part import PartConstants, SurveyPart
from worker.evidence.pass_budget import MAX_OPERATIONS, MIN_PASSES
from worker.evidence.resampling import COVERED, FALSE_DISCOVERY_RATE, MIN_GROUPS
from worker.evidence.shuffled_weights import CALIBRATION_CLIPS
from worker.evidence.shuffled_weights import SEED as CONTROL_SEED
from worker.evidence.types import Observe, UnitKey
from worker.survey.context import SurveyContext

# Constants that several parts have
INTERVALS: PartConstants = {"interval_percentiles": COVERED, "min_groups_of_a_class": MIN_GROUPS}
CONTROL: PartConstants = {"control_seed": CONTROL_SEED, "control_calibration_clips": CALIBRATION_CLIPS}
BUDGET: PartConstants = {"max_operations": MAX_OPERATIONS, "min_passes": MIN_PASSES}
DISCOVERIES: PartConstants = {"false_discovery_rate": FALSE_DISCOVERY_RATE}


@dataclass(frozen=True)
class PartResult:
    """What a part measured: of the network as a whole, and of its units.

    `facts` become the field of SurveyFacts that has the part's name; `units` has fields of UnitEvidence by unit.
    """

    facts: Any = None
    units: Mapping[UnitKey, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A part of a survey; `description` completes the sentence "this part of the survey ..." on the job's page.

    `measure` reports the passes done and their total. `most_passes` are those that it takes of any number of clips,
    None where they grow with the clips. `applies` says whether there is something to measure.
    `unit_fields` are the fields of UnitEvidence that it measures: a unit has none of them where it says nothing of it.
    `constants` are the numbers in the code that determine what it finds, by a name for people: how often it draws, from
    what on something counts, how many clips it takes. They are recorded with the survey, and stand in the protocol.
    """

    name: SurveyPart
    description: str
    measure: Callable[[SurveyContext, Observe], PartResult]
    count_passes: Callable[[SurveyContext], int]
    applies: Callable[[SurveyContext], bool] = lambda context: True
    unit_fields: tuple[str, ...] = ()
    constants: PartConstants = field(default_factory=dict)
    most_passes: Callable[[SurveyContext], int | None] = lambda context: None

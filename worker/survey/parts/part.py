"""A part of a survey: what it measures, and how many forward passes it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.contract.survey_part import SurveyPart
from worker.evidence.types import Observe, UnitKey
from worker.survey.context import SurveyContext


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

    `measure` reports the passes done and their total. `applies` says whether there is something to measure.
    `unit_fields` are the fields of UnitEvidence that it measures: a unit has none of them where it says nothing of it.
    """

    name: SurveyPart
    description: str
    measure: Callable[[SurveyContext, Observe], PartResult]
    count_passes: Callable[[SurveyContext], int]
    applies: Callable[[SurveyContext], bool] = lambda context: True
    unit_fields: tuple[str, ...] = ()

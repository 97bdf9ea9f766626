"""How long each part of a survey may take: forward passes, times the seconds of a pass."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.contract.job import PlannedPart
from app.contract.survey import MeasuredPart
from app.contract.survey_part import SurveyPart
from worker.evidence.stopwatch import Stopwatch
from worker.survey.context import SurveyContext
from worker.survey.parts.part import Part

RECORDING = "shows every clip"
RECORDING_AGAIN = "shows every clip again, because what was recorded of them is not on this machine"

log = logging.getLogger(__name__)


class SurveyPlan:
    """The parts of a survey in their order, with what each may cost, and what it did cost once it has ended.

    `pass_seconds` are the seconds of a pass by part, measured in an earlier survey of the network. Parts without take
    those of the recording. `clips` are still to be recorded.
    """

    def __init__(self, parts: Sequence[Part], clips: int, pass_seconds: Mapping[SurveyPart, float]) -> None:
        self.descriptions = {SurveyPart.RECORD: RECORDING} | {part.name: part.description for part in parts}
        self.pass_seconds = dict(pass_seconds)
        self.planned = {name: PlannedPart(part=name) for name in self.descriptions}
        self._note(SurveyPart.RECORD, clips)

    @property
    def parts(self) -> tuple[PlannedPart, ...]:
        return tuple(self.planned.values())

    def describe(self, part: SurveyPart) -> str:
        """Return the number of a part and what it does, for the job's page."""
        number = 1 + list(self.descriptions).index(part)
        return f"part {number} of {len(self.descriptions)}, {self.descriptions[part]}"

    def count_passes(self, parts: Sequence[Part], context: SurveyContext) -> None:
        """Count the passes of the parts, which can be told once the clips are recorded."""
        for part in parts:
            try:
                if part.applies(context):
                    self._note(part.name, part.count_passes(context), part.most_passes(context))
            except Exception:  # what cannot be counted may still be measured
                log.exception("The passes of the part %s cannot be counted.", part.name)

    def finish(self, part: SurveyPart, seconds: float, spent: Stopwatch | None) -> MeasuredPart:
        """Note that a part has ended; `spent` is where its time went, None where that is not known of all of it."""
        planned = self.planned[part].model_copy(update={"seconds": seconds})
        self.planned[part] = planned
        if part is SurveyPart.RECORD and planned.passes and spent is not None:
            self.pass_seconds.setdefault(part, seconds / planned.passes)
        return MeasuredPart(
            part=part,
            seconds=seconds,
            passes=planned.passes,
            most_passes=planned.most_passes,
            decode_seconds=None if spent is None else spent.decode,
            forward_seconds=None if spent is None else spent.forward,
        )

    def take_over(self, measured: MeasuredPart) -> None:
        """Note that a part had ended before the survey was stopped."""
        done = {"passes": measured.passes, "most_passes": measured.most_passes, "seconds": measured.seconds}
        self.planned[measured.part] = self.planned[measured.part].model_copy(update=done)

    def _note(self, part: SurveyPart, passes: int, most_passes: int | None = None) -> None:
        each = self.pass_seconds.get(part, self.pass_seconds.get(SurveyPart.RECORD))
        estimate = None if each is None else each * passes
        self.planned[part] = PlannedPart(part=part, passes=passes, most_passes=most_passes, estimate=estimate)


def spent_since(before: Stopwatch, now: Stopwatch) -> Stopwatch:
    """Return what a stopwatch added since a copy of it was made."""
    return replace(
        now, decode=now.decode - before.decode, forward=now.forward - before.forward, passes=now.passes - before.passes
    )

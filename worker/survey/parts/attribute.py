"""The classes that units contribute to, on a few of their strongest clips."""

from collections.abc import Sequence

from app.contract.survey_part import SurveyPart
from worker.evidence.class_attributions import CLIPS_PER_UNIT, class_attributions
from worker.evidence.clip_cover import cover_units, keep_chosen
from worker.evidence.pass_budget import thin_out
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import BUDGET, Part, PartResult


def measure_attributions(context: SurveyContext, observe: Observe) -> PartResult:
    """Measure which classes' logits the units change."""
    strongest = context.checkpoint.strongest_clips(context.attributed_layers)
    chosen = _choose_clips(context)
    shared = {name: keep_chosen(clips, chosen, CLIPS_PER_UNIT) for name, clips in strongest.items()}
    attributions = class_attributions(context.network, shared, context.read_clips, observe)
    return PartResult(units={unit: {"class_attributions": classes} for unit, classes in attributions.items()})


def _choose_clips(context: SurveyContext) -> Sequence[int]:
    """Choose clips so that each unit has three of its strongest, or two or one where three take too many passes."""
    strongest = context.checkpoint.strongest_clips(context.attributed_layers)
    most = context.pass_budget // _passes_per_clip(context)
    for clips_per_unit in range(CLIPS_PER_UNIT, 0, -1):
        chosen = cover_units(strongest.values(), clips_per_unit)
        if len(chosen) <= most:
            break
    return thin_out(chosen, most)


def _passes_per_clip(context: SurveyContext) -> int:
    return 1 + len(context.attributed_layers)


def _count_passes(context: SurveyContext) -> int:
    return len(_choose_clips(context)) * _passes_per_clip(context)


ATTRIBUTE = Part(
    SurveyPart.ATTRIBUTE,
    "finds the classes that units feed",
    measure_attributions,
    _count_passes,
    applies=lambda context: bool(context.attributed_layers),
    most_passes=lambda context: context.pass_budget,
    unit_fields=("class_attributions",),
    constants={
        **BUDGET,
        "clips_of_a_unit": CLIPS_PER_UNIT,
    },
)

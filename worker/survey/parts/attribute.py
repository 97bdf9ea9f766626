"""The classes that units contribute to, on a few of their strongest clips."""

from app.contract.survey_part import SurveyPart
from worker.evidence.class_attributions import CLIPS_PER_UNIT, class_attributions
from worker.evidence.clip_cover import cover_units, keep_chosen
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import Part, PartResult


def measure_attributions(context: SurveyContext, observe: Observe) -> PartResult:
    """Measure which classes' logits the units change."""
    strongest = context.checkpoint.strongest_clips(context.attributed_layers)
    chosen = cover_units(strongest.values(), CLIPS_PER_UNIT)
    shared = {name: keep_chosen(clips, chosen, CLIPS_PER_UNIT) for name, clips in strongest.items()}
    attributions = class_attributions(context.network, shared, context.read_clips, observe)
    return PartResult(units={unit: {"class_attributions": classes} for unit, classes in attributions.items()})


def _count_passes(context: SurveyContext) -> int:
    strongest = context.checkpoint.strongest_clips(context.attributed_layers)
    return len(cover_units(strongest.values(), CLIPS_PER_UNIT)) * (1 + len(context.attributed_layers))


ATTRIBUTE = Part(
    SurveyPart.ATTRIBUTE,
    "finds the classes that units feed",
    measure_attributions,
    _count_passes,
    applies=lambda context: bool(context.attributed_layers),
    unit_fields=("class_attributions",),
    constants={
        "clips_of_a_unit": CLIPS_PER_UNIT,
    },
)

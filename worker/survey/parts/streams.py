"""What each of two streams contributes to the classes, by swapping them between clips."""

from app.contract.survey_part import SurveyPart
from worker.evidence.appearance_bias import FOREGROUND_PX
from worker.evidence.streams import (
    BIAS_CLIPS,
    DONORS,
    MAX_CLIPS,
    MAX_REMEASURED_PAIRS,
    MIN_FUSED_AREA,
    OTHER_CLASS_CLIPS,
    PAIR_CLIPS,
    stream_facts,
)
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import BUDGET, Part, PartResult


def measure_streams(context: SurveyContext, observe: Observe) -> PartResult:
    """Measure what each stream contributes; the facts are None for a network of one stream."""
    return PartResult(
        stream_facts(
            context.network,
            context.read_clips,
            context.labels,
            context.logits,
            observe,
            max_clips=_count_clips(context),
        )
    )


def _count_clips(context: SurveyContext) -> int:
    return min(len(context.recorded), _most_clips(context))


def _most_clips(context: SurveyContext) -> int:
    return min(MAX_CLIPS, context.pass_budget // (1 + DONORS))


STREAMS = Part(
    SurveyPart.STREAMS,
    "shows the picture of one clip with the motion of another",
    measure_streams,
    count_passes=lambda context: _count_clips(context) + DONORS,
    most_passes=lambda context: _most_clips(context) + DONORS,
    applies=lambda context: bool(context.probed_layers and context.card.classes) and len(context.card.streams) > 1,
    constants={
        **BUDGET,
        "donors_of_a_clip": DONORS,
        "max_clips": MAX_CLIPS,
        "min_fused_area": MIN_FUSED_AREA,
        "remeasured_pairs": MAX_REMEASURED_PAIRS,
        "clips_of_a_remeasured_class": PAIR_CLIPS,
        "clips_of_other_classes": OTHER_CLASS_CLIPS,
        "clips_of_a_suspected_class": BIAS_CLIPS,
        "foreground_px": FOREGROUND_PX,
    },
)

"""How classes are recognised by the foreground and by the background of their clips."""

from app.contract.survey_part import SurveyPart
from worker.evidence.masking import (
    BLOCKS_PER_SIDE,
    FOREGROUND_PX,
    MAX_CLIPS,
    MAX_CLIPS_PER_CLASS,
    MAX_FOREGROUND,
    MIN_FOREGROUND,
    masked_classes,
)
from worker.evidence.measures import softmax
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import BUDGET, Part, PartResult


def measure_masked(context: SurveyContext, observe: Observe) -> PartResult:
    """Measure the probabilities of classes on clips of which only the foreground, or the background, can be seen."""
    labels = context.labels.tolist()
    probabilities = {
        number: float(softmax(logits)[labels[number]])
        for number, logits in context.logits.items()
        if logits.argmax() == labels[number]
    }
    return PartResult(
        masked_classes(
            context.network, context.read_clips, labels, probabilities, observe, max_clips=_count_clips(context)
        )
    )


def _count_clips(context: SurveyContext) -> int:
    return min(len(context.recorded), _most_clips(context))


def _most_clips(context: SurveyContext) -> int:
    return min(MAX_CLIPS, context.pass_budget // 2)


MASK = Part(
    SurveyPart.MASK,
    "shows clips with grey in the place of what moves, or of all else",
    measure_masked,
    count_passes=lambda context: 2 * _count_clips(context),
    most_passes=lambda context: 2 * _most_clips(context),
    applies=lambda context: bool(context.probed_layers and context.card.classes),
    constants={
        **BUDGET,
        "max_clips": MAX_CLIPS,
        "max_clips_of_a_class": MAX_CLIPS_PER_CLASS,
        "blocks_of_a_side": BLOCKS_PER_SIDE,
        "foreground_px": FOREGROUND_PX,
        "min_foreground": MIN_FOREGROUND,
        "max_foreground": MAX_FOREGROUND,
    },
)

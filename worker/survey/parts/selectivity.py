"""How many units answer to few classes, beside chance and the network with its weights shuffled."""

from app.contract.survey_part import SurveyPart
from worker.evidence.selectivity import MAX_DRAWS, MAX_PRODUCTS, MIN_DRAWS, measure_selectivity
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import CONTROL, DISCOVERIES, INTERVALS, Part, PartResult


def measure_specific_units(context: SurveyContext, observe: Observe) -> PartResult:
    """Measure the selectivity of every layer; nothing where too few clips are independent."""
    if not context.clips.can_be_resampled:
        return PartResult(())
    return PartResult(measure_selectivity(context.checkpoint, context.record_control(observe), context.clips))


SELECTIVITY = Part(
    SurveyPart.SELECTIVITY,
    "shows every clip to the same network with its weights shuffled",
    measure_specific_units,
    count_passes=lambda context: len(context.recorded),
    applies=lambda context: bool(context.probed_layers),
    constants={
        **INTERVALS,
        **DISCOVERIES,
        **CONTROL,
        "min_permutations": MIN_DRAWS,
        "max_permutations": MAX_DRAWS,
        "clips_x_units_x_permutations": MAX_PRODUCTS,
    },
)

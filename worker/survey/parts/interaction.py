"""How a network puts its two streams together, on real appearances with real motions of other clips."""

from app.contract.survey_part import SurveyPart
from worker.evidence.fusion_study import count_passes, study_fusion
from worker.evidence.synergy import MOTION
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import Part, PartResult


def measure_interaction(context: SurveyContext, observe: Observe) -> PartResult:
    """Measure the interaction of units by layer, and which classes need both streams."""
    study = study_fusion(
        context.network,
        context.control,
        context.read_clips,
        context.recorded.tolist(),
        [context.samples[number].name for number in context.recorded],
        context.clips,
        context.logits if context.card.classes else None,
        observe,
        context.seed,
    )
    return PartResult(study.facts, {unit: {"interaction": found} for unit, found in study.units.items()})


def _has_two_streams(context: SurveyContext) -> bool:
    streams = {stream.name for stream in context.card.streams}
    return bool(context.probed_layers) and MOTION in streams and len(streams) > 1


INTERACTION = Part(
    SurveyPart.INTERACTION,
    "combines the appearance of each clip with the motion of others, in this network and in its control",
    measure_interaction,
    count_passes=lambda context: count_passes(len(context.recorded)),
    applies=_has_two_streams,
    unit_fields=("interaction",),
)

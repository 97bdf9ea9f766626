"""How a network puts its two streams together, on real appearances with real motions of other clips."""

import numpy as np

from app.contract.survey_part import SurveyPart
from worker.evidence.fusion_plan import DONORS, MAX_SCORED, MAX_SIDE, REDRAWN, count_fusion_passes
from worker.evidence.fusion_study import DRAWS, study_fusion
from worker.evidence.interaction import ADDS_BELOW, CONTROL_QUANTILE, MIN_ACTIVE, MIN_NULL_VARIANCE, MIN_VARIANCE
from worker.evidence.pair_separation import (
    MAX_ONE_STREAM,
    MAX_REMEASURED,
    MAX_SHUFFLES,
    MIN_FUSED,
    MIN_GAIN,
    MIN_SHUFFLES,
    PAIR_CLIPS,
    SHUFFLES_PER_PAIR,
)
from worker.evidence.stream_scores import SHUFFLES
from worker.evidence.synergy import MOTION
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import BUDGET, CONTROL, DISCOVERIES, INTERVALS, Part, PartResult


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
        context.pass_budget,
    )
    return PartResult(study.facts, {unit: {"interaction": found} for unit, found in study.units.items()})


def _count_passes(context: SurveyContext, clips: int) -> int:
    return count_fusion_passes(
        context.network, clips, len(np.unique(context.recorded_labels)), max_passes=context.pass_budget
    )


def _has_two_streams(context: SurveyContext) -> bool:
    streams = {stream.name for stream in context.card.streams}
    return bool(context.probed_layers) and MOTION in streams and len(streams) > 1


INTERACTION = Part(
    SurveyPart.INTERACTION,
    "combines the appearance of each clip with the motion of others, in this network and in its control",
    measure_interaction,
    count_passes=lambda context: _count_passes(context, len(context.recorded)),
    most_passes=lambda context: _count_passes(context, MAX_SCORED),
    applies=_has_two_streams,
    unit_fields=("interaction",),
    constants={
        **BUDGET,
        **INTERVALS,
        **DISCOVERIES,
        **CONTROL,
        "max_clips_of_a_side": MAX_SIDE,
        "max_clips_of_accuracy": MAX_SCORED,
        "donors_of_a_clip": DONORS,
        "redrawn_controls": REDRAWN,
        "resamples": DRAWS,
        "shuffles_of_labels": SHUFFLES,
        "control_quantile": CONTROL_QUANTILE,
        "adds_below": ADDS_BELOW,
        "min_active": MIN_ACTIVE,
        "min_variance": MIN_VARIANCE,
        "min_null_variance": MIN_NULL_VARIANCE,
        "min_fused_area": MIN_FUSED,
        "min_gain_of_a_pair": MIN_GAIN,
        "remeasured_pairs": MAX_REMEASURED,
        "pairs_of_one_stream": MAX_ONE_STREAM,
        "clips_of_a_remeasured_class": PAIR_CLIPS,
        "shuffles_of_a_pair": SHUFFLES_PER_PAIR,
        "min_shuffles_of_pairs": MIN_SHUFFLES,
        "max_shuffles_of_pairs": MAX_SHUFFLES,
    },
)

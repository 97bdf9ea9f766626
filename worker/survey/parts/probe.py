"""Tuning and synergy of the probed layers' units, on changed versions of their strongest clips."""

from app.contract.survey_part import SurveyPart
from worker.evidence.probe_plan import CLIPS_PER_UNIT, ProbePlan, plan_affordable_probe
from worker.evidence.probing import probe
from worker.evidence.tuning import DIRECTION_DEGREES, SPEED_FACTORS
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import BUDGET, Part, PartResult

MAX_PASSES_PER_CLIP = 10  # forward passes of probes, for each clip of the survey


def measure_tuning(context: SurveyContext, observe: Observe) -> PartResult:
    """Measure the tuning and the synergy of units."""
    plan = _plan(context)
    clips = context.read_clips(plan.reading_order)
    probed = probe(context.network, plan, clips, dict(enumerate(context.labels.tolist())), context.stimuli, observe)
    return PartResult(
        units={
            unit: {"synergy": result.synergy, "speed": result.speed, "direction": result.direction}
            for unit, result in probed.items()
        }
    )


def _plan(context: SurveyContext) -> ProbePlan:
    strongest = context.checkpoint.strongest_clips(context.probed_layers)
    labels = dict(enumerate(context.labels.tolist()))
    return plan_affordable_probe(
        context.card,
        context.probed_layers,
        strongest,
        labels,
        min(MAX_PASSES_PER_CLIP * len(labels), context.pass_budget),
    )


PROBE = Part(
    SurveyPart.PROBE,
    "shows the strongest clips slower, faster, turned, and one stream alone",
    measure_tuning,
    count_passes=lambda context: _plan(context).passes,
    applies=lambda context: bool(context.probed_layers),
    most_passes=lambda context: context.pass_budget,
    unit_fields=("synergy", "speed", "direction"),
    constants={
        **BUDGET,
        "clips_of_a_unit": CLIPS_PER_UNIT,
        "max_passes_per_clip": MAX_PASSES_PER_CLIP,
        "speed_factors": SPEED_FACTORS,
        "degrees": DIRECTION_DEGREES,
    },
)

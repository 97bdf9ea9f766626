"""Which units the classes need: what they lose where single units, or sets of them, are silenced."""

from app.contract.survey_part import SurveyPart
from worker.evidence.measure_necessity import RecordedNetwork, count_silencing_passes, measure_necessity
from worker.evidence.probe_plan import tuned_layers
from worker.evidence.silencing import silenceable_layers
from worker.evidence.types import Observe
from worker.survey.context import SurveyContext
from worker.survey.parts.part import Part, PartResult


def measure_silencing(context: SurveyContext, observe: Observe) -> PartResult:
    """Silence units of the network, and of its control, on every recorded clip."""
    has_all_layers = set(tuned_layers(context.card)) <= set(context.probed_layers)
    facts, units = measure_necessity(
        RecordedNetwork(context.network, context.checkpoint),
        lambda: RecordedNetwork(context.control, context.record_control(observe)),
        context.recorded.tolist(),
        context.clips,
        context.read_clips,
        context.seed,
        observe,
        layers=None if has_all_layers else context.probed_layers,
    )
    return PartResult(facts, {unit: {"necessity": necessity} for unit, necessity in units.items()})


SILENCE = Part(
    SurveyPart.SILENCE,
    "silences units, and looks what each class loses",
    measure_silencing,
    count_passes=lambda context: count_silencing_passes(len(context.recorded)),
    applies=lambda context: (
        len(context.card.classes) > 1 and not {*context.probed_layers}.isdisjoint(silenceable_layers(context.card))
    ),
    unit_fields=("necessity",),
)

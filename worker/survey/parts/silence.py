"""Which units the classes need: what they lose where single units, or sets of them, are silenced."""

from app.contract.necessity import MIN_CHANGED_GROUPS, MIN_MARGIN_FALL, SEVERAL_CLASSES
from app.contract.survey_part import SurveyPart
from worker.evidence.clip_choice import CLIPS_PER_CLASS
from worker.evidence.detector_need import DRAWS
from worker.evidence.measure_necessity import RecordedNetwork, measure_necessity
from worker.evidence.necessity import MAX_DRAWS, MAX_PRODUCTS, MIN_DRAWS
from worker.evidence.necessity_facts import MIN_CORRELATED_UNITS, RESAMPLES
from worker.evidence.probe_plan import tuned_layers
from worker.evidence.silencing import silenceable_layers
from worker.evidence.silencing_plan import (
    MAX_PASSES,
    MAX_VALUES,
    MAX_WHOLE_LAYER_PASSES,
    MEAN_CLIPS,
    MIN_PASSES,
    SAMPLED_UNITS,
    plan_effort,
)
from worker.evidence.types import Observe
from worker.evidence.unit_sets import MAX_CLASSES, MIN_CLASSES, SET_SHARE
from worker.survey.context import SurveyContext
from worker.survey.parts.part import BUDGET, CONTROL, DISCOVERIES, INTERVALS, Part, PartResult


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
        budget=context.pass_budget,
    )
    return PartResult(facts, {unit: {"necessity": necessity} for unit, necessity in units.items()})


SILENCE = Part(
    SurveyPart.SILENCE,
    "silences units, and looks what each class loses",
    measure_silencing,
    count_passes=lambda context: plan_effort(len(context.recorded), context.pass_budget).passes,
    most_passes=lambda context: context.pass_budget,
    applies=lambda context: (
        len(context.card.classes) > 1 and not {*context.probed_layers}.isdisjoint(silenceable_layers(context.card))
    ),
    unit_fields=("necessity",),
    constants={
        **BUDGET,
        **INTERVALS,
        **DISCOVERIES,
        **CONTROL,
        "min_margin_fall": MIN_MARGIN_FALL,
        "min_changed_groups": MIN_CHANGED_GROUPS,
        "several_classes": SEVERAL_CLASSES,
        "min_permutations": MIN_DRAWS,
        "max_permutations": MAX_DRAWS,
        "units_x_groups_x_permutations": MAX_PRODUCTS,
        "resamples": RESAMPLES,
        "exchanges_of_detectors": DRAWS,
        "clips_of_a_mean": MEAN_CLIPS,
        "max_passes_per_clip": MAX_PASSES,
        "min_passes_per_clip": MIN_PASSES,
        "max_passes_of_a_whole_layer": MAX_WHOLE_LAYER_PASSES,
        "sampled_units": SAMPLED_UNITS,
        "clips_of_a_chosen_class": CLIPS_PER_CLASS,
        "max_sets_x_groups": MAX_VALUES,
        "detector_share": SET_SHARE,
        "min_classes_with_detectors": MIN_CLASSES,
        "max_classes_with_detectors": MAX_CLASSES,
        "min_correlated_units": MIN_CORRELATED_UNITS,
    },
)

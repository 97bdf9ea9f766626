"""Which changes of real clips repair the errors of a network, or cause them."""

import math

import numpy as np

from app.contract.survey_part import SurveyPart
from worker.evidence.repairs.chosen_clips import MAX_CLIPS, MAX_COMPARED, MAX_MISSED, PARTNERS, SurveyedClips
from worker.evidence.repairs.occlusion import MAX_ERRORS as MAX_COVERED
from worker.evidence.repairs.occlusion import STEP, WINDOW
from worker.evidence.repairs.patch_units import MAX_ERRORS as MAX_UNIT_ERRORS
from worker.evidence.repairs.patch_units import MIN_FALL
from worker.evidence.repairs.patch_words import DISTINCTIVE_PERCENTILE
from worker.evidence.repairs.picture_blocks import BLOCKS
from worker.evidence.repairs.picture_contrast import PERMUTATIONS, REGION_SHARE
from worker.evidence.repairs.proportions import MAX_EXACT_GROUPS, SIGN_DRAWS
from worker.evidence.repairs.study import (
    MAX_ACCURACY_P,
    MAX_CLASSES,
    MAX_P_VALUE,
    MAX_PASSES_PER_CLIP,
    MIN_ERRORS,
    MIN_ERRORS_FOR_PATCH,
    SHUFFLES,
    count_study_passes,
    max_passes,
    measure_repairs,
)
from worker.evidence.types import Floats, Observe
from worker.networks.preprocessing import visible_share
from worker.survey.context import SurveyContext
from worker.survey.parts.part import BUDGET, CONTROL, Part, PartResult


def measure(context: SurveyContext, observe: Observe) -> PartResult:
    """Change clips of the classes that attract most errors, and look for what the errors have in common."""

    def read_largest(layer: str) -> Floats:
        chunks = [peaks.max(0) for _, peaks in context.checkpoint.unit_chunks(layer)]
        return np.asarray(np.concatenate(chunks))

    facts = measure_repairs(
        context.network,
        context.read_clips,
        surveyed_clips(context),
        read_largest=read_largest,
        control=lambda: context.control,
        visible=visible_share(context.card),
        observe=observe,
        seed=context.seed,
        budget=context.pass_budget,
    )
    return PartResult(facts)


def surveyed_clips(context: SurveyContext) -> SurveyedClips:
    """Return the recorded clips with their logits and groups."""
    names = [context.samples[number].name for number in context.recorded]
    logits = np.stack([context.logits[number] for number in context.recorded.tolist()])
    return SurveyedClips(context.recorded, names, context.recorded_labels, logits, context.clips.groups)


def count_passes(context: SurveyContext) -> int:
    """Return how many passes the part takes, about; before the clips are recorded, the most that it may take."""
    if not len(context.recorded):
        return max_passes(len(context.samples), context.pass_budget)
    return count_study_passes(context.network, surveyed_clips(context), context.seed, context.pass_budget)


REPAIRS = Part(
    SurveyPart.REPAIRS,
    "shows misclassified clips with parts of others, and others with parts of these",
    measure,
    count_passes=count_passes,
    most_passes=lambda context: max_passes(math.inf, context.pass_budget),
    applies=lambda context: bool(context.probed_layers and context.card.classes),
    constants={
        **BUDGET,
        **CONTROL,
        "min_errors": MIN_ERRORS,
        "min_errors_for_a_patch": MIN_ERRORS_FOR_PATCH,
        "max_classes": MAX_CLASSES,
        "max_clips": MAX_CLIPS,
        "max_missed_clips": MAX_MISSED,
        "max_compared_clips": MAX_COMPARED,
        "partners": PARTNERS,
        "max_passes_per_clip": MAX_PASSES_PER_CLIP,
        "max_accuracy_p": MAX_ACCURACY_P,
        "max_patch_p": MAX_P_VALUE,
        "shuffles_of_labels": SHUFFLES,
        "permutations_of_the_patch": PERMUTATIONS,
        "region_share": REGION_SHARE,
        "blocks_of_a_side": BLOCKS,
        "distinctive_percentile": DISTINCTIVE_PERCENTILE,
        "max_exact_groups": MAX_EXACT_GROUPS,
        "changes_of_sign": SIGN_DRAWS,
        "window_and_step": (WINDOW, STEP),
        "max_covered_errors": MAX_COVERED,
        "max_errors_of_units": MAX_UNIT_ERRORS,
        "min_fall_of_a_unit": MIN_FALL,
    },
)

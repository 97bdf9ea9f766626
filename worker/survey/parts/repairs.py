"""Which changes of real clips repair the errors of a network, or cause them."""

import numpy as np

from app.contract.survey_part import SurveyPart
from worker.evidence.repairs.chosen_clips import SurveyedClips
from worker.evidence.repairs.study import count_study_passes, max_passes, measure_repairs
from worker.evidence.types import Floats, Observe
from worker.networks.preprocessing import visible_share
from worker.survey.context import SurveyContext
from worker.survey.parts.part import Part, PartResult


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
        return max_passes(len(context.samples))
    return count_study_passes(context.network, surveyed_clips(context), context.seed)


REPAIRS = Part(
    SurveyPart.REPAIRS,
    "shows misclassified clips with parts of others, and others with parts of these",
    measure,
    count_passes=count_passes,
    applies=lambda context: bool(context.probed_layers and context.card.classes),
)

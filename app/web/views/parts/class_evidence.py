"""What the newest survey measured for one class, as the class's page shows it."""

from dataclasses import dataclass
from itertools import chain, islice

from app.analysis.confusions import clips_per_class, confusion_between, rank_confusions
from app.analysis.findings.idiosyncrasies import has_appearance_bias
from app.analysis.repairs import name_patch, patch_verdict, repairs_of
from app.contract.confusion import Confusion, SharedUnit
from app.contract.evidence import UnitOfClass
from app.contract.findings import Verdict
from app.contract.network import NetworkCard
from app.contract.survey import AppearanceBias, MaskedClass, PredictedClip, Survey, SurveySummary
from app.store import Session, datasets
from app.store.surveys import classes, evidence, predictions

MAX_DETECTORS_PER_LAYER = 3
MAX_BEST_DETECTORS = 6
MAX_CONFUSIONS = 6  # in each direction
MAX_MISCLASSIFIED_CLIPS = 12
MAX_SHARED_UNITS = 8


@dataclass(frozen=True)
class SharedUnitRow:
    """A generic unit that responds to the class, with the other classes that it detects best."""

    shared_unit: SharedUnit
    other_classes: tuple[str, ...]


@dataclass(frozen=True)
class ClassEvidencePanel:
    """The evidence of a class.

    `confused_with` are the largest confusions of its clips with other classes, `mistaken_for_it` those of other
    classes' clips with it, `misclassified_clips` the surest mistakes; the counts are of all. `picture_bias` and
    `masked` say what its recognition depends on, measured by swapping the pictures of clips and by greying parts of
    them; each is None where it was not measured. `cause` is the patch of the picture that is shown to make clips be
    taken for it, in words, and the largest confusion that it causes; None where there is none.
    """

    survey: SurveySummary
    recall: float
    clip_count: int
    confused_with: tuple[Confusion, ...]
    confused_with_count: int
    mistaken_for_it: tuple[Confusion, ...]
    mistaken_for_it_count: int
    misclassified_clips: tuple[PredictedClip, ...]
    misclassified_count: int
    detectors_by_layer: tuple[tuple[str, tuple[UnitOfClass, ...]], ...]  # the deepest layer first
    best_detectors: tuple[UnitOfClass, ...]  # of all layers, without the class's own unit
    shared_units: tuple[SharedUnitRow, ...]
    picture_bias: AppearanceBias | None = None
    masked: MaskedClass | None = None
    cause: tuple[str, Confusion] | None = None
    max_per_layer: int = MAX_DETECTORS_PER_LAYER
    max_shared_units: int = MAX_SHARED_UNITS

    @property
    def is_bias_suspected(self) -> bool:
        return self.picture_bias is not None and has_appearance_bias(self.picture_bias)


def class_evidence_panel(session: Session, *, card: NetworkCard, index: int) -> ClassEvidencePanel | None:
    """Return what the newest survey measured for a class, or None before a survey."""
    survey = evidence.get_survey(session, card=card)
    if survey is None:
        return None
    name = card.classes[index]
    mistakes = [clips for predicted, clips in enumerate(survey.confusion[index]) if clips and predicted != index]
    mistaken_for_it_count = sum(1 for actual, row in enumerate(survey.confusion) if row[index] and actual != index)
    ranked = rank_confusions(card.classes, survey, index)
    by_layer = classes.best_units_by_layer(session, card=card, class_index=index, limit=MAX_DETECTORS_PER_LAYER)
    deepest_first = tuple((layer, tuple(units)) for layer, units in reversed(by_layer.items()))
    shared_units = classes.shared_units(session, card=card, class_index=index, limit=MAX_SHARED_UNITS)
    biases = survey.streams.biases if survey.streams else ()
    return ClassEvidencePanel(
        survey=survey.summary,
        recall=survey.recall[index],
        clip_count=clips_per_class(survey)[index],
        confused_with=tuple(islice((each for each in ranked if each.actual == name), MAX_CONFUSIONS)),
        confused_with_count=len(mistakes),
        mistaken_for_it=tuple(islice((each for each in ranked if each.predicted == name), MAX_CONFUSIONS)),
        mistaken_for_it_count=mistaken_for_it_count,
        misclassified_clips=predictions.most_probable_predictions(
            session,
            card=card,
            label=index,
            wrong=True,
            limit=MAX_MISCLASSIFIED_CLIPS,
            roles=datasets.CARD_MEDIA,
        ),
        misclassified_count=sum(mistakes),
        detectors_by_layer=deepest_first,
        best_detectors=best_detectors(by_layer, name),
        shared_units=tuple(
            SharedUnitRow(each, tuple(card.classes[other] for other in each.others)) for each in shared_units
        ),
        picture_bias=next((each for each in biases if each.class_index == index), None),
        cause=find_cause(card, survey, index),
        masked=next((each for each in survey.masked if each.class_index == index), None),
    )


def find_cause(card: NetworkCard, survey: Survey, index: int) -> tuple[str, Confusion] | None:
    """Return the patch that makes clips be taken for a class, in words, and the largest confusion of these."""
    facts, repairs = survey.repairs, repairs_of(survey.repairs, index)
    if facts is None or repairs is None or patch_verdict(repairs, facts.asked) is not Verdict.SUPPORTED:
        return None
    actual = max(
        (other for other in range(len(card.classes)) if other != index),
        key=lambda other: survey.confusion[other][index],
    )
    return name_patch(repairs), confusion_between(card.classes, survey, actual, index)


def best_detectors(by_layer: dict[str, list[UnitOfClass]], class_name: str) -> tuple[UnitOfClass, ...]:
    """Return the units of highest precision, of equal ones the deepest first; the class's own unit is left out."""
    others = [each for each in chain.from_iterable(by_layer.values()) if each.unit.label != class_name]
    deepest_first = others[::-1]
    return tuple(sorted(deepest_first, key=lambda each: -each.precision)[:MAX_BEST_DETECTORS])

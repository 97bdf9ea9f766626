"""Checks the survey in a bundle: it must be whole, and name nothing that the network here does not have."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.contract.bundle import MAX_NUMBER, BundledClip, BundledNetwork, BundledSurvey, BundledUnit
from app.contract.errors import InvalidBundle, KinetoscopeError
from app.contract.network import NetworkCard
from app.contract.result import MediaRole
from app.contract.survey import NewClipPrediction

MAX_PACKED = 3.4e38  # the largest number that the database packs as float32


def check_survey(
    network: BundledNetwork,
    survey: BundledSurvey,
    card: NetworkCard,
    clips: Sequence[BundledClip],
    units: Iterable[BundledUnit],
    predictions: Sequence[NewClipPrediction],
) -> None:
    """Raise InvalidBundle where a survey is not whole, or cannot be one of the network here."""
    check = _SurveyCheck(network.slug, card, {clip.name for clip in clips})
    check.expect("clips", survey.clips, len(check.clips))
    for clip in clips:
        if all(ref.role is not MediaRole.POSTER for ref in clip.media):
            check.refuse(f"the clip {clip.name!r} has no picture")
    check.check_facts(survey)
    named = {(layer.name, unit) for layer in card.own_layers for unit in range(layer.units)}
    seen: set[tuple[str, int]] = set()
    lines = 0
    for unit in units:
        lines += 1
        seen.add((unit.evidence.layer, unit.evidence.unit))
        check.check_unit(unit)
    if seen != named or not lines == survey.units == len(named):
        check.refuse(f"it has evidence of {len(seen & named):,} of the {len(named):,} units, in {lines:,} lines")
    check.expect("predictions", survey.predictions, len(predictions))
    check.expect("clips with predictions", len(predictions), len({prediction.clip for prediction in predictions}))
    check.expect("predictions", survey.facts.clips if card.classes else 0, len(predictions))
    for prediction in predictions:
        check.check_clip(prediction.clip)
        check.check_classes(prediction.label, prediction.predicted)


class _SurveyCheck:
    """What a survey may name: clips of its data set, and classes, layers and units of its network."""

    def __init__(self, slug: str, card: NetworkCard, clips: set[str]) -> None:
        self.slug = slug
        self.card = card
        self.clips = clips

    def refuse(self, reason: str) -> None:
        raise InvalidBundle(f"The bundle's survey of {self.slug} cannot be taken in: {reason}.")

    def expect(self, noun: str, told: int, found: int) -> None:
        if told != found:
            self.refuse(f"it has {found:,} {noun}, not {told:,}")

    def check_clip(self, name: str) -> None:
        if name not in self.clips:
            self.refuse(f"it names a clip {name!r} that its data set does not have")

    def check_classes(self, *indices: int) -> None:
        for index in indices:
            if not 0 <= index < len(self.card.classes):
                self.refuse(f"it names class {index}, and the classes are 0 to {len(self.card.classes) - 1}")

    def check_packed(self, values: Sequence[float]) -> None:
        if any(abs(value) > MAX_PACKED for value in values):
            self.refuse("it has numbers that are too large")

    def check_facts(self, survey: BundledSurvey) -> None:
        classes = len(self.card.classes)
        facts = survey.facts
        sizes = {len(facts.recall), len(facts.confusion), *map(len, facts.confusion)}
        if sizes - {classes} or (facts.accuracy is None) != (classes == 0):
            self.refuse(f"its lists by class are not of {classes:,} classes")
        counts = [facts.clips, *(count for row in facts.confusion for count in row)]
        if not all(0 <= count < MAX_NUMBER for count in counts):
            self.refuse("it has counts that no data set has")
        self.check_packed(facts.recall)
        self._check_names(facts.model_dump(mode="json", by_alias=False))

    def check_unit(self, unit: BundledUnit) -> None:
        evidence = unit.evidence
        classes = len(self.card.classes)
        if {len(evidence.responses), len(evidence.maxima), len(evidence.precision)} != {classes}:
            self.refuse(f"the lists of {evidence.layer}/{evidence.unit} are not of {classes:,} classes")
        extreme_clips = (*evidence.top_clips, *evidence.bottom_clips)
        for clip in extreme_clips:
            self.check_clip(clip.clip)
        traces = (clip.trace for clip in extreme_clips)
        for packed in (evidence.responses, evidence.maxima, evidence.precision, *traces):
            self.check_packed(packed)
        for index, _ in evidence.correlated_units:
            self._check_unit(evidence.layer, index)
        body = evidence.model_dump(
            mode="json",
            by_alias=False,
            exclude={"responses", "maxima", "precision", "top_clips", "bottom_clips"},
        )
        self._check_names(body)

    def _check_names(self, value: Any) -> None:
        """Check the layers, units and classes that anything within names in fields of these names."""
        if isinstance(value, list):
            for each in value:
                self._check_names(each)
        elif isinstance(value, dict):
            if isinstance(value.get("class_index"), int):
                self.check_classes(value["class_index"])
            if isinstance(value.get("layer"), str) and value["layer"]:  # without a name it is all hidden layers
                unit = value.get("unit")
                self._check_unit(value["layer"], unit if isinstance(unit, int) else 0)
            for each in value.values():
                self._check_names(each)

    def _check_unit(self, layer: str, unit: int) -> None:
        try:
            found, _ = self.card.unit(layer, unit)
        except KinetoscopeError as error:
            self.refuse(error.detail.rstrip("."))
            return
        if found.dictionary is not None:
            self.refuse(f"{layer} is a dictionary here")

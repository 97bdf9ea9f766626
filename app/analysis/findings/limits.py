"""What the clips of a survey cannot tell, whatever the network: each a sentence that says what to add."""

from collections.abc import Sequence

from app.analysis.findings.data import SurveyData
from app.analysis.findings.fusion import has_two_streams
from app.analysis.findings.needed_units import why_needs_cannot_be_told
from app.analysis.findings.words import join_names
from app.contract.survey_part import SurveyPart

MIN_GROUPS = 4  # independent clips of a class, for an interval: worker/evidence/resampling.py draws no fewer
MAX_NAMES = 4  # in a sentence


def describe_limits(data: SurveyData) -> tuple[str, ...]:
    """Return sentences on what the survey's clips and parts cannot tell; none where nothing is missing."""
    sentences = [
        *_limits_of_classes(data),
        _unknown_groups(data),
        _one_stream(data),
        _skipped(data),
        _missing_parts(data),
        _silenced_in_vain(data),
    ]
    return tuple(sentence for sentence in sentences if sentence)


def _limits_of_classes(data: SurveyData) -> list[str]:
    names, confusion = data.card.classes, data.survey.confusion
    if not names:
        return ["The network has no classes: claims about classes cannot be told from any clips."]
    counts = [sum(row) for row in confusion]
    predicted = [sum(column) for column in zip(*confusion, strict=True)]
    with_clips = [index for index, count in enumerate(counts) if count]
    few = [names[index] for index in with_clips if counts[index] < MIN_GROUPS]
    never = [names[index] for index in with_clips if not predicted[index]]
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    sentences = []
    if len(with_clips) == 1:
        sentences.append(
            f"All clips are of one class, {names[with_clips[0]]}: nothing tells what units prefer. Add clips of a "
            "second class."
        )
    elif absent:
        sentences.append(
            f"The data set has no clips of {join_names(absent, MAX_NAMES)}: nothing is claimed of {_pronoun(absent)}."
        )
    if few:
        verb = "has" if len(few) == 1 else "have"
        sentences.append(
            f"{join_names(few, MAX_NAMES)} {verb} fewer than {MIN_GROUPS} clips: an interval takes {MIN_GROUPS} "
            "independent clips of a class (of different videos, people or motions)."
        )
    if never:
        verb = "is" if len(never) == 1 else "are"
        sentences.append(
            f"{join_names(never, MAX_NAMES)} {verb} never predicted: what leads to a correct answer cannot be told for "
            f"{_pronoun(never)}."
        )
    return sentences


def _unknown_groups(data: SurveyData) -> str:
    if data.survey.groups_known is not False:
        return ""
    return (
        "Which clips are of one video, person or motion is not known, so each clip counts as independent: intervals "
        "may be too narrow. Add the list of videos again with a column named group (docs/data-sets.md)."
    )


def _one_stream(data: SurveyData) -> str:
    if len(data.card.streams) > 1:
        return ""
    return (
        "The network has one stream, so no streams can be swapped: what its units code of appearance and motion is "
        "measured on pairs of clips instead."
    )


def _skipped(data: SurveyData) -> str:
    skipped = data.survey.skipped
    if not skipped:
        return ""
    noun, verb = ("clip", "is") if len(skipped) == 1 else ("clips", "are")
    return f"{len(skipped):,} {noun} could not be read and {verb} left out: {join_names(skipped, MAX_NAMES)}."


def _missing_parts(data: SurveyData) -> str:
    missing = [part.value for part in data.survey.missing_parts if part in _parts_of_claims(data)]
    if not missing:
        return ""
    return (
        f"The survey leaves out {join_names(missing, MAX_NAMES)}: claims that need it cannot be told. Add it: "
        f"kinetoscope-worker survey {data.card.slug} {data.survey.dataset} --parts {','.join(missing)}"
    )


def _silenced_in_vain(data: SurveyData) -> str:
    """Return why the part `silence`, where the survey has it, tells nothing."""
    if not data.card.classes or all(each.part is not SurveyPart.SILENCE for each in data.survey.parts):
        return ""
    reason = why_needs_cannot_be_told(data)
    return f"Which units classes need cannot be told: {reason}" if reason else ""


def _parts_of_claims(data: SurveyData) -> set[SurveyPart]:
    """Return the parts of a survey that claims about this network need."""
    parts = {SurveyPart.CODING, SurveyPart.INVARIANCE}
    if has_two_streams(data.card):
        parts.add(SurveyPart.INTERACTION)
    if data.card.classes:
        parts |= {SurveyPart.SELECTIVITY, SurveyPart.SILENCE, SurveyPart.REPAIRS}
    return parts


def _pronoun(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"

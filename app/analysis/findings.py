"""Makes the four findings from what a survey stored; every threshold stands here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, quantiles
from typing import Any

from app.analysis.trend import Trend, measure_trends
from app.contract.confusion import ConfusedPair, most_confused_pairs
from app.contract.evidence import (
    GENERIC_ABOVE,
    SPECIFIC_BELOW,
    AppearanceBias,
    MaskedClass,
    StreamFacts,
    StreamPair,
    StreamShares,
    Survey,
    SurveyFacts,
)
from app.contract.findings import (
    Example,
    Figure,
    Finding,
    Findings,
    LayerDistribution,
    NamedPair,
    Series,
    UnitStatistics,
)
from app.contract.network import NetworkCard, StreamName

UNSUPPORTED = "Not supported on this network."
OBSERVED = {  # title and claim, by name
    "fusion": ("Fusion", "Where two streams meet, units learn what neither stream tells alone."),
    "specificity": ("Specific and generic", "Some units answer to few classes, others are shared by most."),
    "invariance": (
        "Abstraction and invariance",
        "With depth, units get more abstract, and care less about how fast things move.",
    ),
    "idiosyncrasies": (
        "Idiosyncrasies and failures",
        "What a network takes for something else, or knows by something beside the action, can be found.",
    ),
}
TOLD, UNTOLD = 0.8, 0.7  # area under the ROC curve from which a pair is told apart, and up to which it is not
APART = 0.25  # by which a stream, or both together, must do better than the other
DECIDES = 0.5  # by which the picture changes a class's recall before it is suspected
PULL = 0.1  # by which still surroundings must draw other clips
SYNERGY = 0.1  # mean over units
LITTLE = 0.05  # of accuracy, or of the logits' variance: what a stream may bring and be said to contribute little
NAMED = 8
DEPTH = {  # what a measure by depth is taken for, and the measure
    "best_precision": ("Abstraction", "precision for the best class"),
    "speed_octaves": ("Invariance to speed", "octaves of speed"),
    "direction_selectivity": ("Direction selectivity", "selectivity"),
    "effective_classes": ("The number of classes that a unit serves", "effective classes"),
}

Values = Mapping[str, Mapping[str, Sequence[float]]]  # measure -> layer -> values, sorted


@dataclass(frozen=True)
class SurveyData:
    """What the findings of a network are made of; `examples` are by measure."""

    card: NetworkCard
    survey: Survey
    statistics: UnitStatistics
    examples: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)


def make_findings(found: SurveyData) -> Findings:
    made = (_fusion(found), _specificity(found), _invariance(found), _idiosyncrasies(found))
    return Findings(network=found.card.slug, dataset=found.survey.dataset, clips=found.survey.clips, findings=made)


def decisive_stream(pair: StreamPair) -> str | None:
    """Return what alone tells two classes apart: `together`, `appearance` or `motion`, or None.

    It is None where either stream suffices, and where nothing tells them apart.
    """
    weaker, better = sorted((pair.appearance, pair.motion))
    if pair.fused < TOLD:
        return None
    if better <= UNTOLD and pair.fused - better >= APART:
        return "together"
    if weaker <= UNTOLD and better >= 0.75 and better - weaker >= APART:
        return "appearance" if pair.appearance > pair.motion else "motion"
    return None


def has_appearance_bias(bias: AppearanceBias) -> bool:
    """Return whether a class is suspected to be recognised by its appearance rather than by the action.

    The frames decide whether its clips are recognised, and its background draws clips of other classes.
    """
    return bias.missed_recall - bias.recognised_recall >= DECIDES and bias.background_rate - bias.baseline_rate >= PULL


def relies_on_background(masked: MaskedClass) -> bool:
    """Return whether a class is recognised by its background alone and not by what moves.

    Meaningful only for networks without a motion stream: a motion stream does not see what is grey.
    """
    return masked.background - masked.foreground >= DECIDES


def _finding(name: str, supported: bool, sentences: Sequence[str], **made: Any) -> Finding:
    title, claim = OBSERVED[name]
    said = tuple(sentences) if supported else (UNSUPPORTED, *sentences)
    return Finding(name=name, title=title, claim=claim, supported=supported, sentences=said, **made)


def _fusion(found: SurveyData) -> Finding:
    streams = found.survey.streams
    series = _series(found, "synergy_clips", "Synergy over real clips") + _series(
        found, "synergy_stimulus", "Synergy for the own stimulus"
    )
    if streams is None:
        said = "It has one stream, or its survey has too few clips to swap motion among them."
        return _finding("fusion", False, [said], series=series)
    groups: dict[str, list[NamedPair]] = {"together": [], "appearance": [], "motion": []}
    for pair in sorted(streams.pairs, key=lambda pair: min(pair.appearance, pair.motion)):
        if told := decisive_stream(pair):
            groups[told].append(_pair(found.card, pair))
    gain = streams.fused - max(streams.appearance, streams.motion, streams.late_fusion)
    layers = found.statistics.distributions.get("synergy_clips", ())
    synergy = fmean((layer.mean for layer in layers), (layer.count for layer in layers)) if layers else 0.0
    supported = bool(groups["together"]) or (gain > LITTLE and synergy > SYNERGY)
    sentences = [_accuracies(streams)]
    if groups["together"]:
        sentences.append(f"Only both streams together tell {_names(groups['together'])}.")
    if groups["appearance"]:
        sentences.append(f"Appearance alone tells {_names(groups['appearance'])}; motion does not.")
    if groups["motion"]:
        sentences.append(f"Motion alone tells {_names(groups['motion'])}; appearance does not.")
    if streams.shares:
        sentences.append(_shares(streams.shares))
        sentences += [f"{name} contributes little." for name in minor_streams(streams.shares)]
    return _finding(
        "fusion",
        supported,
        sentences,
        figures=(
            Figure(words="accuracy, both streams", value=streams.fused),
            Figure(words="accuracy, appearance with the motion of other clips", value=streams.appearance),
            Figure(words="accuracy, motion with the pictures of other clips", value=streams.motion),
            Figure(words="accuracy, the two voting", value=streams.late_fusion),
            Figure(words="mean synergy over clips", value=synergy),
            *_share_figures(streams.shares),
        ),
        series=series,
        examples=found.examples.get("synergy_clips", ()),
        together=tuple(groups["together"]),
        appearance=tuple(groups["appearance"]),
        motion=tuple(groups["motion"]),
    )


def _accuracies(streams: StreamFacts) -> str:
    return (
        f"On {streams.clips:,} clips the network is right in {streams.fused:.0%}; with the motion of other clips in "
        f"{streams.appearance:.0%}, with the pictures of other clips in {streams.motion:.0%}, and the two answers "
        f"together, each from its own stream, in {streams.late_fusion:.0%}."
    )


def _shares(shares: StreamShares) -> str:
    return (
        f"Appearance explains {shares.appearance:.0%} of the variance of the logits, motion {shares.motion:.0%}, their "
        f"interaction {shares.interaction:.0%}. {shares.kept_by_appearance:.0%} of the predictions stay the same with "
        f"the motion of other clips, {shares.kept_by_motion:.0%} with the appearance of other clips."
    )


def _share_figures(shares: StreamShares | None) -> tuple[Figure, ...]:
    if shares is None:
        return ()
    return (
        Figure(words="variance of the logits, pictures", value=shares.appearance),
        Figure(words="variance of the logits, motion", value=shares.motion),
        Figure(words="variance of the logits, both at once", value=shares.interaction),
        Figure(words="answers kept, other motion", value=shares.kept_by_appearance),
        Figure(words="answers kept, other pictures", value=shares.kept_by_motion),
    )


def minor_streams(shares: StreamShares) -> list[str]:
    """Return the streams that contribute little: the other stream explains nearly all variance of the logits."""
    others = (("Motion", shares.appearance), ("Appearance", shares.motion))
    return [name for name, other in others if other >= 1 - LITTLE]


def _specificity(found: SurveyData) -> Finding:
    specific, generic = found.statistics.specific, found.statistics.generic
    classes = len(_present(found.survey))
    supported = specific > 0 and generic > 0
    said = (
        f"Of {found.statistics.live:,} live units {specific:,} answer to less than {SPECIFIC_BELOW:.0%} of "
        f"the {classes} classes (by effective number of classes), and {generic:,} to more than {GENERIC_ABOVE:.0%}."
    )
    return _finding(
        "specificity",
        supported,
        [said],
        figures=(Figure(words="specific units", value=specific), Figure(words="generic units", value=generic)),
        series=_series(found, "effective_classes", "Effective classes"),
        examples=found.examples.get("effective_classes", ()),
    )


def _invariance(found: SurveyData) -> Finding:
    ways = {measure: measure_trends(found.card, found.statistics.distributions, measure) for measure in DEPTH}
    abstraction, speed = ways["best_precision"], ways["speed_octaves"]
    supported = bool(abstraction) and all(trend.grows for trend in (*abstraction, *speed))
    sentences = [_depth(measure, trend) for measure, made in ways.items() for trend in made]
    if not speed:
        sentences.append("Invariance to speed was not measured in two layers.")
    return _finding(
        "invariance",
        supported,
        sentences,
        figures=tuple(
            Figure(words=f"{DEPTH[measure][1]} with depth, {trend.stream}: rank correlation", value=trend.tau)
            for measure, made in ways.items()
            for trend in made
        ),
        series=tuple(
            made for measure, (_, words) in DEPTH.items() for made in _series(found, measure, words.capitalize())
        ),
        examples=found.examples.get("speed_octaves", ()),
    )


def _depth(measure: str, trend: Trend) -> str:
    what, words = DEPTH[measure]
    verb = "grows" if trend.grows else "falls" if trend.falls else "neither grows nor falls"
    first, last = trend.layers[0], trend.layers[-1]
    p_value = "p < 0.001" if trend.p_value < 0.001 else f"p = {trend.p_value:.3f}"
    return (
        f"{what} {verb} with depth along the {trend.stream} stream: {first.mean:.2f} {words} on average in "
        f"{first.layer}, {last.mean:.2f} in {last.layer}; rank correlation of the averages with depth {trend.tau:.2f} "
        f"over {len(trend.layers)} layers ({p_value})."
    )


def _idiosyncrasies(found: SurveyData) -> Finding:
    names = found.card.classes
    pairs = most_confused_pairs(names, found.survey, NAMED)
    confusions = tuple(map(_confused, pairs))
    biases = found.survey.streams.biases if found.survey.streams else ()
    suspects = sorted(filter(has_appearance_bias, biases), key=lambda bias: bias.baseline_rate - bias.background_rate)
    masked = {each.class_index: each for each in found.survey.masked}
    alone = all(stream.name is not StreamName.MOTION for stream in found.card.streams)
    placed = sorted(filter(relies_on_background, masked.values() if alone else ()), key=lambda each: each.foreground)
    sentences = list(map(_confusion, pairs[:3]))
    for bias in suspects:
        sentences.append(_suspicion(names[bias.class_index], bias))
        if bias.class_index in masked:
            sentences.append(masking_sentence(masked[bias.class_index]))
    for each in placed:
        sentences += [
            f"{names[each.class_index]} is recognised by its place, not by what moves there.",
            masking_sentence(each),
        ]
    named = [each.class_index for each in suspects] + [each.class_index for each in placed]
    return _finding(
        "idiosyncrasies",
        bool(confusions or named),
        sentences or ["No clip is taken for another class."],
        figures=tuple(
            Figure(
                words=f"clips drawn to {names[bias.class_index]} by its still surroundings", value=bias.background_rate
            )
            for bias in suspects
        )
        + tuple(figure for number in named for figure in _grey(names, masked.get(number))),
        confusions=confusions,
        suspects=tuple(names[number] for number in named),
    )


def _confused(pair: ConfusedPair) -> NamedPair:
    back = f", the other way {pair.back.rate:.0%}" if pair.back.clips else ""
    return NamedPair(first=pair.there.actual, second=pair.there.predicted, words=f"{pair.there.rate:.0%}{back}")


def _confusion(pair: ConfusedPair) -> str:
    one, other = pair.there.actual, pair.there.predicted
    back = f", and {pair.back.rate:.0%} of those of {other} for {one}" if pair.back.clips else ""
    return f"{pair.there.rate:.0%} of the clips of {one} are taken for {other}{back}."


def masking_sentence(masked: MaskedClass) -> str:
    """Return a sentence on the probability of a class while parts of its clips are grey."""
    return (
        f"Where all is grey but what moves, its probability goes from {masked.unmasked:.0%} to "
        f"{masked.foreground:.0%} on average over {masked.clips:,} recognised clips; where what moves is grey, to "
        f"{masked.background:.0%}."
    )


def _grey(names: Sequence[str], masked: MaskedClass | None) -> tuple[Figure, ...]:
    if masked is None:
        return ()
    name = names[masked.class_index]
    return (
        Figure(words=f"probability of {name}", value=masked.unmasked),
        Figure(words=f"probability of {name}, all grey but what moves", value=masked.foreground),
        Figure(words=f"probability of {name}, what moves grey", value=masked.background),
    )


def _suspicion(name: str, bias: AppearanceBias) -> str:
    corrected = (
        "all its missed clips become correct"
        if bias.missed_recall == 1
        else f"{bias.missed_recall:.0%} of its missed clips become correct"
    )
    return (
        f"{name} is suspected of a bias: {corrected} when given the frame of a recognised clip, and "
        f"{bias.recognised_recall:.0%} of its recognised clips stay correct when given the frame of a missed clip. "
        f"Pasted onto its background, {bias.background_rate:.0%} of other clips are classified as {name} "
        f"({bias.baseline_rate:.0%} on their own)."
    )


def _present(survey: SurveyFacts) -> list[int]:
    return [index for index, row in enumerate(survey.confusion) if sum(row)]


def _pair(card: NetworkCard, pair: StreamPair) -> NamedPair:
    words = f"{pair.fused:.2f} both, {pair.appearance:.2f} appearance, {pair.motion:.2f} motion"
    first, second = (card.classes[index] for index in pair.classes)
    return NamedPair(first=first, second=second, words=words)


def _names(pairs: Sequence[NamedPair]) -> str:
    named = "; ".join(f"{pair.first} from {pair.second}" for pair in pairs[:NAMED])
    return named if len(pairs) <= NAMED else f"{named}; and {len(pairs) - NAMED} more pairs"


def _series(found: SurveyData, measure: str, words: str) -> tuple[Series, ...]:
    spreads = found.statistics.distributions.get(measure, ())
    return (Series(words=words, layers=spreads),) if spreads else ()


def unit_statistics(values: Values, survey: SurveyFacts) -> UnitStatistics:
    classes = max(1, len(_present(survey)))
    shares = [value / classes for layer in values.get("effective_classes", {}).values() for value in layer]
    return UnitStatistics(
        distributions={
            measure: tuple(distribution(name, found) for name, found in layers.items() if found)
            for measure, layers in values.items()
        },
        live=len(shares),
        specific=sum(share < SPECIFIC_BELOW for share in shares),
        generic=sum(share > GENERIC_ABOVE for share in shares),
    )


def distribution(layer: str, values: Sequence[float]) -> LayerDistribution:
    """Return the distribution of the values, which must be sorted, over the units of a layer."""
    first, median, third = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return LayerDistribution(
        layer=layer,
        count=len(values),
        low=values[0],
        first_quartile=first,
        median=median,
        third_quartile=third,
        high=values[-1],
        mean=fmean(values),
    )

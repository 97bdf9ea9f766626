"""The finding on fusion: units and outputs put the two streams together, and some classes need both."""

from collections.abc import Sequence
from statistics import fmean

from app.analysis.findings.claims import finding_of_claims
from app.analysis.findings.data import Heading, SurveyData, make_finding, make_series
from app.analysis.findings.fusion_claims import (
    DEFAULTS,
    MAX_PAIRS,
    adding_sentence,
    area_words,
    decisive_alone,
    fusion_claims,
    needs_both,
    wrong_way_sentences,
)
from app.analysis.findings.fusion_claims import minor_streams as minor_in_claims
from app.analysis.thresholds import Thresholds
from app.contract.findings import Figure, Finding, NamedPair, Verdict
from app.contract.network import NetworkCard, StreamName
from app.contract.survey import StreamFacts, StreamPair, StreamShares

BELOW_CHANCE_AUC = 0.3  # twice the standard error of ten clips against ten below 0.5, and more

HEADING = Heading("fusion", "Fusion", "Where two streams meet, units learn what neither stream tells alone.")
BELOW_CHANCE = (
    "An area of one stream alone far below 0.5 does not mean that it votes for the wrong class. This survey read each "
    "stream with the other stream of other clips, never with its own: where neither stream alone tells two classes but "
    "both together do, that leaves each clip with fewer partners that fit. Survey the network again: every clip then "
    "gets the same partners."
)


def fusion(data: SurveyData) -> Finding:
    """Return the finding on fusion, from the claims on the network's streams."""
    streams = data.survey.streams
    series = (
        make_series(data, "interaction", "Share of interaction")
        + make_series(data, "synergy_clips", "Synergy over real clips")
        + make_series(data, "synergy_stimulus", "Synergy for the own stimulus")
    )
    is_measured = streams is not None or data.survey.interaction is not None or not data.card.classes
    examples = data.examples.get("synergy_clips", ()) if is_measured else ()
    if not has_two_streams(data.card):
        sentence = "The network has one stream, so its streams cannot be combined anew."
        return make_finding(HEADING, Verdict.CANNOT_BE_TOLD, [sentence], series=series)
    claims = fusion_claims(data.card, data.survey.interaction, data.thresholds)
    pairs = _named_pairs(data)
    sentences = _sentences(data, pairs)
    return finding_of_claims(
        HEADING,
        claims,
        sentences,
        figures=_stream_figures(data, streams) if streams else (),
        series=series,
        examples=examples,
        together=tuple(pairs["together"]),
        appearance=tuple(pairs["appearance"]),
        motion=tuple(pairs["motion"]),
    )


def has_two_streams(card: NetworkCard) -> bool:
    """Return whether there is a motion stream beside another stream."""
    return len(card.streams) > 1 and any(stream.name is StreamName.MOTION for stream in card.streams)


def decisive_stream(pair: StreamPair, thresholds: Thresholds = DEFAULTS) -> str | None:
    """Return the stream that is needed to tell two classes apart, or `together` where both are needed.

    Return None where either stream suffices, and where nothing tells them apart. For surveys without intervals.
    """
    weaker, better = sorted((pair.appearance, pair.motion))
    if pair.fused < thresholds.separated_auc:
        return None
    if better <= thresholds.not_separated_auc and pair.fused - better >= thresholds.min_auc_difference:
        return "together"
    if (
        weaker <= thresholds.not_separated_auc
        and better >= thresholds.alone_auc
        and better - weaker >= thresholds.min_auc_difference
    ):
        return "appearance" if pair.appearance > pair.motion else "motion"
    return None


def minor_streams(shares: StreamShares, thresholds: Thresholds = DEFAULTS) -> list[str]:
    """Return the streams that contribute little: the other stream explains nearly all variance of the logits."""
    others = (("Motion", shares.appearance), ("Appearance", shares.motion))
    return [name for name, other in others if other >= 1 - thresholds.minor_share]


def _named_pairs(data: SurveyData) -> dict[str, list[NamedPair]]:
    """Return the pairs of classes that need both streams, and those that one stream tells, the strongest first."""
    groups: dict[str, list[NamedPair]] = {"together": [], "appearance": [], "motion": []}
    facts, streams = data.survey.interaction, data.survey.streams
    if facts is not None and facts.accuracies is not None:
        for tested in facts.pairs:
            if stream := "together" if needs_both(tested, data.thresholds) else decisive_alone(tested, data.thresholds):
                groups[stream].append(_name_pair(data.card, tested.classes, area_words(tested)))
    elif streams is not None:
        for pair in sorted(streams.pairs, key=lambda pair: min(pair.appearance, pair.motion)):
            if stream := decisive_stream(pair, data.thresholds):
                words = f"{pair.fused:.2f} both, {pair.appearance:.2f} appearance, {pair.motion:.2f} motion"
                groups[stream].append(_name_pair(data.card, pair.classes, words))
    return groups


def _sentences(data: SurveyData, pairs: dict[str, list[NamedPair]]) -> list[str]:
    facts, streams = data.survey.interaction, data.survey.streams
    sentences = []
    if facts is None or facts.accuracies is None:
        if streams:
            sentences.append(_accuracy_sentence(streams))
        if pairs["together"]:
            sentences.append(f"Only both streams together tell {_list_pairs(pairs['together'])}.")
    if pairs["appearance"]:
        sentences.append(f"Appearance alone tells {_list_pairs(pairs['appearance'])}; motion does not.")
    if pairs["motion"]:
        sentences.append(f"Motion alone tells {_list_pairs(pairs['motion'])}; appearance does not.")
    if streams and streams.shares:
        sentences.append(_variance_sentence(streams.shares))
        claimed = minor_in_claims(facts, data.thresholds) if facts is not None and facts.accuracies is not None else []
        minor = [name for name in minor_streams(streams.shares, data.thresholds) if name not in claimed]
        sentences += [f"{name} contributes little." for name in minor]
    if facts is not None:
        sentences += [sentence for sentence in [adding_sentence(facts)] if sentence]
        sentences += wrong_way_sentences(data.card, facts.pairs)
        if facts.omitted:
            sentences.append(f"Left out, because their maps are too large: {', '.join(facts.omitted)}.")
    elif streams and any(min(pair.appearance, pair.motion) < BELOW_CHANCE_AUC for pair in streams.pairs):
        sentences.append(BELOW_CHANCE)
    return sentences


def _accuracy_sentence(streams: StreamFacts) -> str:
    return (
        f"On {streams.clips:,} clips the network is right in {streams.fused:.0%}; with the motion of other clips in "
        f"{streams.appearance:.0%}, with the pictures of other clips in {streams.motion:.0%}, and the two answers "
        f"together, each from its own stream, in {streams.late_fusion:.0%}."
    )


def _variance_sentence(shares: StreamShares) -> str:
    return (
        f"Appearance explains {shares.appearance:.0%} of the variance of the logits, motion {shares.motion:.0%}, their "
        f"interaction {shares.interaction:.0%}. {shares.kept_by_appearance:.0%} of the predictions stay the same with "
        f"the motion of other clips, {shares.kept_by_motion:.0%} with the appearance of other clips."
    )


def _stream_figures(data: SurveyData, streams: StreamFacts) -> tuple[Figure, ...]:
    layers = data.statistics.distributions.get("synergy_clips", ())
    synergy = fmean((layer.mean for layer in layers), (layer.count for layer in layers)) if layers else 0.0
    return (
        Figure(words="accuracy, both streams", value=streams.fused),
        Figure(words="accuracy, appearance with the motion of other clips", value=streams.appearance),
        Figure(words="accuracy, motion with the pictures of other clips", value=streams.motion),
        Figure(words="accuracy, the two voting", value=streams.late_fusion),
        Figure(words="mean synergy over clips", value=synergy),
        *_variance_figures(streams.shares),
    )


def _variance_figures(shares: StreamShares | None) -> tuple[Figure, ...]:
    if shares is None:
        return ()
    return (
        Figure(words="variance of the logits, pictures", value=shares.appearance),
        Figure(words="variance of the logits, motion", value=shares.motion),
        Figure(words="variance of the logits, both at once", value=shares.interaction),
        Figure(words="answers kept, other motion", value=shares.kept_by_appearance),
        Figure(words="answers kept, other pictures", value=shares.kept_by_motion),
    )


def _name_pair(card: NetworkCard, classes: tuple[int, int], words: str) -> NamedPair:
    first, second = (card.classes[index] for index in classes)
    return NamedPair(first=first, second=second, words=words)


def _list_pairs(pairs: Sequence[NamedPair]) -> str:
    named = "; ".join(f"{pair.first} from {pair.second}" for pair in pairs[:MAX_PAIRS])
    return named if len(pairs) <= MAX_PAIRS else f"{named}; and {len(pairs) - MAX_PAIRS} more pairs"

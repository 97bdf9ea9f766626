"""The finding on fusion: units learn what neither stream alone separates."""

from collections.abc import Sequence
from statistics import fmean

from app.analysis.findings.data import Heading, SurveyData, make_finding, make_series
from app.contract.findings import Figure, Finding, NamedPair, Verdict
from app.contract.network import NetworkCard
from app.contract.survey import StreamFacts, StreamPair, StreamShares

# Areas under the ROC curve that tells the clips of two classes apart.
SEPARATED_AUC = 0.8  # least of both streams together, where they separate the classes
ALONE_AUC = 0.75  # least of one stream alone, where it separates the classes
NOT_SEPARATED_AUC = 0.7  # most of one stream alone, where it does not
MIN_AUC_DIFFERENCE = 0.25  # by which one stream must be better than the other, or both together than either
MIN_MEAN_SYNERGY = 0.1  # mean over units, from -1 to 1
MINOR_SHARE = 0.05  # of the clips, or of the logits' variance: a stream that adds no more contributes little
MAX_PAIRS = 8  # named in a sentence

HEADING = Heading("fusion", "Fusion", "Where two streams meet, units learn what neither stream tells alone.")


def fusion(data: SurveyData) -> Finding:
    """Return the finding on fusion: supported by pairs of classes, or by accuracy with synergy."""
    streams = data.survey.streams
    series = make_series(data, "synergy_clips", "Synergy over real clips") + make_series(
        data, "synergy_stimulus", "Synergy for the own stimulus"
    )
    if not data.card.classes:
        sentences = ["The network has no classes, so no class can need both streams."]
        return make_finding(
            HEADING, Verdict.CANNOT_BE_TOLD, sentences, series=series, examples=data.examples.get("synergy_clips", ())
        )
    if streams is None:
        has_one = len(data.card.streams) == 1
        sentence = "The network has one stream." if has_one else "The survey has too few clips to swap their motion."
        return make_finding(HEADING, Verdict.CANNOT_BE_TOLD, [sentence], series=series)
    groups: dict[str, list[NamedPair]] = {"together": [], "appearance": [], "motion": []}
    for pair in sorted(streams.pairs, key=lambda pair: min(pair.appearance, pair.motion)):
        if stream := decisive_stream(pair):
            groups[stream].append(_separated_pair(data.card, pair))
    gain = streams.fused - max(streams.appearance, streams.motion, streams.late_fusion)
    layers = data.statistics.distributions.get("synergy_clips", ())
    synergy = fmean((layer.mean for layer in layers), (layer.count for layer in layers)) if layers else 0.0
    supported = bool(groups["together"]) or (gain > MINOR_SHARE and synergy > MIN_MEAN_SYNERGY)
    sentences = [_accuracy_sentence(streams)]
    if groups["together"]:
        sentences.append(f"Only both streams together tell {_list_pairs(groups['together'])}.")
    if groups["appearance"]:
        sentences.append(f"Appearance alone tells {_list_pairs(groups['appearance'])}; motion does not.")
    if groups["motion"]:
        sentences.append(f"Motion alone tells {_list_pairs(groups['motion'])}; appearance does not.")
    if streams.shares:
        sentences.append(_variance_sentence(streams.shares))
        sentences += [f"{name} contributes little." for name in minor_streams(streams.shares)]
    return make_finding(
        HEADING,
        supported,
        sentences,
        figures=(
            Figure(words="accuracy, both streams", value=streams.fused),
            Figure(words="accuracy, appearance with the motion of other clips", value=streams.appearance),
            Figure(words="accuracy, motion with the pictures of other clips", value=streams.motion),
            Figure(words="accuracy, the two voting", value=streams.late_fusion),
            Figure(words="mean synergy over clips", value=synergy),
            *_variance_figures(streams.shares),
        ),
        series=series,
        examples=data.examples.get("synergy_clips", ()),
        together=tuple(groups["together"]),
        appearance=tuple(groups["appearance"]),
        motion=tuple(groups["motion"]),
    )


def decisive_stream(pair: StreamPair) -> str | None:
    """Return the stream that is needed to tell two classes apart, or `together` where both are needed.

    Return None where either stream suffices, and where nothing tells them apart.
    """
    weaker, better = sorted((pair.appearance, pair.motion))
    if pair.fused < SEPARATED_AUC:
        return None
    if better <= NOT_SEPARATED_AUC and pair.fused - better >= MIN_AUC_DIFFERENCE:
        return "together"
    if weaker <= NOT_SEPARATED_AUC and better >= ALONE_AUC and better - weaker >= MIN_AUC_DIFFERENCE:
        return "appearance" if pair.appearance > pair.motion else "motion"
    return None


def minor_streams(shares: StreamShares) -> list[str]:
    """Return the streams that contribute little: the other stream explains nearly all variance of the logits."""
    others = (("Motion", shares.appearance), ("Appearance", shares.motion))
    return [name for name, other in others if other >= 1 - MINOR_SHARE]


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


def _separated_pair(card: NetworkCard, pair: StreamPair) -> NamedPair:
    words = f"{pair.fused:.2f} both, {pair.appearance:.2f} appearance, {pair.motion:.2f} motion"
    first, second = (card.classes[index] for index in pair.classes)
    return NamedPair(first=first, second=second, words=words)


def _list_pairs(pairs: Sequence[NamedPair]) -> str:
    named = "; ".join(f"{pair.first} from {pair.second}" for pair in pairs[:MAX_PAIRS])
    return named if len(pairs) <= MAX_PAIRS else f"{named}; and {len(pairs) - MAX_PAIRS} more pairs"

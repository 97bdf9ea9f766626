"""The claims on fusion, from what combinations of appearance and motion showed; each could have come out otherwise.

Thresholds are justified in docs/evidence.md.
"""

from collections.abc import Sequence

from app.analysis.findings.words import join_names, percent_words, share_words
from app.analysis.thresholds import Thresholds
from app.contract.findings import Claim, Verdict
from app.contract.interaction import InteractionFacts, LayerInteraction, PairSeparation
from app.contract.interval import Interval
from app.contract.network import CLASS_LAYER, NetworkCard

DEFAULTS = Thresholds()
CHANCE_ABOVE = 0.05  # share of the units of random weights that are above 95 % of them
MAX_PAIRS = 8  # named in a sentence

OLD_SURVEY = (
    "The null and the control of fusion were not measured in this survey: add the part interaction, or survey the "
    "network again."
)


def fusion_claims(card: NetworkCard, facts: InteractionFacts | None, thresholds: Thresholds = DEFAULTS) -> list[Claim]:
    """Return the claims on how a network with two streams puts them together."""
    if facts is None or facts.reason:
        return [_untold("fusion.units", OLD_SURVEY if facts is None else facts.reason)]
    claims = [_units_claim(facts, thresholds)]
    if not card.classes:
        return claims
    if facts.accuracies is None:
        reason = (
            "Accuracies and pairs take two classes with four independent clips each (of different videos, people or "
            "motions): add clips to the data set, and survey the network again."
        )
        return [
            *claims,
            _outputs_claim(facts, thresholds),
            _untold("fusion.accuracy", reason),
            _untold("fusion.pairs", reason),
        ]
    return [
        _accuracy_claim(facts, thresholds),
        *claims,
        _outputs_claim(facts, thresholds),
        _pairs_claim(card, facts, thresholds),
        _streams_claim(facts, thresholds),
    ]


def needs_both(pair: PairSeparation, thresholds: Thresholds = DEFAULTS) -> bool:
    """Return whether only both streams together tell two classes apart, after the correction for all pairs."""
    better = max(pair.appearance.value, pair.motion.value)
    if (
        pair.fused.value < thresholds.separated_auc
        or better >= thresholds.alone_auc
        or pair.p_both >= thresholds.max_p_value
    ):
        return False
    return pair.gain.value >= thresholds.min_auc_difference and pair.gain.low > 0


def decisive_alone(pair: PairSeparation, thresholds: Thresholds = DEFAULTS) -> str | None:
    """Return the stream that tells two classes apart where the other does not, None where there is none."""
    weaker, better = sorted((pair.appearance.value, pair.motion.value))
    lead = pair.lead.low if pair.appearance.value > pair.motion.value else -pair.lead.high
    if pair.fused.value < thresholds.separated_auc or pair.p_one >= thresholds.max_p_value or lead <= 0:
        return None
    if (
        weaker > thresholds.not_separated_auc
        or better < thresholds.alone_auc
        or better - weaker < thresholds.min_auc_difference
    ):
        return None
    return "appearance" if pair.appearance.value > pair.motion.value else "motion"


def adding_sentence(facts: InteractionFacts) -> str:
    """Return which layers add the streams exactly, and where interaction begins; empty where no layer adds."""
    adding = [layer.layer for layer in facts.layers if layer.adds and layer.layer != CLASS_LAYER]
    others = [layer.layer for layer in facts.layers if not layer.adds and layer.layer != CLASS_LAYER]
    if any(layer.adds and layer.layer == CLASS_LAYER for layer in facts.layers):
        return "The class outputs add the streams exactly: this is late fusion."
    if not adding:
        return ""
    where = f" What the streams do together is in {join_names([*others, 'the class outputs'])}."
    return (
        f"{join_names(adding)} {'adds its' if len(adding) == 1 else 'add their'} streams exactly before the ReLU, "
        f"whatever the weights: interaction begins behind the ReLU and the choice of the strongest position.{where}"
    )


def wrong_way_sentences(card: NetworkCard, pairs: Sequence[PairSeparation]) -> list[str]:
    """Return a sentence for each stream that alone puts the clips of two classes the wrong way round."""
    sentences = []
    for pair in pairs:
        for name, area in (("Appearance", pair.appearance), ("Motion", pair.motion)):
            if area.high < 0.5:
                first, second = (card.classes[index] for index in pair.classes)
                sentences.append(
                    f"{name} alone votes for the wrong one of {first} and {second}: the area under its ROC curve is "
                    f"{area.value:.2f} ({area.low:.2f} to {area.high:.2f}), below chance (0.5)."
                )
    return sentences


def _accuracy_claim(facts: InteractionFacts, thresholds: Thresholds) -> Claim:
    found = facts.accuracies
    assert found is not None
    rest = {"appearance": found.appearance, "motion": found.motion, "late_fusion": found.late_fusion}
    best, name = rest[found.best_alone], found.best_alone.replace("_", " ")
    if found.gain.value < thresholds.minor_share:
        verdict = Verdict.NOT_SUPPORTED
    else:
        verdict = Verdict.SUPPORTED if found.p_value < thresholds.max_p_value else Verdict.CANNOT_BE_TOLD
    return Claim(
        name="fusion.accuracy",
        sentence=(
            f"On {found.clips:,} clips both streams are right in {share_words(found.fused)}, {name} in "
            f"{share_words(best)}: "
            f"{found.gain.value * 100:+.0f} points ({found.gain.low * 100:+.0f} to {found.gain.high * 100:+.0f}). "
            f"Appearance alone is right in {found.appearance.value:.0%}, motion alone in {found.motion.value:.0%}, "
            f"late fusion of the two in {found.late_fusion.value:.0%}."
        ),
        verdict=verdict,
        measure="accuracy, share of clips",
        effect=found.fused,
        null=best,
        null_words="late fusion: the product of what each stream predicts"
        if found.best_alone == "late_fusion"
        else f"{name} alone, which is better than late fusion",
        p_value=found.p_value,
        n=found.clips,
        counted="clips",
        groups=found.groups,
        threshold=f"{thresholds.minor_share:.0%} more than the best of appearance, motion and late fusion, "
        f"p < {thresholds.max_p_value:g}",
        caveat="One stream alone is read with the other stream of other clips, which the network was not trained on.",
        paper="section 4.2",
        clips=found.names,
    )


def _units_claim(facts: InteractionFacts, thresholds: Thresholds) -> Claim:
    hidden = [layer for layer in facts.layers if layer.layer != CLASS_LAYER]
    judged = [layer for layer in hidden if layer.above is not None and layer.p_value is not None]
    if not judged:
        reason = (
            "No hidden layer comes after the meeting of the streams, or none of its units varies."
            if not hidden
            else "What follows the streams cannot be told from them, so that there is no control of its weights."
        )
        return _untold("fusion.units", " ".join([*map(_layer_sentence, hidden), reason]))
    learned = [layer for layer in judged if is_learned(layer, len(judged), thresholds)]
    named = max(learned or judged, key=lambda layer: layer.above.value if layer.above else 0.0)
    head = (
        f"In {join_names([layer.layer for layer in learned])} more units put the streams together, beyond adding and "
        "thresholding, than with weights drawn anew."
        if learned
        else "In no hidden layer do more units put the streams together, beyond adding and thresholding, than with "
        "weights drawn anew."
    )
    assert named.p_value is not None
    return Claim(
        name="fusion.units",
        sentence=" ".join([head, *map(_layer_sentence, hidden)]),
        verdict=Verdict.SUPPORTED if learned else Verdict.NOT_SUPPORTED,
        measure=f"share of the units of {named.layer} above 95% of those with weights drawn anew",
        effect=named.above,
        null=Interval(value=CHANCE_ABOVE, low=CHANCE_ABOVE, high=CHANCE_ABOVE),
        null_words=f"the same streams with the weights behind them drawn anew, {facts.redrawn} times",
        p_value=min(1.0, named.p_value * len(judged)),
        n=named.units,
        counted=f"units of {named.layer} that vary",
        groups=facts.groups,
        threshold=f"{CHANCE_ABOVE + thresholds.min_unit_difference:.0%} of a layer's units, "
        f"p < {thresholds.max_p_value:g} corrected for layers",
        caveat=(
            f"{facts.appearances} appearances with {facts.motions} motions of other clips: real streams in "
            "combinations that do not occur."
        ),
        paper="section 4.2",
    )


def is_learned(layer: LayerInteraction, layers: int, thresholds: Thresholds) -> bool:
    """Return whether training made units of a layer put the streams together, of so many layers that were asked."""
    if layer.above is None or layer.p_value is None:
        return False
    return (
        layer.above.value >= CHANCE_ABOVE + thresholds.min_unit_difference
        and layer.p_value * layers < thresholds.max_p_value
    )


def _layer_sentence(layer: LayerInteraction) -> str:
    control = f", with weights drawn anew {percent_words(layer.control.value)}" if layer.control else ""
    above = f". {share_words(layer.above)} of the units are above 95% of those" if layer.above else ""
    return (
        f"{layer.layer} ({layer.units:,} units): interaction explains {share_words(layer.share)} of a unit's variance, "
        f"{percent_words(layer.null.value)} in additive units behind the same threshold; beyond them "
        f"{share_words(layer.beyond)}{control}{above}."
    )


def _outputs_claim(facts: InteractionFacts, thresholds: Thresholds) -> Claim:
    found = facts.outputs
    if found is None:
        return _untold("fusion.outputs", "The class outputs are the same whatever the streams show.")
    if found.difference is None or found.p_value is None or found.control is None:
        verdict, control = Verdict.CANNOT_BE_TOLD, ""
    else:
        met = found.difference.value >= thresholds.minor_share and found.p_value < thresholds.max_p_value
        verdict = Verdict.SUPPORTED if met else Verdict.NOT_SUPPORTED
        control = f", {found.control.value:.0%} with the weights behind the streams drawn anew"
    return Claim(
        name="fusion.outputs",
        sentence=(
            f"Interaction explains {share_words(found.logits)} of the variance of the logits (appearance "
            f"{found.appearance.value:.0%}, motion {found.motion.value:.0%}), 0% in late fusion{control}. Of the "
            f"probabilities it explains {found.probabilities.value:.0%}, in late fusion {found.late_fusion.value:.0%}."
        ),
        verdict=verdict,
        measure="share of the variance of the logits",
        effect=found.logits,
        null=Interval(value=0, low=0, high=0),
        null_words="late fusion, whose logits add up",
        control=found.control,
        control_words=f"the weights behind the streams drawn anew, {facts.redrawn} times",
        p_value=found.p_value,
        n=facts.appearances * facts.motions,
        counted="combinations of appearance and motion",
        groups=facts.groups,
        threshold=f"{thresholds.minor_share:.0%} more than with weights drawn anew, p < {thresholds.max_p_value:g}",
        paper="section 4.2",
    )


def _pairs_claim(card: NetworkCard, facts: InteractionFacts, thresholds: Thresholds) -> Claim:
    if not facts.pairs_asked:
        return _untold("fusion.pairs", "No two classes have four independent clips each: add clips of them.")
    found = [pair for pair in facts.pairs if needs_both(pair, thresholds)]
    noun = "pair" if facts.pairs_asked == 1 else "pairs"
    left = f" {facts.pairs_left_out:,} pairs have a class with too few clips." if facts.pairs_left_out else ""
    if not found:
        return Claim(
            name="fusion.pairs",
            sentence=f"Of {facts.pairs_asked:,} {noun} of classes none needs both streams.{left}",
            verdict=Verdict.NOT_SUPPORTED,
            n=facts.pairs_asked,
            counted="pairs of classes",
            threshold=_pair_threshold(thresholds),
        )
    strongest = found[0]
    named = "; ".join(pair_words(card, pair) for pair in found[:MAX_PAIRS])
    more = f"; and {len(found) - MAX_PAIRS} more" if len(found) > MAX_PAIRS else ""
    return Claim(
        name="fusion.pairs",
        sentence=(
            f"Of {facts.pairs_asked:,} {noun} of classes {len(found)} {'needs' if len(found) == 1 else 'need'} both "
            f"streams: {named}{more}.{left}"
        ),
        verdict=Verdict.SUPPORTED,
        measure="area under the ROC curve, both streams",
        effect=strongest.fused,
        null=max(strongest.appearance, strongest.motion, key=lambda area: area.value),
        null_words="the better stream alone, with the other stream of the clips of both classes",
        p_value=strongest.p_both,
        n=strongest.clips,
        counted=f"clips of {' and '.join(card.classes[index] for index in strongest.classes)}",
        groups=strongest.groups,
        threshold=_pair_threshold(thresholds),
        caveat=f"P-values are corrected for all {facts.pairs_asked:,} pairs (Benjamini and Hochberg).",
        clips=strongest.names,
    )


def _pair_threshold(thresholds: Thresholds) -> str:
    return (
        f"both streams together reach an area of {thresholds.separated_auc:g}, either alone stays below "
        f"{thresholds.alone_auc:g} and at least {thresholds.min_auc_difference:g} lower with an interval above 0, and "
        f"p < {thresholds.max_p_value:g} after correction for the number of pairs"
    )


def pair_words(card: NetworkCard, pair: PairSeparation) -> str:
    """Return two classes with how well both streams, and each alone, tell them apart."""
    first, second = (card.classes[index] for index in pair.classes)
    return f"{first} from {second} ({area_words(pair)})"


def area_words(pair: PairSeparation) -> str:
    """Return the areas under the ROC curves with their intervals."""
    areas = (("both", pair.fused), ("appearance", pair.appearance), ("motion", pair.motion))
    return ", ".join(
        f"{area.value:.2f} {name} [{max(0, area.low):.2f}, {min(1, area.high):.2f}]" for name, area in areas
    )


def _streams_claim(facts: InteractionFacts, thresholds: Thresholds) -> Claim:
    found = facts.accuracies
    assert found is not None
    minor = minor_streams(facts, thresholds)
    name = "appearance" if found.appearance.value < found.motion.value else "motion"
    p_value = max(found.p_appearance, found.p_motion)
    if minor:
        verdict, head = Verdict.NOT_SUPPORTED, f"{minor[0]} contributes little."
    elif p_value < thresholds.max_p_value:
        verdict, head = Verdict.SUPPORTED, "Each stream alone tells classes."
    else:
        verdict, head = Verdict.NOT_SUPPORTED, "The clips do not show that each stream alone tells classes."
    return Claim(
        name="fusion.streams",
        sentence=(
            f"{head} Alone, appearance is right in {share_words(found.appearance)} of the clips and motion in "
            f"{share_words(found.motion)}; with shuffled labels at most {found.chance:.0%} on average."
        ),
        verdict=verdict,
        measure=f"accuracy of {name} alone, share of clips",
        effect=found.appearance if name == "appearance" else found.motion,
        null=Interval(value=found.chance, low=found.chance, high=found.chance),
        null_words="labels shuffled over groups; outputs assigned to classes at random",
        p_value=p_value,
        n=found.clips,
        counted="clips",
        groups=found.groups,
        threshold=f"p < {thresholds.max_p_value:g} for both, and each changes {thresholds.minor_share:.0%} of the "
        "variance of the logits",
    )


def minor_streams(facts: InteractionFacts, thresholds: Thresholds) -> list[str]:
    """Return the streams that contribute little: the other one explains nearly all variance of the logits."""
    if facts.outputs is None:
        return []
    others = (("Motion", facts.outputs.appearance), ("Appearance", facts.outputs.motion))
    return [name for name, other in others if other.value >= 1 - thresholds.minor_share]


def _untold(name: str, reason: str) -> Claim:
    return Claim(name=name, sentence=reason, verdict=Verdict.CANNOT_BE_TOLD)

"""The finding on abstraction and invariance: what the last layers share across speeds and directions, and learn."""

from collections.abc import Sequence

from app.analysis.findings.claims import add_caveat, combine
from app.analysis.findings.data import Heading, SurveyData, make_finding, make_series
from app.analysis.findings.untold_invariance import (
    MIN_DRAWN_CLASSES,
    NO_GAIN,
    NO_MOTION,
    NO_SPEED_PAIR,
    TOO_FEW,
    few_classes,
    no_control,
    no_slope,
)
from app.analysis.findings.words import fewer_clips_words
from app.analysis.thresholds import Thresholds
from app.analysis.trend import measure_trends
from app.contract.findings import Claim, Figure, Finding, Series, Verdict
from app.contract.interval import Interval
from app.contract.invariance import DepthChange, InvarianceFacts, LayerInvariance, SharedUnderChange

DEPTH_MEASURES = {  # the measures by layer that charts show, and their names
    "best_precision": "precision for the best class",
    "speed_octaves": "octaves of speed",
    "direction_selectivity": "selectivity",
    "effective_classes": "effective classes",
}
CLAIMS = 5  # that this finding asks: p-values are multiplied by it

HEADING = Heading(
    "invariance",
    "Abstraction and invariance",
    "With depth, units get more abstract, and care less about how fast things move.",
)
PAPER = "sections 4.2 and 4.3"
OLD_SURVEY = (
    "Invariance was not measured beside chance and a control: add the part invariance, or survey the network again."
)
SPEED_LOST = "The last layer does not tell speeds apart either, so that it may ignore motion."


def invariance(data: SurveyData) -> Finding:
    """Return the finding on depth; its verdict follows from its claims, which a survey without the part cannot tell."""
    facts = data.survey.invariance
    parts = {"series": _series(data), "figures": _old_figures(data), "examples": data.examples.get("speed_octaves", ())}
    if facts is None:
        return make_finding(HEADING, Verdict.CANNOT_BE_TOLD, [OLD_SURVEY], **parts)
    fewer = fewer_clips_words(facts.clips, data.survey.clips) if facts.clips else ""
    claims = (
        add_caveat(shared_claim(facts, "speed", data.thresholds), fewer),
        gain_claim(facts, data.thresholds),
        abstraction_claim(facts, data.thresholds),
        kept_apart_claim(facts, data.thresholds),
        add_caveat(shared_claim(facts, "direction", data.thresholds), fewer),
    )
    sentences = [*(claim.sentence for claim in claims), *_left_out(facts)]
    return make_finding(HEADING, combine(claims), sentences, claims=claims, **parts)


def shared_claim(facts: InvarianceFacts, kind: str, thresholds: Thresholds) -> Claim:
    """Return the claim that the last layer shares more classes with changed clips than the first layer does.

    What appearance alone finds does not count, and the control must not do as well.
    """
    name, change = f"invariance.{kind}", facts.depth_of(kind)
    measure = "share of clips, beyond what they find without motion: last less first layer"
    if change is None or change.beyond_control is None:
        return _untold(name, measure, facts)
    last, first = _shared(facts.layer(change.last), kind), _shared(facts.layer(change.first), kind)
    control = facts.layer(change.last)
    control_last = _widest(control.control_changes, kind) if control else None
    if last is None or first is None:
        return _untold(name, measure, facts)
    is_beyond_chance = last.same_class.low > last.chance_high
    is_learned = _is_beyond(change, thresholds.min_depth_change, thresholds)
    verdict = Verdict.SUPPORTED if is_learned and is_beyond_chance and change.change.low > 0 else Verdict.NOT_SUPPORTED
    if verdict is Verdict.SUPPORTED and kind == "speed" and last.told_apart.low <= 0.5:
        verdict = Verdict.PARTLY
    how = f"at {last.amount:g} times their speed" if kind == "speed" else f"with motion turned by {last.amount:g}°"
    sentence = (
        f"Of clips {how}, {last.same_class.value:.0%} are nearest to an unchanged clip of their class in "
        f"{change.last}, {first.same_class.value:.0%} in {change.first} (chance {last.chance:.0%}; unchanged clips "
        f"{last.within.value:.0%} and {first.within.value:.0%}"
        + (f"; shuffled weights {control_last.same_class.value:.0%} in {change.last}" if control_last else "")
        + f"). Without motion they are {last.still.value:.0%} and {first.still.value:.0%}. Beyond that, the last layer "
        f"shares {_points(change.change)} more than the first; with shuffled weights "
        f"{_points(change.control)}."
    )
    return Claim(
        name=name,
        sentence=sentence,
        verdict=verdict,
        measure=measure,
        effect=change.change,
        null=change.chance,
        null_words="labels shuffled over groups of clips",
        control=change.control,
        p_value=_corrected(change),
        n=change.n,
        counted="clips",
        groups=_independent(facts) if facts.compared_groups is None else facts.compared_groups,
        threshold=f"{thresholds.min_depth_change:.0%} of the clips more than the control, "
        f"{_significant(thresholds)}, and beyond 95% of shuffled labels in the last layer",
        caveat=_caveat(facts, last, kind),
        paper=PAPER,
        clips=(*change.kept, *change.lost),
    )


def gain_claim(facts: InvarianceFacts, thresholds: Thresholds) -> Claim:
    """Return the claim that with depth units respond less in proportion to the size of motion."""
    measure = "median slope d log response / d log gain: last less first layer"
    change = facts.depth_of("gain")
    if change is None:
        return _untold("invariance.gain", measure, facts, no_slope(facts) if facts.has_gain else NO_GAIN)
    layers = [facts.layer(name) for name in (change.first, change.last)]
    gains = [layer.gain for layer in layers if layer and layer.gain]
    falls = change.change.high < 0 and _is_beyond(change, thresholds.min_slope_change, thresholds, falls=True)
    verdict = Verdict.SUPPORTED if falls else Verdict.NOT_SUPPORTED
    if change.control is None:
        verdict = Verdict.CANNOT_BE_TOLD
    slopes = " and ".join(
        f"{gain.slope.value:.2f} ({gain.slope.low:.2f} to {gain.slope.high:.2f}) in {name}"
        for gain, name in zip(gains, (change.first, change.last), strict=False)
        if gain.slope
    )
    moved = ", ".join(f"{gain.moved:,} of {gain.live:,}" for gain in gains)
    return Claim(
        name="invariance.gain",
        sentence=(
            "With larger motion at the same rate, what motion adds to a unit's response grows with a slope of "
            f"{slopes} (1 is linear, 0 does not depend on it; medians over the units that motion moves, {moved}): "
            + (
                f"it {'falls' if falls else 'does not fall'} with depth, {_signed(change.change)}; "
                f"with {_gain_control(facts)} {_signed(change.control)}."
                if change.control
                else f"with depth it changes by {_signed(change.change)}. {no_control(change.last)}"
            )
        ),
        verdict=verdict,
        measure=measure,
        effect=change.change,
        control=change.control,
        **({"control_words": _gain_control(facts)} if facts.redrawn else {}),
        p_value=None if change.control is None else _corrected(change),
        n=sum(gain.moved for gain in gains),
        counted="units that motion moves, in both layers",
        groups=_independent(facts),
        threshold=f"{thresholds.min_slope_change:g} lower than the control's change, {_significant(thresholds)}",
        caveat=_gain_caveat(facts),
        paper=PAPER,
    )


def abstraction_claim(facts: InvarianceFacts, thresholds: Thresholds) -> Claim:
    """Return the claim that more units detect a class in the last layer than in the first, beyond chance."""
    measure = "share of live units that detect a class beyond chance: last less first layer"
    change = facts.depth_of("abstraction")
    if change is None or change.beyond_control is None:
        return _untold("invariance.abstraction", measure, facts)
    if facts.classes < MIN_DRAWN_CLASSES:
        return _untold("invariance.abstraction", measure, facts, few_classes(facts))
    first, last = facts.layer(change.first), facts.layer(change.last)
    ends = [layer.abstraction for layer in (first, last) if layer and layer.abstraction]
    control = last.control_abstraction if last else None
    if len(ends) < 2:
        return _untold("invariance.abstraction", measure, facts)
    grows = change.change.low > 0 and _is_beyond(change, thresholds.min_depth_change, thresholds)
    decoding = facts.depth_of("decoding")
    return Claim(
        name="invariance.abstraction",
        sentence=(
            f"{ends[1].detectors:,} of {ends[1].live:,} live units of {change.last} detect a class better than under "
            f"shuffled labels, {ends[0].detectors:,} of {ends[0].live:,} of {change.first}"
            + (f", {control.detectors:,} of {control.live:,} of {change.last} with shuffled weights" if control else "")
            + f". The best of a unit's average precisions is {ends[1].best:.2f} and {ends[0].best:.2f} on average; "
            f"{ends[1].chance:.2f} by chance (95% of the draws up to {ends[1].chance_high:.2f})."
            + (f" Decoding of classes from the layer changes by {_points(decoding.change)}." if decoding else "")
        ),
        verdict=Verdict.SUPPORTED if grows else Verdict.NOT_SUPPORTED,
        measure=measure,
        effect=change.change,
        null=Interval(value=0, low=0, high=0),
        null_words="labels shuffled over groups of clips; at most 5% of the detectors are false discoveries",
        control=change.control,
        p_value=_corrected(change),
        n=ends[0].live + ends[1].live,
        counted="live units of both layers",
        groups=_independent(facts),
        threshold=f"{thresholds.min_depth_change:.0%} of the units more than the control, {_significant(thresholds)}",
        caveat="The interval draws classes, each with the units that detect it best.",
        paper=PAPER,
    )


def kept_apart_claim(facts: InvarianceFacts, thresholds: Thresholds) -> Claim:
    """Return the claim that classes that differ by speed alone stay apart in the last layer.

    Where no such classes are known, how well speed itself is told there is said, without a verdict: a layer that
    training never touched tells it too.
    """
    name, measure = "invariance.kept_apart", "area under the ROC curve in the last layer, 0.5 is chance"
    last = next((layer for layer in reversed(facts.layers) if layer.changes), None)
    pair = next((pair for pair in facts.pairs if last and pair.layer == last.layer), None)
    told = _widest(last.changes, "speed") if last else None
    control = _widest(last.control_changes, "speed") if last else None
    speed = ""
    if last is not None and told is not None:
        speed = (
            f"Clips at {told.amount:g} times their speed are told from unchanged ones in {last.layer} with an area "
            f"under the ROC curve of {_auc(told.told_apart)}"
            + (f", {control.told_apart.value:.2f} with shuffled weights." if control else ".")
        )
    if pair is None:
        reason = f"{speed} {NO_SPEED_PAIR}" if speed else ""
        claim = _untold(name, measure, facts, reason)
        effect = told.told_apart if told else None
        return claim.model_copy(update={"effect": effect, "control": control.told_apart if control else None})
    is_apart = _stays_apart(pair.separated, thresholds)
    control_too = pair.control is not None and _stays_apart(pair.control, thresholds)
    verdict, words = Verdict.SUPPORTED if is_apart and not control_too else Verdict.NOT_SUPPORTED, "do not stay"
    if is_apart:
        words = "stay"
    elif pair.separated.high >= thresholds.kept_apart_auc:  # too few clips to tell it from chance or from the threshold
        verdict, words = Verdict.CANNOT_BE_TOLD, "may or may not stay"
    return Claim(
        name=name,
        sentence=(
            f"{pair.first} and {pair.second}, which differ by speed alone, {words} apart "
            f"in {pair.layer}: area under the ROC curve {_auc(pair.separated)}"
            + (f", {_auc(pair.control)} with shuffled weights. " if pair.control else ". ")
            + speed
        ),
        verdict=verdict,
        measure=measure,
        effect=pair.separated,
        null=Interval(value=0.5, low=0.5, high=0.5),
        null_words="either class as likely to score higher",
        control=pair.control,
        n=pair.clips,
        counted="clips of the two classes",
        groups=pair.clips,
        threshold=f"at least {thresholds.kept_apart_auc:g}, an interval above 0.5, and a control that reaches neither",
        caveat="A layer that shares classes across speeds because it ignores speed would confuse them.",
        paper=PAPER,
    )


def _untold(name: str, measure: str, facts: InvarianceFacts, reason: str = "") -> Claim:
    if not reason:
        reason = TOO_FEW if facts.sees_motion or name == "invariance.abstraction" else NO_MOTION
    return Claim(name=name, sentence=reason, verdict=Verdict.CANNOT_BE_TOLD, measure=measure, paper=PAPER)


def _is_beyond(change: DepthChange, least: float, thresholds: Thresholds, *, falls: bool = False) -> bool:
    """Return whether a change differs from the control's by `least` or more, and not by chance."""
    beyond, p_value = change.beyond_control, _corrected(change)
    if beyond is None or p_value is None:
        return False
    return (-beyond.value if falls else beyond.value) >= least and p_value < thresholds.max_p_value


def _significant(thresholds: Thresholds) -> str:
    return f"p < {thresholds.max_p_value:g} after correction for {CLAIMS} claims"


def _corrected(change: DepthChange) -> float | None:
    return None if change.p_value is None else min(1.0, change.p_value * CLAIMS)


def _stays_apart(separated: Interval, thresholds: Thresholds) -> bool:
    return separated.value >= thresholds.kept_apart_auc and separated.low > 0.5


def _widest(changes: Sequence[SharedUnderChange], kind: str) -> SharedUnderChange | None:
    """Return the comparison with the largest change of a kind."""
    return next((change for change in reversed(changes) if change.kind == kind), None)


def _shared(layer: LayerInvariance | None, kind: str) -> SharedUnderChange | None:
    return None if layer is None else _widest(layer.changes, kind)


def _caveat(facts: InvarianceFacts, last: SharedUnderChange, kind: str) -> str:
    similarity = f"Centred kernel alignment, which need not agree: {last.cka:.2f} in the last layer."
    if kind == "direction" and not facts.has_gain:
        return f"Whole frames are turned, so orientation counts too. {similarity}"
    if kind == "speed" and last.told_apart.low <= 0.5:
        return f"{SPEED_LOST} {similarity}"
    return similarity


def _gain_control(facts: InvarianceFacts) -> str:
    if not facts.redrawn:
        return "shuffled weights"
    return f"weights drawn anew, {facts.redrawn} times, and the network's thresholds"


def _gain_caveat(facts: InvarianceFacts) -> str:
    left_out = [gain for gain, share in facts.clipped if gain not in facts.slope_gains]
    if not left_out:
        return "No gain takes more than 5% of the flow beyond what the network's data can hold."
    named = ", ".join(f"{gain:g}" for gain in left_out)
    return f"Left out: {named} times, which takes more than 5% of the flow beyond what the network's data can hold."


def _left_out(facts: InvarianceFacts) -> list[str]:
    """Return what was not measured, and of how many clips."""
    short = [f"{count:,} at {rate:g} times" for rate, count in facts.too_short]
    return [f"Clips that are too short to be played faster were left out: {', '.join(short)}."] if short else []


def _independent(facts: InvarianceFacts) -> int:
    return facts.classes if facts.resampled == "classes" else facts.groups


def _points(interval: Interval | None) -> str:
    if interval is None:
        return "not measured"
    return f"{interval.value * 100:+.0f} ({interval.low * 100:+.0f} to {interval.high * 100:+.0f}) percentage points"


def _signed(interval: Interval | None) -> str:
    if interval is None:
        return "not measured"
    return f"{interval.value:+.2f} ({interval.low:+.2f} to {interval.high:+.2f})"


def _auc(interval: Interval) -> str:
    return f"{interval.value:.2f} ({interval.low:.2f} to {min(1.0, interval.high):.2f})"


def _series(data: SurveyData) -> tuple[Series, ...]:
    return tuple(
        series for measure, words in DEPTH_MEASURES.items() for series in make_series(data, measure, words.capitalize())
    )


def _old_figures(data: SurveyData) -> tuple[Figure, ...]:
    """Return rank correlations with depth. Layers follow from one another, so they are no evidence of a trend."""
    return tuple(
        Figure(words=f"{words} with depth, {trend.stream}: rank correlation", value=trend.tau)
        for measure, words in DEPTH_MEASURES.items()
        for trend in measure_trends(data.card, data.statistics.distributions, measure)
    )

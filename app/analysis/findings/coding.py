"""What units code, as claims: units that code appearance and motion jointly, and which of the two the network leans to.

After Kowal et al., CVPR 2022 (arXiv 2206.02846), who find that most networks lean to what is static, that two-stream
networks with cross-connections are balanced, and that single units can code either or both.
"""

from app.analysis.findings.claims import add_caveat
from app.analysis.findings.data import SurveyData
from app.analysis.findings.words import fewer_clips_words, share_words
from app.analysis.thresholds import Thresholds
from app.contract.coding import CodingShares, LayerCoding, NetworkCoding, UnitCoding
from app.contract.findings import Claim, Finding, Verdict
from app.contract.interval import Interval
from app.contract.survey_part import SurveyPart
from app.contract.unit import UnitSummary

QUESTIONS = 2  # are asked: p-values are times that (Bonferroni)
SOURCE = "2206.02846"
MAX_UNITS = 3

PAIR_WORDS = {
    "exact": "the data set says which clips share the look and which the motion of another",
    "swapped": "clips were given the appearance, or the motion, of other clips",
    "restyled": "clips were shown in another look, in random order, and as a still",
}
CAVEATS = {
    "exact": "Pairs that share the motion share poses too, which a single frame shows.",
    "swapped": (
        "Swapped streams tell with which stream responses come, and no more: a frame shows poses, which belong to a "
        "motion. Layers of one stream are left out, because nothing else could come out there. A unit that asks for "
        "certain combinations of the two counts as residual."
    ),
    "restyled": (
        "Shapes stay in another look, and how far things move stays in random order: a unit that responds to these "
        "alone counts for what a still picture shows of it."
    ),
}
FACTORS = {  # what is shared by pairs: on the static side, and on the dynamic side
    "exact": ("how clips look", "how they move"),
    "swapped": ("the appearance stream", "the motion stream"),
    "restyled": ("how clips look", "how they move"),
}
NOT_MEASURED = "What units code was not measured: add the part coding to the survey, or survey the network again."
NO_LAYERS = (
    "No hidden layer sees both appearance and motion, so what units code follows from the architecture: each codes "
    "what its stream carries."
)


def with_coding(fusion: Finding, data: SurveyData) -> Finding:
    """Return the finding on fusion with what units code.

    Where the observation can be told by the two streams, its verdict stays: the claims of another paper's measure stand
    beside it. Elsewhere units that code both at once support it in part.
    """
    coding = data.survey.coding
    if coding is None:
        return fusion
    claims = coding_claims(data)
    verdict = fusion.verdict
    if verdict is Verdict.CANNOT_BE_TOLD:
        joint = claims[0].verdict
        verdict = Verdict.PARTLY if joint is Verdict.SUPPORTED else joint
    return fusion.model_copy(
        update={
            "verdict": verdict,
            "claims": (*fusion.claims, *claims),
            "sentences": (*fusion.sentences, *(claim.sentence for claim in claims)),
            "coding": coding,
        }
    )


def coding_claims(data: SurveyData) -> tuple[Claim, ...]:
    """Return the claims on what units code; one that says why where they cannot be told."""
    coding = data.survey.coding
    if coding is None or coding.hidden is None or coding.hidden.live == 0:
        measured = coding is not None or any(part.part is SurveyPart.CODING for part in data.survey.parts)
        reason = (coding and coding.reason) or (NO_LAYERS if measured else NOT_MEASURED)
        return (_claim("joint", reason, Verdict.CANNOT_BE_TOLD),)
    examples = {
        kind: tuple(example.unit for example in reversed(data.examples.get(f"{kind}_coding", ())))
        for kind in (UnitCoding.STATIC, UnitCoding.DYNAMIC)
    }
    fewer = "" if coding.pairs == "exact" else fewer_clips_words(coding.clips, data.survey.clips)
    return (
        add_caveat(_joint(coding, coding.hidden, data.thresholds), fewer),
        add_caveat(_lean(coding, coding.hidden, data.thresholds, examples), fewer),
    )


def _joint(coding: NetworkCoding, hidden: LayerCoding, thresholds: Thresholds) -> Claim:
    joint, chance = hidden.shares.joint, hidden.chance.joint
    most = max(_measured(coding), key=lambda layer: layer.shares.joint.value)
    static, dynamic = FACTORS[coding.pairs or "exact"]
    sentence = (
        f"{static.capitalize()} and {dynamic} both decide the responses of {share_words(joint)} of {hidden.live:,} "
        f"live hidden units, against {chance:.1%} where the pairs of each clip are exchanged"
        f"{_control(hidden.control)}. "
        f"Most are in {most.layer}: {share_words(most.shares.joint)}{_control(most.control)}."
    )
    return _claim(
        "joint",
        sentence,
        _verdict(coding, hidden.joint_difference, _corrected(hidden.joint_p_value), thresholds),
        coding,
        measure="share of the live hidden units that code both",
        effect=joint,
        null=Interval(value=chance, low=chance, high=chance),
        control=hidden.control and hidden.control.joint,
        p_value=_corrected(hidden.joint_p_value),
        n=hidden.live,
        threshold=(
            f"at least {thresholds.min_unit_difference:.0%} of the live units more than with shuffled weights, "
            f"p < {thresholds.max_p_value:g}"
        ),
    )


def _lean(
    coding: NetworkCoding,
    hidden: LayerCoding,
    thresholds: Thresholds,
    examples: dict[UnitCoding, tuple[UnitSummary, ...]],
) -> Claim:
    lean, shares = hidden.lean, hidden.shares
    chance = hidden.chance.static - hidden.chance.dynamic
    is_certain = lean.low > 0 or lean.high < 0
    side = UnitCoding.STATIC if lean.value > 0 else UnitCoding.DYNAMIC
    static, dynamic = FACTORS[coding.pairs or "exact"]
    words = static if side is UnitCoding.STATIC else dynamic
    control = hidden.control
    sentence = (
        f"The network {f'leans to {words}' if is_certain else 'leans to neither side'}: {static} alone decides the "
        f"responses of {share_words(shares.static)} of the live hidden units, {dynamic} alone those of "
        f"{share_words(shares.dynamic)}, and neither those of {share_words(shares.residual)}"
    )
    if control:
        sentence += f"; with shuffled weights {control.static.value:.0%}, {control.dynamic.value:.0%} and "
        sentence += f"{control.residual.value:.0%}"
    sentence += ". Published networks lean to what is static, except two-stream networks with cross-connections."
    difference = hidden.lean_difference
    if difference is not None and lean.value < 0:
        difference = Interval(value=-difference.value, low=-difference.high, high=-difference.low)
    return _claim(
        "lean",
        sentence,
        _verdict(coding, difference, _corrected(hidden.lean_p_value), thresholds)
        if is_certain
        else Verdict.NOT_SUPPORTED,
        coding,
        measure="static less dynamic share of the live hidden units",
        effect=lean,
        null=Interval(value=chance, low=chance, high=chance),
        control=hidden.control_lean,
        p_value=_corrected(hidden.lean_p_value),
        n=hidden.live,
        threshold=(
            f"an interval without zero, and at least {thresholds.min_unit_difference:.0%} of the live units farther to "
            f"that side than with shuffled weights, p < {thresholds.max_p_value:g}"
        ),
        units=examples[side][:MAX_UNITS],
    )


def _corrected(p_value: float | None) -> float | None:
    return None if p_value is None else min(1.0, QUESTIONS * p_value)


def _verdict(
    coding: NetworkCoding, difference: Interval | None, p_value: float | None, thresholds: Thresholds
) -> Verdict:
    """Return the verdict by what the network has more than its controls; one alone says nothing of other weights."""
    if difference is None or p_value is None or coding.controls < 2:
        return Verdict.CANNOT_BE_TOLD
    if difference.value >= thresholds.min_unit_difference and p_value < thresholds.max_p_value:
        return Verdict.SUPPORTED
    return Verdict.NOT_SUPPORTED


def _measured(coding: NetworkCoding) -> list[LayerCoding]:
    """Return the hidden layers that could have come out otherwise."""
    return [layer for layer in coding.layers if layer.is_counted]


def _claim(name: str, sentence: str, verdict: Verdict, coding: NetworkCoding | None = None, **fields: object) -> Claim:
    pairs = coding and coding.pairs
    known: dict[str, object] = {"source": SOURCE}
    if coding and pairs:
        known |= {
            "null_words": f"the two partners of each clip exchanged at random; {PAIR_WORDS[pairs]}",
            "counted": "live units of the hidden layers that see both",
            "groups": coding.groups,
            "caveat": " ".join(filter(None, (CAVEATS[pairs], _single_control(coding), _dead_control(coding)))),
            "control_words": "weights shuffled" + (f", {coding.controls} times" if coding.controls > 1 else ""),
            "clips": coding.examples,
        }
    return Claim.model_validate(
        {"name": f"fusion.{name}_coding", "sentence": sentence, "verdict": verdict} | known | fields
    )


def _single_control(coding: NetworkCoding) -> str:
    """Return what must be known of a survey that has one control; nothing of others."""
    if coding.controls > 1 or coding.hidden is None or coding.hidden.control is None:
        return ""
    return "This survey has one control, and other shuffled weights give other shares: measure the part coding again."


def _dead_control(coding: NetworkCoding) -> str:
    """Return what must be known of a control most of whose units are silent; nothing of another."""
    hidden = coding.hidden
    if hidden is None or hidden.control_live is None or 2 * hidden.control_live >= hidden.live:
        return ""
    return f"With shuffled weights only {hidden.control_live:,} of these units respond to clips at all."


def _control(shares: CodingShares | None) -> str:
    return "" if shares is None else f", and {shares.joint.value:.0%} with shuffled weights"

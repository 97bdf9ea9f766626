"""The claims on invariance fail where a control does as well, where appearance does it alone, or chance could."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.analysis.findings.data import SurveyData
from app.analysis.findings.invariance import invariance
from app.contract.findings import Claim, Finding, UnitStatistics, Verdict
from app.contract.interval import Interval
from app.contract.invariance import (
    DepthChange,
    InvarianceFacts,
    LayerAbstraction,
    LayerGain,
    LayerInvariance,
    SharedUnderChange,
    SpeedPair,
)
from app.contract.survey import Survey
from tests.evidence_support import facts
from tests.support import two_stream_card

FIRST, LAST = "motion.conv1", "fc6"
SUPPORTED, NOT_SUPPORTED, UNTOLD = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED, Verdict.CANNOT_BE_TOLD


def about(value: float, half: float = 0.02) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def shared(kind: str, same_class: float, told_apart: float = 0.9) -> SharedUnderChange:
    value = about(same_class)
    return SharedUnderChange.model_validate(
        {
            "kind": kind,
            "amount": 2 if kind == "speed" else 180,
            "clips": 84,
            **dict.fromkeys(("same_class", "within", "still", "beyond_still", "same_clip", "decoded"), value),
            "decoded_within": value,
            "chance": 0.05,
            "chance_high": 0.08,
            "decoded_chance": 0.05,
            "told_apart": about(told_apart),
            "cka": 0.7,
        }
    )


def layer(name: str, same_class: float, detectors: int, told_apart: float = 0.9) -> LayerInvariance:
    changes = (shared("speed", same_class, told_apart), shared("direction", same_class))
    abstraction = LayerAbstraction(
        live=100, best=0.4, chance=0.18, chance_high=0.25, above=detectors, detectors=detectors, share=about(0.5)
    )
    gain = LayerGain(live=100, moved=90, slope=about(0.8))
    return LayerInvariance(
        layer=name,
        stream="motion",
        units=100,
        changes=changes,
        control_changes=changes,
        gain=gain,
        control_gain=gain,
        abstraction=abstraction,
        control_abstraction=abstraction,
    )


def change(measure: str, value: float, control: float, p_value: float = 0.001) -> DepthChange:
    return DepthChange.model_validate(
        {
            "measure": measure,
            "first": FIRST,
            "last": LAST,
            "change": about(value),
            "control": about(control),
            "beyond_control": about(value - control),
            "p_value": p_value,
            "n": 84,
            "counted": "clips",
            "kept": ("walk-0",),
            "lost": ("run-1",),
        }
    )


LEARNED = {
    "speed": change("speed", 0.4, 0.02),
    "direction": change("direction", 0.3, 0.02),
    "gain": change("gain", -0.4, 0.0),
    "abstraction": change("abstraction", 0.5, 0.05),
}
PAIR = SpeedPair(
    first="wave_slow", second="wave_fast", layer=LAST, clips=20, separated=about(0.95), control=about(0.6, 0.2)
)


def measured(depth: dict[str, DepthChange] = LEARNED, **changes: Any) -> InvarianceFacts:
    fields: dict[str, Any] = {
        "seed": 0,
        "clips": 84,
        "classes": 21,
        "groups": 84,
        "resampled": "classes",
        "sees_motion": True,
        "has_gain": True,
        "layers": (layer(FIRST, 0.1, 2), layer(LAST, 0.6, 90)),
        "depth": tuple(depth.values()),
        "pairs": (PAIR,),
    }
    return InvarianceFacts.model_validate(fields | changes)


def finding(found: InvarianceFacts | None) -> Finding:
    survey = Survey(
        id=1,
        network="tiny",
        dataset="little",
        created_at=datetime.now(UTC),
        **(dict(facts(5)) | {"invariance": found}),
    )
    statistics = UnitStatistics(distributions={}, live=0, specific=0, generic=0)
    return invariance(SurveyData(two_stream_card(), survey, statistics))


def claims(found: InvarianceFacts) -> dict[str, Claim]:
    return {claim.name.partition(".")[2]: claim for claim in finding(found).claims}


def test_what_is_learned_is_supported_with_its_numbers() -> None:
    found = finding(measured())
    assert found.verdict is SUPPORTED
    speed = found.claims[0]
    assert speed.n == 84
    assert speed.groups == 21
    assert "Measured on" not in speed.caveat
    assert claims(measured(compared_groups=7))["speed"].groups == 7
    assert "Measured on 4 of 9 clips" in claims(measured(clips=4))["speed"].caveat
    assert speed.clips == ("walk-0", "run-1")
    assert (
        "Of clips at 2 times their speed, 60% are nearest to an unchanged clip of their class in fc6" in speed.sentence
    )
    assert "+40 (+38 to +42) percentage points more than the first" in speed.sentence
    assert all(claim.effect is not None and claim.threshold for claim in found.claims)


@pytest.mark.parametrize("measure", ["speed", "direction", "gain", "abstraction"])
def test_a_claim_that_the_control_meets_too_is_not_supported(measure: str) -> None:
    value = LEARNED[measure].change.value
    found = finding(measured(LEARNED | {measure: change(measure, value, value)}))
    assert found.verdict is Verdict.PARTLY
    verdicts = {claim.name.partition(".")[2]: claim.verdict for claim in found.claims}
    assert verdicts.pop(measure) is NOT_SUPPORTED
    assert set(verdicts.values()) == {SUPPORTED}


def test_random_weights_support_nothing() -> None:
    flat = {name: change(name, each.control.value, 0.0, 0.4) for name, each in LEARNED.items() if each.control}
    pair = PAIR.model_copy(update={"separated": about(0.6, 0.2)})
    assert finding(measured(flat, pairs=(pair,))).verdict is NOT_SUPPORTED


def test_a_slope_that_rises_with_depth_is_no_invariance() -> None:
    assert claims(measured(LEARNED | {"gain": change("gain", 0.4, 0.0)}))["gain"].verdict is NOT_SUPPORTED


def test_a_slope_beside_no_control_cannot_be_told() -> None:
    alone = change("gain", -0.4, 0.0).model_copy(update={"control": None, "beyond_control": None})
    gain = claims(measured(LEARNED | {"gain": alone}))["gain"]
    assert gain.verdict is UNTOLD
    assert "With shuffled weights motion moves no unit of fc6" in gain.sentence
    assert (gain.effect, gain.p_value) == (alone.change, None)


def test_the_slope_of_weights_drawn_anew_is_named_as_the_control() -> None:
    gain = claims(measured(redrawn=3))["gain"]
    assert gain.verdict is SUPPORTED
    assert gain.control_words == "weights drawn anew, 3 times, and the network's thresholds"
    assert f"with {gain.control_words} " in gain.sentence


def test_a_p_value_is_corrected_for_the_number_of_claims() -> None:
    doubtful = claims(measured(LEARNED | {"speed": change("speed", 0.4, 0.02, p_value=0.02)}))["speed"]
    assert doubtful.p_value == pytest.approx(0.1)
    assert doubtful.verdict is NOT_SUPPORTED


def test_sharing_that_labels_give_by_chance_does_not_count() -> None:
    layers = (layer(FIRST, 0.02, 2), layer(LAST, 0.08, 90))
    assert claims(measured(layers=layers))["speed"].verdict is NOT_SUPPORTED


def test_a_layer_that_has_lost_speed_is_only_partly_invariant() -> None:
    layers = (layer(FIRST, 0.1, 2), layer(LAST, 0.6, 90, told_apart=0.5))
    speed = claims(measured(layers=layers))["speed"]
    assert speed.verdict is Verdict.PARTLY
    assert "may ignore motion" in speed.caveat


def test_classes_of_other_speed_must_stay_apart_and_not_in_the_control_too() -> None:
    confused = PAIR.model_copy(update={"separated": about(0.6)})
    assert claims(measured(pairs=(confused,)))["kept_apart"].verdict is NOT_SUPPORTED
    anyhow = PAIR.model_copy(update={"control": about(0.9)})
    assert claims(measured(pairs=(anyhow,)))["kept_apart"].verdict is NOT_SUPPORTED


def test_without_classes_of_other_speed_the_speed_itself_is_told_of() -> None:
    told = claims(measured(pairs=()))["kept_apart"]
    assert told.verdict is UNTOLD
    assert "told from unchanged ones in fc6 with an area under the ROC curve of 0.90" in told.sentence
    assert "four independent clips of each of two such classes" in told.sentence
    assert told.effect is not None


def test_what_cannot_be_told_says_why() -> None:
    assert finding(None).verdict is UNTOLD
    frames = claims(measured({}, has_gain=False, layers=(), pairs=()))
    assert {claim.verdict for claim in frames.values()} == {UNTOLD}
    assert "Frames cannot be shown with larger motion" in frames["gain"].sentence
    assert "add clips to the data set" in frames["speed"].sentence
    unmoved = claims(measured({}))["gain"]
    assert "units in both layers that motion moves by 10% or more" in unmoved.sentence
    still = claims(measured({}, sees_motion=False, has_gain=False, layers=(), pairs=()))
    assert "single frames" in still["speed"].sentence


def test_abstraction_over_few_classes_says_how_many_it_takes() -> None:
    few = claims(measured(classes=3, resampled="groups"))["abstraction"]
    assert few.verdict is UNTOLD
    assert "takes clips of 6 classes at least; these are of 3" in few.sentence


def test_clips_that_are_too_short_are_told_of() -> None:
    assert "210 at 4 times" in finding(measured(too_short=((4.0, 210),))).sentences[-1]

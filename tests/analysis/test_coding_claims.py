"""Claims on what units code: they follow from the differences to the control."""

from datetime import UTC, datetime

import pytest

from app.analysis.findings.coding import NO_LAYERS, NOT_MEASURED, coding_claims, with_coding
from app.analysis.findings.data import Heading, SurveyData, make_finding
from app.contract.coding import ChanceShares, CodingShares, LayerCoding, NetworkCoding
from app.contract.findings import UnitStatistics, Verdict
from app.contract.interval import Interval
from app.contract.survey import Survey
from tests.evidence_support import facts
from tests.support import two_stream_card


def around(value: float, width: float = 0.02) -> Interval:
    return Interval(value=value, low=value - width, high=value + width)


def shares(static: float, dynamic: float, joint: float) -> CodingShares:
    return CodingShares(
        static=around(static),
        dynamic=around(dynamic),
        joint=around(joint),
        residual=around(1 - static - dynamic - joint),
    )


def layer(trained: tuple[float, float, float], control: tuple[float, float, float], name: str = "fc6") -> LayerCoding:
    lean, control_lean = trained[0] - trained[1], control[0] - control[1]
    joint = trained[2] - control[2]
    return LayerCoding(
        layer=name,
        units=100,
        live=90,
        is_counted=True,
        by_architecture=False,
        shares=shares(*trained),
        chance=ChanceShares(static=0.001, dynamic=0.002, joint=0),
        control=shares(*control),
        control_live=80,
        joint_difference=around(joint),
        joint_p_value=0.001 if joint > 0.03 else 0.4,
        control_lean=around(control_lean),
        lean=around(lean),
        lean_difference=around(lean - control_lean),
        lean_p_value=0.001 if abs(lean - control_lean) > 0.03 else 0.4,
        static_correlation=0.4,
        dynamic_correlation=0.2,
    )


def data_of(coding: NetworkCoding | None) -> SurveyData:
    card = two_stream_card()
    surveyed = facts(len(card.classes), coding=coding)
    survey = Survey(id=1, network=card.slug, dataset="little", created_at=datetime.now(UTC), **dict(surveyed))
    return SurveyData(card, survey, UnitStatistics(distributions={}, live=0, specific=0, generic=0))


def coding_of(each: LayerCoding | None, **changes: object) -> NetworkCoding:
    fields = {
        "pairs": "swapped",
        "clips": 60,
        "groups": 60,
        "seed": 0,
        "controls": 5,
        "layers": (each,) if each else (),
        "hidden": each,
    }
    return NetworkCoding.model_validate(fields | changes)


def test_one_control_tells_nothing_of_other_weights() -> None:
    """Surveys of earlier versions have one."""
    joint, _ = coding_claims(data_of(coding_of(layer((0.5, 0.1, 0.3), (0.2, 0.2, 0.1)), controls=1)))
    assert joint.verdict is Verdict.CANNOT_BE_TOLD
    assert "one control" in joint.caveat


def test_joint_units_beyond_the_control_are_supported() -> None:
    joint, lean = coding_claims(data_of(coding_of(layer((0.5, 0.1, 0.3), (0.2, 0.2, 0.1)))))
    assert (joint.verdict, lean.verdict) == (Verdict.SUPPORTED, Verdict.SUPPORTED)
    assert "both decide the responses of 30% (28% to 32%) of 90 live hidden units" in joint.sentence
    assert joint.sentence.startswith("The appearance stream and the motion stream")
    assert "10% with shuffled weights" in joint.sentence
    assert "Most are in fc6" in joint.sentence
    assert "leans to the appearance stream" in lean.sentence
    assert (joint.n, joint.groups, joint.source) == (90, 60, "2206.02846")
    assert joint.control == around(0.1)
    assert "Measured on" not in joint.caveat


def test_that_fewer_clips_were_measured_than_there_are_is_told() -> None:
    found = layer((0.5, 0.1, 0.3), (0.2, 0.2, 0.1))
    for claim in coding_claims(data_of(coding_of(found, clips=5))):
        assert claim.caveat.endswith("Measured on 5 of 9 clips, because forward passes are limited.")
    assert "Measured on" not in coding_claims(data_of(coding_of(found, clips=3, pairs="exact")))[0].caveat


def test_what_the_control_has_too_is_not_supported() -> None:
    joint, lean = coding_claims(data_of(coding_of(layer((0.5, 0.1, 0.3), (0.5, 0.1, 0.3)))))
    assert (joint.verdict, lean.verdict) == (Verdict.NOT_SUPPORTED, Verdict.NOT_SUPPORTED)


@pytest.mark.parametrize(
    ("trained", "control", "verdict", "words"),
    [
        ((0.1, 0.5, 0.3), (0.3, 0.3, 0.3), Verdict.SUPPORTED, "leans to the motion stream"),
        ((0.1, 0.5, 0.3), (0.0, 0.8, 0.1), Verdict.NOT_SUPPORTED, "leans to the motion stream"),
        ((0.3, 0.3, 0.3), (0.0, 0.8, 0.1), Verdict.NOT_SUPPORTED, "leans to neither side"),
    ],
)
def test_a_lean_must_go_farther_to_its_side_than_the_control(
    trained: tuple[float, float, float], control: tuple[float, float, float], verdict: Verdict, words: str
) -> None:
    _, lean = coding_claims(data_of(coding_of(layer(trained, control))))
    assert lean.verdict is verdict
    assert words in lean.sentence


@pytest.mark.parametrize(
    ("coding", "words"),
    [
        (None, NOT_MEASURED),
        (coding_of(None), NO_LAYERS),
        (coding_of(None, pairs=None, reason="The data set has 3 clips."), "The data set has 3 clips."),
    ],
)
def test_what_cannot_be_told_says_why(coding: NetworkCoding | None, words: str) -> None:
    (claim,) = coding_claims(data_of(coding))
    assert (claim.verdict, claim.sentence) == (Verdict.CANNOT_BE_TOLD, words)


def test_a_network_of_one_stream_is_supported_in_part_at_most() -> None:
    untold = make_finding(Heading("fusion", "Fusion", "."), Verdict.CANNOT_BE_TOLD, ["The network has one stream."])
    told = make_finding(Heading("fusion", "Fusion", "."), Verdict.SUPPORTED, [])
    both = data_of(coding_of(layer((0.5, 0.1, 0.3), (0.2, 0.2, 0.1)), pairs="restyled"))
    as_control = data_of(coding_of(layer((0.5, 0.1, 0.1), (0.2, 0.2, 0.1)), pairs="restyled"))
    assert with_coding(untold, both).verdict is Verdict.PARTLY
    assert with_coding(untold, as_control).verdict is Verdict.NOT_SUPPORTED
    assert with_coding(told, as_control).verdict is Verdict.SUPPORTED
    assert len(with_coding(told, both).claims) == 2
    assert with_coding(told, data_of(None)) == told


def test_a_control_that_is_mostly_silent_is_told() -> None:
    silent = layer((0.5, 0.1, 0.3), (0.2, 0.2, 0.1)).model_copy(update={"control_live": 20})
    joint, _ = coding_claims(data_of(coding_of(silent)))
    assert "only 20 of these units respond" in joint.caveat
    assert "a frame shows poses" in joint.caveat

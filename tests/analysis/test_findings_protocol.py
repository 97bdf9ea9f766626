"""The protocol of findings: written, read again, and refused where it cannot be run."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.analysis.findings import make_findings
from app.analysis.findings.data import SurveyData
from app.analysis.findings.protocol import (
    changed_constants,
    make_protocol,
    read_protocol,
    read_thresholds,
    write_protocol,
)
from app.analysis.thresholds import Thresholds
from app.contract.errors import InvalidRequest
from app.contract.findings import UnitStatistics
from app.contract.survey import MeasuredPart, Survey
from app.contract.survey_part import PartConstants, SurveyPart
from app.settings import ROOT
from tests.evidence_support import facts
from tests.support import two_stream_card

CARD = two_stream_card()


@pytest.fixture
def data() -> SurveyData:
    constants: PartConstants = {"max_clips": 600, "min_fused_area": 0.8, "levels": (2.5, 97.5)}
    parts = (
        MeasuredPart(part=SurveyPart.RECORD, seconds=1),
        MeasuredPart(part=SurveyPart.STREAMS, seconds=1, constants=constants),
    )
    measured = facts(5, parts=parts, groups_known=False)
    survey = Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(measured))
    return SurveyData(CARD, survey, UnitStatistics(distributions={}, live=0, specific=0, generic=0))


def test_a_protocol_is_the_same_after_it_was_written_and_read(data: SurveyData) -> None:
    protocol = make_protocol(data, "a" * 64)
    assert read_protocol(write_protocol(protocol)) == protocol
    assert protocol.parts == ("record", "streams")
    assert make_findings(data).protocol == make_protocol(data)
    assert read_thresholds(protocol) == Thresholds()
    assert protocol.constants == {"streams": {"max_clips": 600, "min_fused_area": 0.8, "levels": (2.5, 97.5)}}
    assert "\n[constants.streams]\nmax_clips = 600\n" in write_protocol(protocol)


def test_constants_that_differ_are_named_and_have_another_digest(data: SurveyData) -> None:
    protocol = make_protocol(data)
    measured = data.survey.parts[1]
    fewer = measured.model_copy(update={"constants": {"max_clips": 300, "min_fused_area": 0.8, "pairs": 10}})
    changed = data.survey.model_copy(update={"parts": (data.survey.parts[0], fewer)})
    other = make_protocol(replace(data, survey=changed))
    assert changed_constants(protocol, other) == ["streams.levels", "streams.max_clips", "streams.pairs"]
    assert protocol.constants_digest != other.constants_digest
    old = data.survey.model_copy(update={"parts": data.survey.parts[:1]})
    without = make_protocol(replace(data, survey=old))
    assert (without.constants, without.constants_digest) == ({}, None)
    assert changed_constants(protocol, read_protocol(write_protocol(without))) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("seed = 0", "seed = zero"), "is not TOML"),
        (("seed = 0\n", ""), "seed: field required"),
        (('dataset = "little"', 'dataset = "little"\nclipz = 3'), "clipz: extra inputs are not permitted"),
        (('"streams"', '"dreams"'), "parts.1: input should be 'record'"),
        (("max_p_value = 0.05", "max_p_value = 7"), "max_p_value: input should be less than 1"),
        (("max_p_value = 0.05", "max_p = 0.05"), "a threshold that there is not: 'max_p'. There are: max_p_value"),
    ],
)
def test_a_protocol_that_cannot_be_run_is_refused(data: SurveyData, change: tuple[str, str], complaint: str) -> None:
    text = write_protocol(make_protocol(data))
    assert change[0] in text
    with pytest.raises(InvalidRequest, match=complaint.replace("(", r"\(")):
        read_protocol(text.replace(*change))


def test_a_threshold_that_a_protocol_does_not_name_keeps_its_default(data: SurveyData) -> None:
    protocol = make_protocol(data).model_copy(update={"thresholds": {"max_p_value": 0.01}})
    assert read_thresholds(read_protocol(write_protocol(protocol))) == Thresholds(max_p_value=0.01)


def test_every_threshold_is_justified() -> None:
    justified = (ROOT / "docs" / "evidence.md").read_text()
    table = justified[justified.index("**Thresholds**") : justified.index("**Protocol.**")]
    for name, value in Thresholds():
        row = next(line for line in table.splitlines() if f"`{name}`" in line)
        assert f"{value:g}" in row, name

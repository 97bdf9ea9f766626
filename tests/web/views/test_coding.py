"""What units code, on pages: the explorer's filter and map, a unit's sentences, and the bars by layer."""

import pytest
from fastapi.testclient import TestClient

from app.contract.coding import NetworkCoding, UnitCoding, UnitCodingEvidence, UnitCorrelation
from app.contract.interval import Interval
from app.contract.survey import MeasuredPart
from app.contract.survey_part import SurveyPart
from app.store.database.engine import Store
from app.store.surveys import writing
from app.web.charts.coding_bars import WIDTH, coding_bars
from tests.analysis.test_coding_claims import coding_of, layer
from tests.evidence_support import add_dataset, every_unit, facts, map_positions, new_predictions
from tests.support import two_stream_card
from tests.web.views.conftest import Open
from tests.web.views.test_templates import check

CARD = two_stream_card()
KINDS = list(UnitCoding)


def measured() -> NetworkCoding:
    layers = tuple(
        layer((0.5, 0.1, 0.3), (0.2, 0.2, 0.1), each.name).model_copy(
            update={"by_architecture": each.stream == "motion"}
        )
        for each in CARD.layers
    )
    return coding_of(layer((0.5, 0.1, 0.3), (0.2, 0.2, 0.1), ""), layers=layers, examples=("walk-0", "run-1"))


def unit_coding(unit: int) -> UnitCodingEvidence:
    static, dynamic = (
        UnitCorrelation(
            shared=value + 0.05, not_shared=0.05, difference=Interval(value=value, low=0.1, high=0.9), p_value=0.001
        )
        for value in (0.45, 0.35)
    )
    return UnitCodingEvidence(kind=KINDS[unit % 4], static=static, dynamic=dynamic, pairs=60)


@pytest.fixture
def surveyed(store: Store, visitor: TestClient) -> None:
    add_dataset(store)
    part = MeasuredPart(part=SurveyPart.CODING, seconds=3.0)
    with store.transaction() as session:
        begun = writing.begin_survey(session, network=CARD.slug, dataset="little")
        units = every_unit(CARD, lambda name, unit: {"coding": unit_coding(unit)} if name == "fc6" else {})
        writing.save_unit_evidence(session, survey_id=begun, units=units)
        writing.save_map_positions(session, survey_id=begun, positions=dict(map_positions(CARD)))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        found = facts(len(CARD.classes), coding=measured(), parts=(part,))
        writing.finish_survey(session, survey_id=begun, facts=found)


@pytest.mark.usefixtures("surveyed")
def test_the_explorer_lists_units_by_what_they_code(visitor: TestClient, open_page: Open) -> None:
    page = open_page("/tiny/-/units?coding=joint")
    check(page)
    assert page.all("input", name="coding", value="dynamic")
    counts = visitor.get("/api/networks/tiny/tally?coding=joint").json()["coding"]
    assert counts == {"static": 3, "dynamic": 3, "joint": 2, "residual": 2}
    assert "dynamic 3" in " ".join(page.text.split())
    listed = visitor.get("/api/networks/tiny/units?coding=joint&per_page=200").json()["items"]
    assert listed
    assert {(unit["layer"], unit["coding"], unit["index"] % 4) for unit in listed} == {("fc6", "joint", 2)}
    assert visitor.get("/api/networks/tiny/units?coding=both").status_code == 422


@pytest.mark.usefixtures("surveyed")
def test_the_map_can_show_what_units_code(open_page: Open) -> None:
    page = open_page("/tiny/-/units?view=map&colour=coding")
    check(page)
    assert page.all("input", name="colour", value="coding")
    for kind in (*UnitCoding, "constant"):
        assert page.all("li", class_=str(kind)), kind


@pytest.mark.usefixtures("surveyed")
def test_a_unit_says_what_it_codes_with_its_numbers(open_page: Open) -> None:
    page = open_page("/tiny/fc6/2")
    check(page)
    assert "Both how clips look and how they move decide its responses." in page.text
    text = " ".join(page.text.split())
    assert (
        "Over 60 pairs of clips its responses correlate by 0.50 where the look is shared and by 0.05 where it is"
        in text
    )
    assert "a difference of 0.45 (0.10 to 0.90)" in text


@pytest.mark.usefixtures("surveyed")
def test_findings_show_the_bars_of_every_layer(open_page: Open, visitor: TestClient) -> None:
    page = open_page("/tiny/-/findings")
    check(page)
    assert "What units code, by layer" in page.text
    assert "/tiny/-/units?coding=joint" in page.links
    assert "both decide the responses of" in page.text
    fusion = visitor.get("/api/networks/tiny/findings").json()["findings"][0]
    assert fusion["coding"]["hidden"]["shares"]["joint"]["value"] == pytest.approx(0.3)
    assert {claim["name"] for claim in fusion["claims"]} >= {"fusion.joint_coding", "fusion.lean_coding"}


def test_without_the_part_there_is_no_filter(open_page: Open, store: Store) -> None:
    page = open_page("/tiny/-/units")
    assert not page.all("input", name="coding")


def test_the_parts_of_a_bar_fill_it() -> None:
    bars = coding_bars("tiny", measured())
    for bar in bars.bars:
        assert sum(segment.width for segment in bar.segments) == pytest.approx(WIDTH, abs=0.2)
        assert [segment.kind for segment in bar.segments] == KINDS
    assert bars.has_control

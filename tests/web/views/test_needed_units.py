"""The claims on units that classes need: when they are supported, and when nothing can be told."""

from datetime import UTC, datetime

from fastapi.testclient import TestClient

from app.analysis.findings import make_findings
from app.analysis.findings.data import SurveyData
from app.contract.findings import Claim, UnitStatistics, Verdict
from app.contract.interval import Interval
from app.contract.necessity import (
    ClassNeed,
    Necessity,
    UnitNecessity,
)
from app.contract.survey import LayerSelectivity, MeasuredPart, Survey
from app.contract.survey_part import SurveyPart
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.surveys import evidence, writing
from tests.evidence_support import add_dataset, every_unit, facts, make_necessity, new_predictions
from tests.support import two_stream_card
from tests.web.views.conftest import Open
from tests.web.views.test_templates import check

CARD = two_stream_card()
SELECTIVE = LayerSelectivity(
    layer="fc6",
    live=40,
    below=10,
    specific=10,
    by_chance=0.5,
    beyond_chance=Interval(value=0.25, low=0.2, high=0.3),
    control=Interval(value=0.05, low=0.0, high=0.1),
    difference=Interval(value=0.2, low=0.1, high=0.4),
    p_value=0.02,
)


SILENCE = MeasuredPart(part=SurveyPart.SILENCE, seconds=1)


def needs(silence: Necessity | None, parts: tuple[MeasuredPart, ...] = ()) -> dict[str, Claim]:
    kept = facts(5, selectivity=(SELECTIVE,), silence=silence, parts=parts)
    survey = Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(kept))
    statistics = UnitStatistics(distributions={}, live=30, specific=3, generic=4)
    finding = make_findings(SurveyData(CARD, survey, statistics)).findings[1]
    return {claim.name.partition(".")[2]: claim for claim in finding.claims}


def test_claims_on_needed_units_are_judged_beside_chance_and_the_control() -> None:
    found = make_necessity()
    assert {claim.verdict for claim in needs(found).values()} == {Verdict.SUPPORTED}
    one = needs(found)["one_class"]
    assert "4 of 20 silenced units" in one.sentence
    assert "fc6/3 (run: -0.80 standard deviations)" in one.sentence
    assert "fc6 20 of 40" in one.caveat
    assert "1 layer was not measured" in one.caveat
    assert found.one_class is not None
    assert found.detectors is not None
    zero = Interval(value=0.01, low=-0.02, high=0.04)
    met_by_control = make_necessity(one_class=found.one_class.model_copy(update={"difference": zero}))
    assert needs(met_by_control)["one_class"].verdict is Verdict.NOT_SUPPORTED
    by_chance = make_necessity(several_classes=found.one_class.model_copy(update={"p_value": 0.2}))
    assert needs(by_chance)["several_classes"].verdict is Verdict.NOT_SUPPORTED
    none_lost = found.one_class.model_copy(update={"units": 0, "p_value": 1.0})
    assert needs(make_necessity(recall=none_lost))["one_class"].verdict is Verdict.PARTLY
    no_recall = found.detectors.model_copy(update={"recall": zero})
    assert needs(make_necessity(detectors=no_recall))["detectors"].verdict is Verdict.PARTLY
    as_control = found.detectors.model_copy(update={"control": Interval(value=0.3, low=0.2, high=0.4)})
    assert needs(make_necessity(detectors=as_control))["detectors"].verdict is Verdict.NOT_SUPPORTED


def test_needed_units_cannot_be_told_from_few_groups_or_an_old_survey() -> None:
    few = needs(make_necessity(tested_classes=1))
    assert few["one_class"].verdict is few["detectors"].verdict is Verdict.CANNOT_BE_TOLD
    assert "5 independent groups of clips of a class" in few["one_class"].sentence
    assert "1 of 5 classes have as many" in few["one_class"].sentence
    two = needs(make_necessity(tested_classes=2))
    assert two["one_class"].verdict is Verdict.SUPPORTED
    assert two["several_classes"].verdict is Verdict.CANNOT_BE_TOLD
    assert "Add the part silence" in needs(None)["several_classes"].sentence
    assert "too many forward passes" in needs(None, parts=(SILENCE,))["several_classes"].sentence
    assert needs(make_necessity(detectors=None))["detectors"].verdict is Verdict.CANNOT_BE_TOLD
    at_chance = needs(make_necessity(never_predicted=(0, 1, 2, 4)))
    assert at_chance["one_class"].verdict is at_chance["several_classes"].verdict is Verdict.CANNOT_BE_TOLD
    assert "never predicts 4 of 5 classes" in at_chance["one_class"].sentence
    assert (
        "the network never predicts 1 of 2 classes"
        in needs(make_necessity(classes=2, never_predicted=(1,)))["one_class"].sentence
    )
    assert "Measured on 5 of 9 clips" in needs(make_necessity(clips=5))["one_class"].caveat
    caveat = needs(make_necessity(never_predicted=(2,), tested_classes=4, control_measured=3))["one_class"].caveat
    assert "The network never predicts wave slow" in caveat
    assert "1 of 5 classes have fewer than 5 groups" in caveat
    assert "In the control only 3 units are live" in caveat


def test_pages_say_what_silencing_a_unit_costs(store: Store, visitor: TestClient, open_page: Open) -> None:
    """Its own page says it in sentences; the explorer finds it by the classes that need it."""
    add_dataset(store)
    change = Interval(value=-0.38, low=-0.5, high=-0.25)
    need = ClassNeed(
        class_index=1, clips=40, recall=1.0, recall_change=change, margin_change=change, needed=True, loses_recall=True
    )
    measured = UnitNecessity(accuracy_change=change, needed_by=1, classes=(need,))
    without = UnitNecessity(accuracy_change=Interval(value=0.0, low=0.0, high=0.0), needed_by=0, classes=())
    found = make_necessity()
    parts = (MeasuredPart(part=SurveyPart.SILENCE, seconds=2.0),)
    with store.transaction() as session:
        begun = writing.begin_survey(session, network=CARD.slug, dataset="little")
        units = every_unit(CARD, lambda layer, unit: {"necessity": measured if unit == 3 else without})
        writing.save_unit_evidence(session, survey_id=begun, units=units)
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        writing.finish_survey(session, survey_id=begun, facts=facts(len(CARD.classes), silence=found, parts=parts))
    with store.session() as session:
        card = networks.get_card(session, slug="tiny")
        kept = evidence.get_survey(session, card=card)
        assert kept is not None
        assert kept.silence == found
        unit = evidence.get_evidence(session, card=card, layer="fc6", unit=3)
        assert unit is not None
        assert unit.necessity == measured
    page = open_page("/tiny/fc6/3")
    check(page)
    words = " ".join(page.text.split())
    assert "Silencing it lowers the margin of run by 0.38 standard deviations" in words
    assert "changes its recall from 100.0% to 62.0%" in words
    assert "No class needs it" in open_page("/tiny/fc6/4").text
    check(open_page("/tiny/-/findings"))
    explorer = open_page("/tiny/-/units?needed_by_class=run&sort=needed&view=list")
    check(explorer)
    assert {link for link in explorer.links if link.endswith("/3")} == {
        f"/tiny/{layer.name}/3" for layer in CARD.layers if layer.units > 3
    }
    assert explorer.all("input", name="needed_by", value="several")
    with_counts = " ".join(open_page("/tiny/-/units").text.split())
    assert f"one {len(CARD.layers)}" in with_counts
    address = "/api/networks/tiny/units"
    listed = visitor.get(f"{address}?needed_by=one").json()["items"]
    assert {(unit["index"], unit["needed_by"]) for unit in listed} == {(3, 1)}
    first = visitor.get(f"{address}?sort=needed&per_page=6").json()["items"]
    assert [unit["needed_by"] for unit in first] == [1] * 5 + [0]
    assert visitor.get(f"{address}?needed_by_class=run").json()["total"] == len(CARD.layers)
    assert visitor.get(f"{address}?needed_by_class=walk").json()["total"] == 0
    assert visitor.get(f"{address}?needed_by_class=rnu").status_code == 404
    assert visitor.get(f"{address}?needed_by=all").status_code == 422
    assert visitor.get("/api/networks/tiny/tally?needed_by=one").json()["needed_by"] == {"one": len(CARD.layers)}

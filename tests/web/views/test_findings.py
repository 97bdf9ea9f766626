import re
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from app.analysis.findings import make_findings
from app.analysis.findings.data import SurveyData, distribution
from app.analysis.findings.fusion import decisive_stream, minor_streams
from app.analysis.findings.idiosyncrasies import has_appearance_bias
from app.analysis.findings.protocol import read_protocol
from app.analysis.trend import kendall_tau
from app.contract.findings import Finding, UnitStatistics, Verdict
from app.contract.interval import Interval
from app.contract.result import MediaRole, Visualization
from app.contract.survey import (
    AppearanceBias,
    LayerSelectivity,
    MaskedClass,
    StreamFacts,
    StreamPair,
    StreamShares,
    Survey,
)
from app.store.database.engine import Store
from app.store.surveys import writing
from app.web import urls
from tests.evidence_support import add_dataset, every_unit, facts, new_predictions, survey
from tests.support import two_stream_card
from tests.web.views.conftest import Make, Open
from tests.web.views.pagereader import PageReader
from tests.web.views.test_templates import check

CARD = two_stream_card()
STREAMS = StreamFacts(
    clips=9,
    fused=0.9,
    appearance=0.4,
    motion=0.5,
    late_fusion=0.6,
    shares=StreamShares(appearance=0.25, motion=0.5, interaction=0.25, kept_by_appearance=0.4, kept_by_motion=0.6),
    pairs=(StreamPair(classes=(0, 1), fused=1.0, appearance=0.5, motion=0.55),),
    biases=(
        AppearanceBias(class_index=2, missed_recall=1.0, recognised_recall=0.0, background_rate=0.4, baseline_rate=0.0),
    ),
)


@pytest.fixture
def surveyed(store: Store, visitor: TestClient) -> None:
    add_dataset(store)
    with store.transaction() as session:
        begun = writing.begin_survey(session, network=CARD.slug, dataset="little")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(CARD))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        writing.finish_survey(session, survey_id=begun, facts=facts(len(CARD.classes), streams=STREAMS))


def test_before_a_survey_the_page_says_what_to_do(visitor: TestClient, open_page: Open) -> None:
    page = open_page("/tiny/-/findings")
    check(page)
    assert "/tiny/-/surveys" in {element.get("href") for element in page.all("a")}
    assert visitor.get("/api/networks/tiny/findings").status_code == 404


@pytest.mark.usefixtures("surveyed")
def test_four_findings_with_sentences_charts_and_units(visitor: TestClient, open_page: Open) -> None:
    check(open_page("/tiny/-/findings"))
    findings = visitor.get("/api/networks/tiny/findings").json()["findings"]
    assert [each["name"] for each in findings] == ["fusion", "specificity", "invariance", "idiosyncrasies"]
    fusion, _, _, last = findings
    assert [(pair["first"], pair["second"]) for pair in fusion["together"]] == [CARD.classes[:2]]
    assert last["suspects"] == [CARD.classes[2]]
    assert fusion["series"]
    assert fusion["examples"]
    assert (
        "Appearance explains 25% of the variance of the logits, motion 50%, their interaction 25%. "
        "40% of the predictions stay the same" in fusion["sentences"][3]
    )
    assert {"words": "variance of the logits, motion", "value": 0.5} in fusion["figures"]
    page = visitor.get("/tiny/-/findings").text
    assert all(each["claim"] in page for each in findings)
    assert all(sentence in page for sentence in fusion["sentences"])
    assert page.count("<svg viewBox") > 10


@pytest.fixture
def seen(store: Store, make: Make) -> Visualization:
    """Of the unit with the most effective classes; the others at both ends have no picture."""
    add_dataset(store)
    survey(store, change=lambda layer, unit: {"effective_classes": 4.5} if (layer, unit) == ("class", 2) else {})
    return make(2)


def test_units_at_both_ends_show_their_stimuli(seen: Visualization, open_page: Open) -> None:
    page = open_page("/tiny/-/findings")
    check(page)
    poster, loop = seen.medium(MediaRole.POSTER), seen.medium(MediaRole.LOOP)
    assert poster
    assert loop
    assert page.all("hover-loop", poster=urls.medium(poster), loop=urls.medium(loop))
    assert "4.50 effective classes" in page.text


def test_those_without_a_picture_can_be_visualized(seen: Visualization, open_page: Open) -> None:
    offered = [link for link in open_page("/tiny/-/findings").links if "/-/visualize?" in link]
    assert len(offered) == 2, "specificity and invariance; of fusion nothing was measured"
    assert all("appearance.conv1/0" in link for link in offered)
    assert not any("class/2" in link for link in offered)


def test_the_saved_file_needs_nothing_else(seen: Visualization, visitor: TestClient) -> None:
    answer = visitor.get("/tiny/-/findings?export=html")
    assert "attachment" in answer.headers["content-disposition"]
    assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
    assert not re.search(r"<(script|link)|url\(|@import", answer.text)
    page = PageReader(answer.text)
    assert all(href.startswith("http") for href in page.links)
    poster = seen.medium(MediaRole.POSTER)
    assert poster
    picture = visitor.get(urls.medium(poster)).content
    sources = [image["src"] for image in page.all("img")]
    assert f"data:image/webp;base64,{b64encode(picture).decode()}" in sources
    assert all(source.startswith("data:") for source in sources)
    still = b64encode(b"poster walk-0").decode()
    assert f"data:image/webp;base64,{still}" in sources, "of a real clip, where there is no stimulus"


def test_what_tells_two_classes_apart() -> None:
    def kind(fused: float, pictures: float, motion: float) -> str | None:
        return decisive_stream(StreamPair(classes=(0, 1), fused=fused, appearance=pictures, motion=motion))

    assert kind(1.0, 0.5, 0.55) == "together"
    assert kind(1.0, 0.95, 0.5) == "appearance"
    assert kind(0.9, 0.5, 0.85) == "motion"
    assert kind(1.0, 0.95, 0.95) is None
    assert kind(0.6, 0.5, 0.5) is None


def test_a_stream_contributes_little_where_the_other_says_nearly_all() -> None:
    assert STREAMS.shares is not None
    assert minor_streams(STREAMS.shares) == []
    still = STREAMS.shares.model_copy(update={"appearance": 0.97, "motion": 0.01, "interaction": 0.02})
    assert minor_streams(still) == ["Motion"]
    gated = STREAMS.shares.model_copy(update={"appearance": 0.4, "motion": 0.01, "interaction": 0.59})
    assert minor_streams(gated) == [], "it changes what the pictures say"


def test_rank_correlations_with_depth_are_figures_and_no_evidence() -> None:
    names = ("motion.conv1", "fusion.conv2", "fc6", "class")
    rising = tuple(distribution(name, (value,)) for name, value in zip(names, (0.1, 0.2, 0.3, 0.4), strict=True))
    survey = Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(facts(5)))
    statistics = UnitStatistics(distributions={"best_precision": rising}, live=0, specific=0, generic=0)
    finding = make_findings(SurveyData(CARD, survey, statistics)).findings[2]
    assert finding.verdict is Verdict.CANNOT_BE_TOLD
    assert "survey the network again" in finding.sentences[0]
    assert [figure.value for figure in finding.figures] == [1.0]


def make_selectivity(layer: str, *, specific: int, p_value: float, control: bool = True) -> LayerSelectivity:
    share, difference = Interval(value=0.25, low=0.2, high=0.3), Interval(value=0.2, low=0.1, high=0.4)
    return LayerSelectivity(
        layer=layer,
        live=40,
        below=10,
        specific=specific,
        by_chance=0.5,
        beyond_chance=share,
        control=Interval(value=0.05, low=0.0, high=0.1) if control else None,
        difference=difference if control else None,
        p_value=p_value if control else None,
    )


def specificity(selectivity: tuple[LayerSelectivity, ...] | None) -> Finding:
    kept = facts(5, selectivity=selectivity)
    survey = Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(kept))
    statistics = UnitStatistics(distributions={}, live=30, specific=3, generic=4)
    return make_findings(SurveyData(CARD, survey, statistics)).findings[1]


def test_specific_units_are_judged_beside_chance_and_shuffled_weights() -> None:
    learned = make_selectivity("fc6", specific=10, p_value=0.02)
    finding = specificity((make_selectivity("fusion.conv2", specific=0, p_value=0.02), learned))
    assert finding.verdict is Verdict.PARTLY, "nothing says whether several classes need the unselective ones"
    assert not finding.supported
    assert "In 1 of 2 hidden layers" in finding.sentences[0]
    assert "fc6 25% (20% to 30%), control 5%" in finding.sentences[0]
    assert finding.selectivity[1] == learned
    tiny = Interval(value=0.01, low=0.005, high=0.02)
    for layer in (
        make_selectivity("fc6", specific=0, p_value=0.001),  # chance explains them
        make_selectivity("fc6", specific=10, p_value=0.06),  # so does a network without training
        make_selectivity("fc6", specific=10, p_value=0.02).model_copy(update={"difference": tiny}),
        make_selectivity("fc6", specific=10, p_value=0.001, control=False),
    ):
        assert specificity((layer,)).verdict is Verdict.NOT_SUPPORTED
    many = (learned, *(make_selectivity(f"conv{n}", specific=0, p_value=1) for n in range(2)))
    assert specificity(many).verdict is Verdict.NOT_SUPPORTED, "of three layers one may be so by chance"


def test_specific_units_cannot_be_told_from_few_clips_or_an_old_survey() -> None:
    few, old = specificity(()), specificity(None)
    assert few.verdict is old.verdict is Verdict.CANNOT_BE_TOLD
    assert few.sentences[0].startswith("An interval takes two classes with four independent clips each")
    assert old.sentences[0].startswith("Chance and a control were not measured in this survey")


def test_the_page_shows_specific_units_by_layer_beside_their_control(
    store: Store, visitor: TestClient, open_page: Open
) -> None:
    add_dataset(store)
    layers = (make_selectivity("fc6", specific=10, p_value=0.02),)
    with store.transaction() as session:
        begun = writing.begin_survey(session, network=CARD.slug, dataset="little")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(CARD))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        writing.finish_survey(session, survey_id=begun, facts=facts(len(CARD.classes), selectivity=layers))
    page = open_page("/tiny/-/findings")
    check(page)
    assert "Partly supported." in page.text
    assert "weights shuffled" in page.text
    found = visitor.get("/api/networks/tiny/findings").json()["findings"][1]
    assert (found["verdict"], found["supported"]) == ("partly supported", False)
    assert found["selectivity"][0]["difference"] == {"value": 0.2, "low": 0.1, "high": 0.4}


def test_the_chance_of_a_rank_correlation() -> None:
    assert kendall_tau([1, 2, 3, 4]) == pytest.approx((1, 1 / 24))
    assert kendall_tau([4, 3, 2, 1]) == pytest.approx((-1, 1 / 24))
    assert kendall_tau([2, 1, 3, 4]) == pytest.approx((2 / 3, 4 / 24))
    assert kendall_tau([1, 1]) == (0, 1)


def test_a_class_whose_motion_decides_is_not_suspected() -> None:
    assert has_appearance_bias(STREAMS.biases[0])
    assert not has_appearance_bias(
        AppearanceBias(class_index=0, missed_recall=0.1, recognised_recall=0.9, background_rate=0.4, baseline_rate=0.0)
    )
    assert not has_appearance_bias(
        AppearanceBias(class_index=0, missed_recall=1.0, recognised_recall=0.0, background_rate=0.0, baseline_rate=0.0)
    )


def test_what_grey_pictures_leave_of_a_class() -> None:
    placed = MaskedClass(class_index=1, clips=4, unmasked=0.9, foreground=0.2, background=0.8)
    moved = MaskedClass(class_index=2, clips=4, unmasked=0.9, foreground=0.9, background=0.1)
    kept = facts(5, streams=STREAMS, masked=(placed, moved))
    survey = Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(kept))
    measured = UnitStatistics(distributions={}, live=0, specific=0, generic=0)
    last = make_findings(SurveyData(CARD, survey, measured)).findings[3]
    assert last.suspects == (CARD.classes[2],), "motion may tell a class whose movers are grey"
    assert last.sentences[-1] == (
        "Where all is grey but what moves, its probability goes from 90% to 90% on average over 4 recognised clips; "
        "where what moves is grey, to 10%."
    )
    alone = CARD.model_copy(update={"streams": CARD.streams[:1]})
    last = make_findings(SurveyData(alone, survey.model_copy(update={"streams": None}), measured)).findings[3]
    assert last.suspects == (CARD.classes[1],)
    assert f"{CARD.classes[1]} is recognised by its place, not by what moves there." in last.sentences
    assert [figure.value for figure in last.figures] == [0.9, 0.2, 0.8]


def test_a_class_says_what_it_is_recognised_by(store: Store, visitor: TestClient, open_page: Open) -> None:
    add_dataset(store)
    masked = MaskedClass(class_index=2, clips=4, unmasked=0.875, foreground=0.25, background=0.75)
    with store.transaction() as session:
        begun = writing.begin_survey(session, network=CARD.slug, dataset="little")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(CARD))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        found = facts(len(CARD.classes), streams=STREAMS, masked=(masked,))
        writing.finish_survey(session, survey_id=begun, facts=found)
    page = open_page(f"/tiny/-/classes/{CARD.classes[2]}")
    check(page)
    text = " ".join(visitor.get(f"/tiny/-/classes/{CARD.classes[2]}").text.split())
    assert "its probability is 87.5%; 25.0% with all grey but what moves, 75.0% with what moves grey" in text
    assert "A suspected bias:" in text
    assert "Given the frame of a recognised clip, 100.0% of the missed clips become correct." in text
    assert "What it is recognised by" not in visitor.get(f"/tiny/-/classes/{CARD.classes[0]}").text


def test_quartiles_of_sorted_values() -> None:
    found = distribution("fc6", (0.0, 1.0, 2.0, 3.0, 4.0))
    assert (found.low, found.first_quartile, found.median, found.third_quartile, found.high) == (
        0.0,
        1.0,
        2.0,
        3.0,
        4.0,
    )
    assert distribution("fc6", (2.0,)).median == 2.0


@pytest.mark.parametrize(
    ("appearance", "motion", "sentence"),
    [
        (0.95, 0.5, "Appearance alone tells walk from run; motion does not."),
        (0.5, 0.95, "Motion alone tells walk from run; appearance does not."),
    ],
)
def test_a_pair_that_one_stream_tells_is_named(appearance: float, motion: float, sentence: str) -> None:
    pair = StreamPair(classes=(0, 1), fused=1.0, appearance=appearance, motion=motion)
    kept = facts(5, streams=STREAMS.model_copy(update={"pairs": (pair,)}))
    survey = Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(kept))
    statistics = UnitStatistics(distributions={}, live=0, specific=0, generic=0)
    assert sentence in make_findings(SurveyData(CARD, survey, statistics)).findings[0].sentences


@pytest.mark.usefixtures("surveyed")
def test_the_protocol_can_be_saved_and_is_told_in_every_form(visitor: TestClient, open_page: Open) -> None:
    answer = visitor.get("/tiny/-/findings?export=toml")
    assert "findings.toml" in answer.headers["content-disposition"]
    protocol = read_protocol(answer.text)
    assert (protocol.dataset, protocol.clips, protocol.seed) == ("little", 9, 0)
    assert protocol.clips_digest is not None
    told = visitor.get("/api/networks/tiny/findings").json()["protocol"]
    assert told["thresholds"] == protocol.thresholds
    assert "/tiny/-/findings?export=toml" in open_page("/tiny/-/findings").links
    for address in ("/tiny/-/findings", "/tiny/-/findings?export=html"):
        text = " ".join(PageReader(visitor.get(address).text).text.split())
        assert "max_p_value 0.05" in text
        assert "Seed 0" in text
        assert "from before groups of clips were noted" in text


def test_the_page_says_what_the_clips_cannot_tell(store: Store, visitor: TestClient, open_page: Open) -> None:
    add_dataset(store)
    survey(store)
    page = open_page("/tiny/-/findings")
    check(page)
    said = visitor.get("/api/networks/tiny/findings").json()["limits"]
    assert "1 clip could not be read and is left out: broken." in said
    assert all(sentence in page.text for sentence in said)

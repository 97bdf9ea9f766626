"""The claims of findings, the clips behind them, and the findings of two networks side by side."""

import pytest
from fastapi.testclient import TestClient

from app.analysis.findings.comparison import compare_findings, differs
from app.contract.errors import Missing
from app.contract.findings import Claim, Verdict
from app.contract.interval import Interval
from app.store.database.engine import Store
from app.web.charts.interval_plot import compared_interval_plots
from app.web.render import to_html
from app.web.views.claim import ClaimPage, find_claim
from app.web.views.compared_findings import ComparedFindingsPage
from app.web.views.findings import FindingsPage
from app.web.views.parts.claims import claim_blocks, papers
from app.web.views.parts.layout import PageLayout
from app.web.views.parts.pagination import numbered_pagination
from app.web.views.parts.share import Share
from tests.claim_support import make_claim, make_findings_of, make_unit
from tests.evidence_support import add_dataset, survey
from tests.support import two_stream_card
from tests.web.views.conftest import Open
from tests.web.views.pagereader import PageReader
from tests.web.views.test_templates import check

CARD = two_stream_card()
SHARE = Share(
    address="http://testserver/", title="", description="", image=None, is_social_card=False, embed_address=None
)
LAYOUT = PageLayout(title="Findings", share=SHARE)


def test_a_claim_shows_its_interval_beside_chance_and_control() -> None:
    findings = make_findings_of(make_claim(units=(make_unit(),)), make_claim("fusion.units", clips=(), effect=None))
    [finding] = findings.findings
    html = to_html(
        FindingsPage(
            layout=LAYOUT,
            card=CARD,
            findings=findings,
            survey_status=None,
            claims={finding.name: claim_blocks(finding.claims)},
            box_plots={finding.name: ()},
            visualize_missing_hrefs={finding.name: None},
            other_networks=(CARD.model_copy(update={"slug": "other"}),),
        )
    )
    page = PageReader(html)
    check(page)
    for words in (
        "0.450 (0.310 to 0.520)",
        "0.010 (-0.080 to 0.110) labels shuffled over videos",
        "0.020 (-0.070 to 0.100) weights shuffled",
        "80 clips, 20 independent groups",
        "< 0.001",
        "at least 0.25 more than the control",
        "Clips of unknown groups count as independent.",
        "Feichtenhofer et al. 2018, section 4.1",
        "One more sentence.",
    ):
        assert words in " ".join(page.text.split()), words
    assert page.text.count("What fusion.pairs says.") == 1, "not among the other sentences once more"
    assert html.count('class="interval-plot"') == 1, "only one has an interval"
    assert {"/tiny/-/findings/fusion.pairs", "https://arxiv.org/abs/1801.01415", "/tiny/fc6/1"} <= set(page.links)
    assert page.all("hover-loop"), "the stimulus beside its unit"
    assert page.form("Compare").fields == {"a": "tiny", "b": "other"}


def test_a_measure_of_another_paper_is_linked_too() -> None:
    links = papers(make_claim(source="2206.02846"))
    assert [(link.text, link.href) for link in links] == [
        ("Feichtenhofer et al. 2018, section 4.1", "https://arxiv.org/abs/1801.01415"),
        ("Kowal et al. 2022", "https://arxiv.org/abs/2206.02846"),
    ]


def test_a_claim_leads_to_exactly_the_clips_behind_it(store: Store, visitor: TestClient) -> None:
    from app.store import datasets
    from app.store.catalog import networks
    from app.web.views.claim import predictions_of

    add_dataset(store)
    survey(store)
    findings = make_findings_of(make_claim())
    finding, block = find_claim(findings, "fusion.pairs")
    with store.session() as session:
        card = networks.get_card(session, slug="tiny")
        known = datasets.clips_by_name(session, slug="little", names=block.claim.clips)
        clips = tuple(known[name] for name in block.claim.clips if name in known)
        predicted = predictions_of(session, card, clips)
    page = PageReader(
        to_html(
            ClaimPage(
                layout=LAYOUT,
                card=card,
                findings=findings,
                finding=finding,
                block=block,
                clips=clips,
                predictions=predicted,
                pagination=numbered_pagination(1, 48, len(block.claim.clips), lambda number: "/"),
            )
        )
    )
    check(page)
    shown = [link for link in page.links if link.startswith("/-/datasets/little/")]
    assert shown == ["/-/datasets/little/walk-0", "/-/datasets/little/run-1"]
    assert "tiny: right 50.0%" in page.text


def test_an_unknown_claim_is_answered_with_similar_names(store: Store, visitor: TestClient) -> None:
    with pytest.raises(Missing, match=r"no claim 'fusion\.pair'\. Near: fusion\.pairs\."):
        find_claim(make_findings_of(make_claim()), "fusion.pair")
    assert "not been surveyed" in visitor.get("/tiny/-/findings/fusion.pairs").text
    add_dataset(store)
    survey(store)
    assert visitor.get("/tiny/-/findings/nothing").status_code == 404


def test_claims_of_two_networks_are_paired_by_name() -> None:
    lower = Interval(value=0.1, low=0.0, high=0.2)
    first = make_findings_of(make_claim(), make_claim("fusion.units"))
    second = make_findings_of(
        make_claim(effect=lower, verdict=Verdict.NOT_SUPPORTED), make_claim("fusion.late"), network="other"
    )
    comparison = compare_findings(first, second)
    [finding] = comparison.findings
    assert comparison.same_data
    assert [(each.name, each.a is not None, each.b is not None, each.differs) for each in finding.claims] == [
        ("fusion.pairs", True, True, True),
        ("fusion.units", True, False, None),
        ("fusion.late", False, True, None),
    ]
    assert differs(make_claim(), make_claim()) is False
    assert differs(make_claim(), make_claim(measure="octaves")) is None
    page = PageReader(
        to_html(
            ComparedFindingsPage(
                layout=LAYOUT,
                cards=(CARD,),
                chosen=(CARD, CARD.model_copy(update={"slug": "other", "title": "The other"})),
                not_surveyed=(),
                comparison=comparison,
                plots=compared_interval_plots(comparison),
            )
        )
    )
    check(page)
    text = " ".join(page.text.split())
    assert text.count("Differs.") == 1
    assert "The survey of The other makes no such claim." in text
    assert "/other/-/findings/fusion.late" in page.links


def test_claims_about_classes_are_compared_by_the_name_of_the_class() -> None:
    """Networks number classes differently: class 1 of one is class 4 of the other."""

    def of_class(index: int, name: str) -> Claim:
        measure = f"share of errors no longer taken for {name}"
        return make_claim(f"idiosyncrasies.bias.{index}.repaired", class_name=name, measure=measure)

    first = make_findings_of(of_class(1, "run"), of_class(4, "jump"))
    second = make_findings_of(of_class(4, "Run"), of_class(1, "walk"), network="other")
    [finding] = compare_findings(first, second).findings
    assert [
        (each.name[-10], each.a and each.a.class_name, each.b and each.b.class_name) for each in finding.claims
    ] == [
        ("1", "run", "Run"),
        ("4", "jump", None),
        ("1", None, "walk"),
    ]
    assert [each.differs for each in finding.claims] == [False, None, None]


def test_two_networks_are_compared_once_both_are_surveyed(store: Store, visitor: TestClient, open_page: Open) -> None:
    check(open_page("/-/findings"))
    add_dataset(store)
    survey(store)
    page = open_page("/-/findings?a=tiny&b=clips")
    check(page)
    assert "A clip network has not been surveyed yet" in page.text
    assert "/clips/-/surveys" in page.links
    assert visitor.get("/api/findings?a=tiny&b=clips").status_code == 404
    both = open_page("/-/findings?a=tiny&b=tiny")
    check(both)
    answer = visitor.get("/api/findings?a=tiny&b=tiny").json()
    assert answer["same_data"]
    assert len(answer["findings"]) == 4
    assert visitor.get("/-/findings?a=tiny&b=nothing").status_code == 404


def test_every_claim_on_the_page_has_a_page_of_its_own(store: Store, visitor: TestClient, open_page: Open) -> None:
    add_dataset(store)
    survey(store)
    findings = visitor.get("/api/networks/tiny/findings").json()["findings"]
    names = [claim["name"] for finding in findings for claim in finding["claims"]]
    assert len(names) == len(set(names)) > 3
    links = open_page("/tiny/-/findings").links
    for name in names:
        assert f"/tiny/-/findings/{name}" in links
        page = open_page(f"/tiny/-/findings/{name}")
        check(page)
        assert any(link.startswith("/-/datasets/little") for link in page.links), "two clicks from verdict to clips"

"""The findings of two networks side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.analysis.findings import make_findings
from app.analysis.findings.comparison import compare_findings
from app.contract.findings_comparison import FindingsComparison
from app.contract.network import NetworkCard
from app.store.catalog import networks
from app.store.surveys.findings import get_findings_data
from app.web import urls
from app.web.charts.interval_plot import IntervalPlot, compared_interval_plots
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.navigation import Crumb

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class ComparedFindingsPage(Page):
    """`comparison` is None until two networks are chosen that have been surveyed."""

    template: ClassVar[str] = "compared_findings.html"
    cards: tuple[NetworkCard, ...]  # all that can be chosen
    chosen: tuple[NetworkCard, ...]  # the two, or fewer
    not_surveyed: tuple[NetworkCard, ...]  # of the chosen
    comparison: FindingsComparison | None
    plots: Mapping[str, IntervalPlot]  # by name of claim


@router.get("/-/findings")
def compared_findings_page(
    request: Request,
    session: ReadSession,
    a: Annotated[str, Query(max_length=63)] = "",
    b: Annotated[str, Query(max_length=63)] = "",
) -> HTMLResponse:
    chosen = tuple(networks.get_card(session, slug=slug) for slug in (a, b) if slug)
    data = [get_findings_data(session, card=card) for card in chosen]
    findings = [make_findings(each) for each in data if each is not None]
    comparison = compare_findings(*findings) if len(findings) == 2 else None
    title = " and ".join(card.title for card in chosen) or "Two networks"
    page = ComparedFindingsPage(
        layout=page_layout(
            request,
            title=f"Findings: {title}",
            address=urls.compared_findings(a=a or None, b=b or None),
            description="The findings of two networks side by side.",
            crumbs=(home_crumb(), Crumb("Findings of two networks")),
        ),
        cards=tuple(networks.list_cards(session)),
        chosen=chosen,
        not_surveyed=tuple(card for card, each in zip(chosen, data, strict=True) if each is None),
        comparison=comparison,
        plots=compared_interval_plots(comparison) if comparison else {},
    )
    return render(page)

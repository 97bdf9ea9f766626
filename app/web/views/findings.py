"""The four findings about a network: as a page, as one HTML file, and their protocol to run again."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from app.analysis.findings import make_findings
from app.analysis.findings.protocol import make_protocol, write_protocol
from app.contract.findings import Finding, Findings
from app.contract.network import NetworkCard
from app.settings import ROOT
from app.store import Session, datasets, media
from app.store.catalog import networks
from app.store.surveys.findings import get_findings_data
from app.web import urls
from app.web.charts.box_plot import BoxPlot, box_plots
from app.web.deps import BaseAddress, ReadSession
from app.web.render import render, to_html
from app.web.views.parts.claims import ClaimBlock, claim_blocks
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.survey_status import SurveyStatus, survey_status
from app.web.views.parts.unit_names import unit_name

router = APIRouter()

STYLE_FOLDER = ROOT / "frontend" / "src" / "style"
EXPORT_STYLE_SHEETS = ("tokens.css", "base.css", "cards.css", "findings.css", "claims.css")


@dataclass(frozen=True, kw_only=True)
class FindingsPage(Page):
    """Claims, box plots and addresses are by the name of their finding.

    `findings` is None before the first survey, with `survey_status` in its place; the mappings are then empty.
    """

    template: ClassVar[str] = "findings.html"
    card: NetworkCard
    findings: Findings | None
    survey_status: SurveyStatus | None
    claims: Mapping[str, tuple[ClaimBlock, ...]]
    box_plots: Mapping[str, tuple[BoxPlot, ...]]
    visualize_missing_hrefs: Mapping[str, str | None]  # None where every example unit has a stimulus
    other_networks: tuple[NetworkCard, ...]  # whose findings can stand beside these


@dataclass(frozen=True, kw_only=True)
class FindingsExport(Page):
    """The findings as one file that needs no server: its images are data URLs, by the sha256 of the media."""

    template: ClassVar[str] = "findings_export.html"
    card: NetworkCard
    findings: Findings
    claims: Mapping[str, tuple[ClaimBlock, ...]]
    box_plots: Mapping[str, tuple[BoxPlot, ...]]
    visualize_missing_hrefs: Mapping[str, str | None]
    data_urls: Mapping[str, str]
    style: str
    base: str  # the address of the dashboard, where links lead
    saved_at: datetime


@router.get("/{network:slug}/-/findings")
def findings_page(
    request: Request,
    session: ReadSession,
    base: BaseAddress,
    network: str,
    export: Annotated[Literal["html", "toml"] | None, Query()] = None,
) -> Response:
    card = networks.get_card(session, slug=network)
    measured = get_findings_data(session, card=card)
    findings = make_findings(measured) if measured else None
    status = None if findings else survey_status(session, card=card)
    each_finding = findings.findings if findings else ()
    layout = page_layout(
        request,
        title=f"Findings · {card.title}",
        address=urls.findings(network),
        description=page_description(each_finding),
        crumbs=network_crumbs(card, Crumb("Findings")),
        is_live=status is not None and status.is_under_way,
    )
    claims = {finding.name: claim_blocks(finding.claims) for finding in each_finding}
    plots = {finding.name: box_plots(finding.series) for finding in each_finding}
    missing_hrefs = {finding.name: visualize_missing_href(network, finding) for finding in each_finding}
    if export == "toml" and measured:
        protocol = make_protocol(measured, datasets.clips_digest(session, slug=measured.survey.dataset))
        headers = {"Content-Disposition": 'attachment; filename="findings.toml"'}
        return Response(write_protocol(protocol), media_type="application/toml", headers=headers)
    if export is None or findings is None:
        return render(
            FindingsPage(
                layout=layout,
                card=card,
                findings=findings,
                survey_status=status,
                claims=claims,
                box_plots=plots,
                visualize_missing_hrefs=missing_hrefs,
                other_networks=tuple(each for each in networks.list_cards(session) if each.slug != network),
            )
        )
    file = FindingsExport(
        layout=layout,
        card=card,
        findings=findings,
        claims=claims,
        box_plots=plots,
        visualize_missing_hrefs=missing_hrefs,
        data_urls=example_data_urls(session, findings.findings),
        style="\n".join((STYLE_FOLDER / name).read_text() for name in EXPORT_STYLE_SHEETS),
        base=base,
        saved_at=datetime.now(UTC),
    )
    return HTMLResponse(
        to_html(file), headers={"Content-Disposition": f'attachment; filename="{network}-findings.html"'}
    )


def visualize_missing_href(network: str, finding: Finding) -> str | None:
    """Return the address of the form for example units that have no stimulus, or None where all have one."""
    missing = [unit_name(example.unit) for example in finding.examples if not example.unit.visualizations]
    return urls.selection(network, units=missing) if missing else None


def example_data_urls(session: Session, findings: tuple[Finding, ...]) -> dict[str, str]:
    """Return the stills and loops of all units that findings show as data URLs, by sha256."""
    units = [example.unit for finding in findings for example in finding.examples]
    units += [unit for finding in findings for claim in finding.claims for unit in claim.units]
    sha256s = {sha256 for unit in units for sha256 in (unit.poster, unit.loop, unit.clip) if sha256}
    stored = media.get_media(session, sha256s=sha256s)
    return {sha256: f"data:{medium.type};base64,{b64encode(medium.data).decode()}" for sha256, medium in stored.items()}


def page_description(findings: tuple[Finding, ...]) -> str:
    """Return the sentence of a link to the page."""
    supported = [finding.title.lower() for finding in findings if finding.supported]
    return f"Supported: {', '.join(supported)}." if supported else "Four observations, to be measured by a survey."

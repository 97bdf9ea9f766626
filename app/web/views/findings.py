"""The four findings of a network: as a page, and as one file to take away."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from app.analysis.findings import find
from app.contract.findings import Finding
from app.settings import ROOT
from app.store import Session, media
from app.store.catalog import networks
from app.store.surveys.findings import get_found
from app.web import urls
from app.web.charts.box_plot import charts
from app.web.deps import Base, Reading
from app.web.pages import FindingsExport, FindingsPage
from app.web.parts import Crumb
from app.web.render import render, to_html
from app.web.views.evidence import is_under_way, surveying
from app.web.views.frame import frame, network_crumbs
from app.web.views.selection import address

router = APIRouter()

STYLE = ROOT / "frontend" / "src" / "style"
STYLES = ("tokens.css", "base.css", "cards.css", "findings.css")


@router.get("/{network:slug}/-/findings")
def findings(
    request: Request,
    session: Reading,
    base: Base,
    network: str,
    export: Annotated[Literal["html"] | None, Query()] = None,
) -> Response:
    card = networks.get_card(session, slug=network)
    found = get_found(session, network=network)
    made = find(found) if found else None
    waiting = None if found else surveying(session, card=card)
    around = frame(
        request,
        title=f"Findings · {card.title}",
        address=urls.findings(network),
        description=lead(made.findings if made else ()),
        crumbs=network_crumbs(card, Crumb("Findings")),
        is_live=is_under_way(waiting),
    )
    drawn = {each.name: charts(each.series) for each in made.findings} if made else {}
    asked = {each.name: unseen(network, each) for each in made.findings} if made else {}
    if export is None or made is None:
        page = FindingsPage(frame=around, card=card, findings=made, unsurveyed=waiting, charts=drawn, unseen=asked)
        return render(page)
    file = FindingsExport(
        frame=around,
        card=card,
        findings=made,
        charts=drawn,
        unseen=asked,
        kept=pictures(session, made.findings),
        style="\n".join((STYLE / name).read_text() for name in STYLES),
        base=base,
        saved_at=datetime.now(UTC),
    )
    return HTMLResponse(
        to_html(file), headers={"Content-Disposition": f'attachment; filename="{network}-findings.html"'}
    )


def unseen(network: str, finding: Finding) -> str | None:
    units = [address(each.unit) for each in finding.examples if not each.unit.visualizations]
    return urls.selection(network, units=units) if units else None


def pictures(session: Session, findings: tuple[Finding, ...]) -> dict[str, str]:
    """Stills and loops of all examples, as addresses that carry their bytes, by sha256."""
    units = [example.unit for each in findings for example in each.examples]
    shown = {each for unit in units for each in (unit.poster, unit.loop, unit.clip) if each}
    found = media.get_media(session, sha256s=shown)
    return {sha256: f"data:{medium.type};base64,{b64encode(medium.data).decode()}" for sha256, medium in found.items()}


def lead(findings: tuple[Finding, ...]) -> str:
    supported = [each.title.lower() for each in findings if each.supported]
    return f"Supported: {', '.join(supported)}." if supported else "Four observations, to be measured by a survey."

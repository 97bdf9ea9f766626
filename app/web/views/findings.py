"""The four findings of a network: as a page, and as one file to take away."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from app.contract.findings import Finding
from app.findings import find
from app.settings import ROOT
from app.store import catalog
from app.store.findings import get_found
from app.web import urls
from app.web.deps import Base, Reading
from app.web.pages import FindingsExport, FindingsPage
from app.web.parts import Crumb
from app.web.render import render, to_html
from app.web.spread import charts
from app.web.views.frame import frame, network_crumbs

router = APIRouter(include_in_schema=False)

STYLE = ROOT / "frontend" / "src" / "style"


@router.get("/{network:slug}/-/findings")
def findings(
    request: Request,
    session: Reading,
    base: Base,
    network: str,
    export: Annotated[Literal["html"] | None, Query()] = None,
) -> Response:
    card = catalog.get_card(session, slug=network)
    found = get_found(session, network=network)
    made = find(found) if found else None
    around = frame(
        request,
        title=f"Findings · {card.title}",
        address=urls.findings(network),
        description=lead(made.findings if made else ()),
        crumbs=network_crumbs(card, Crumb("Findings")),
    )
    drawn = {each.name: charts(each.series) for each in made.findings} if made else {}
    if export is None or made is None:
        page = FindingsPage(frame=around, card=card, findings=made, charts=drawn)
        return render(page)
    style = "\n".join((STYLE / name).read_text() for name in ("tokens.css", "findings.css"))
    file = FindingsExport(frame=around, card=card, findings=made, charts=drawn, style=style, base=base)
    return HTMLResponse(
        to_html(file), headers={"Content-Disposition": f'attachment; filename="{network}-findings.html"'}
    )


def lead(findings: tuple[Finding, ...]) -> str:
    supported = [each.title.lower() for each in findings if each.supported]
    return f"Supported: {', '.join(supported)}." if supported else "Four observations, to be measured by a survey."

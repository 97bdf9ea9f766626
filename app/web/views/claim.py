"""One claim of a finding: its numbers, the clips behind it with what the network predicts, and its units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.analysis.findings import make_findings
from app.contract.dataset import Clip
from app.contract.errors import Missing, closest_names
from app.contract.findings import Finding, Findings
from app.contract.network import NetworkCard
from app.contract.survey import ClipPrediction
from app.store import Session, datasets
from app.store.catalog import networks
from app.store.surveys import predictions
from app.store.surveys.findings import get_findings_data
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.datasets import clip_poster
from app.web.views.parts.claims import ClaimBlock, claim_blocks
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.pagination import Pagination, numbered_pagination

router = APIRouter()

CLIPS_PER_PAGE = 48


@dataclass(frozen=True, kw_only=True)
class ClaimPage(Page):
    template: ClassVar[str] = "claim.html"
    card: NetworkCard
    findings: Findings
    finding: Finding
    block: ClaimBlock
    clips: tuple[Clip, ...]  # behind the claim, on this page; empty where it rests on the whole data set
    predictions: Mapping[int, tuple[ClipPrediction, ...]]  # of this network, by clip
    pagination: Pagination


@router.get("/{network:slug}/-/findings/{name:path}")
def claim_page(
    request: Request,
    session: ReadSession,
    network: str,
    name: str,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    data = get_findings_data(session, card=card)
    if data is None:
        raise Missing(f"{network} has not been surveyed yet, so nothing is claimed of it. Survey it first.")
    findings = make_findings(data)
    finding, block = find_claim(findings, name)
    names = block.claim.clips
    first = (page - 1) * CLIPS_PER_PAGE
    shown = names[first : first + CLIPS_PER_PAGE]
    known = datasets.clips_by_name(session, slug=findings.dataset, names=shown, roles=datasets.CARD_MEDIA)
    clips = tuple(known[each] for each in shown if each in known)

    def href(number: int) -> str:
        return urls.claim(network, name, page=number if number > 1 else None)

    return render(
        ClaimPage(
            layout=page_layout(
                request,
                title=f"{finding.title} · {card.title}",
                address=href(page),
                description=f"{block.claim.verdict.value.capitalize()}: {block.claim.sentence}",
                crumbs=network_crumbs(card, Crumb("Findings", urls.findings(network)), Crumb(name)),
                image=next((poster for poster in map(clip_poster, clips) if poster), None),
            ),
            card=card,
            findings=findings,
            finding=finding,
            block=block,
            clips=clips,
            predictions=predictions_of(session, card, clips),
            pagination=numbered_pagination(page, CLIPS_PER_PAGE, len(names), href),
        )
    )


def find_claim(findings: Findings, name: str) -> tuple[Finding, ClaimBlock]:
    """Return a claim by name, with its finding. Raises Missing, with similar names."""
    for finding in findings.findings:
        for block in claim_blocks(finding.claims):
            if block.claim.name == name:
                return finding, block
    known = [claim.name for finding in findings.findings for claim in finding.claims]
    near = closest_names(name, known)
    hint = f" Near: {', '.join(near)}." if near else ""
    raise Missing(f"The newest survey of {findings.network} makes no claim {name!r}.{hint}")


def predictions_of(
    session: Session, card: NetworkCard, clips: tuple[Clip, ...]
) -> dict[int, tuple[ClipPrediction, ...]]:
    """Return what this network predicts for clips, by clip id."""
    every = predictions.predictions_by_clip(session, clips=[clip.id for clip in clips])
    return {clip: tuple(each for each in of_clip if each.network == card.slug) for clip, of_clip in every.items()}

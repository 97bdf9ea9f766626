"""One class: its stimulus at every speed, and what the newest survey measured."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from app.contract.dataset import Clip
from app.contract.network import CLASS_LAYER, NetworkCard
from app.store import datasets
from app.store.catalog import networks
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.embed import embed_page, is_embedded
from app.web.views.parts.class_evidence import ClassEvidencePanel, class_evidence_panel
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb, NamedLink
from app.web.views.parts.stimulus import StimulusParams, UnitStimulus, load_stimulus
from app.web.views.parts.survey_status import SurveyStatus, survey_status

router = APIRouter()

MAX_CLIPS = 6  # real clips of the class


@dataclass(frozen=True, kw_only=True)
class ClassPage(Page):
    """`survey_status` is there in place of `evidence` before the first survey."""

    template: ClassVar[str] = "class.html"
    stimulus: UnitStimulus
    evidence: ClassEvidencePanel | None
    survey_status: SurveyStatus | None
    shows_detectors_by_layer: bool
    clips: tuple[Clip, ...]
    previous: NamedLink | None
    next: NamedLink | None


@router.get("/{network:slug}/-/classes/{name:path}")
def class_page(
    request: Request,
    session: ReadSession,
    network: str,
    name: str,
    params: Annotated[StimulusParams, Depends(StimulusParams)],
    detectors: Literal["all"] | None = None,
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    index = card.class_index(name)

    def link(**query: str | int | float | None) -> str:
        address = urls.class_(network, name, **query, detectors=detectors)
        return urls.embedded(address) if is_embedded(request) else address

    stimulus = load_stimulus(session, card=card, layer=CLASS_LAYER, unit=index, params=params, link=link)
    if is_embedded(request):
        return embed_page(request, stimulus)
    evidence = class_evidence_panel(session, card=card, index=index)
    status = None if evidence else survey_status(session, card=card)
    page = ClassPage(
        layout=page_layout(
            request,
            title=f"{name} · {card.title}",
            address=stimulus.address,
            description=stimulus.description,
            crumbs=network_crumbs(card, Crumb("Classes", urls.classes(network)), Crumb(name)),
            image=stimulus.poster,
            result=stimulus.shown.visualization,
            is_live=stimulus.is_live or (status is not None and status.is_under_way),
        ),
        stimulus=stimulus,
        evidence=evidence,
        survey_status=status,
        shows_detectors_by_layer=detectors is not None,
        clips=tuple(datasets.clips_of_class(session, name=name, limit=MAX_CLIPS)),
        previous=class_link(card, index - 1),
        next=class_link(card, index + 1),
    )
    return render(page)


def class_link(card: NetworkCard, index: int) -> NamedLink | None:
    """Return a link to a class, or None where the index is that of no class."""
    if not 0 <= index < len(card.classes):
        return None
    return NamedLink(card.classes[index], urls.class_(card.slug, card.classes[index]))

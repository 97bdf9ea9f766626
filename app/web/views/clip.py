"""One clip of a data set: its video and flow, what networks predict for it, and the units that it excites most."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from app.contract.dataset import Clip
from app.contract.evidence import UnitOfClip
from app.contract.result import MediaRole
from app.contract.survey import ClipPrediction
from app.store import Session, datasets
from app.store.catalog import networks
from app.store.surveys import evidence, predictions
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.datasets import clip_poster, datasets_crumb
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.navigation import Choice, Crumb, NamedLink
from app.web.views.parts.player import ClipPlayerSettings, flow_encoding_choices

router = APIRouter(prefix="/-/datasets")

MAX_EXCITED_UNITS = 24


@dataclass(frozen=True, kw_only=True)
class ClipPage(Page):
    template: ClassVar[str] = "clip.html"
    clip: Clip
    player_settings: ClipPlayerSettings
    flow_encodings: tuple[Choice, ...]
    class_links: tuple[NamedLink, ...]  # classes of networks that the clip's label names
    predictions: tuple[ClipPrediction, ...]  # of the networks surveyed with the data set
    explain_links: tuple[NamedLink, ...]  # a form for each network that explains its prediction
    excited_units: tuple[UnitOfClip, ...]  # empty before a survey
    excited_unit_count: int  # also of those that are not shown
    previous: NamedLink | None
    next: NamedLink | None


@router.get("/{slug}/{name:path}")
def clip_page(
    request: Request,
    session: ReadSession,
    slug: str,
    name: str,
    settings: Annotated[ClipPlayerSettings, Depends(ClipPlayerSettings)],
) -> HTMLResponse:
    dataset = datasets.get_dataset(session, slug=slug)
    clip = datasets.get_clip(session, slug=slug, name=name)
    previous, next_ = datasets.adjacent_clips(session, clip=clip)
    page = ClipPage(
        layout=page_layout(
            request,
            title=f"{clip.name} · {dataset.title}",
            address=urls.clip(slug, name, **settings.query_params),
            description=f"A real clip of {clip.label}"
            + (", with the motion that networks see." if clip.medium(MediaRole.FLOW) else "."),
            crumbs=(home_crumb(), datasets_crumb(), Crumb(dataset.title, urls.dataset(slug)), Crumb(clip.name)),
            image=clip_poster(clip),
        ),
        clip=clip,
        player_settings=settings,
        flow_encodings=flow_encoding_choices(
            settings, lambda view: urls.clip(slug, name, **{**settings.query_params, "view": view})
        ),
        class_links=tuple(class_links(session, clip.label)),
        predictions=predictions.predictions_by_clip(session, clips=[clip.id]).get(clip.id, ()),
        explain_links=tuple(
            NamedLink(card.title, urls.explain_clip(card.slug, dataset=slug, clip=name))
            for card in networks.list_cards(session)
            if card.classes
        ),
        excited_units=tuple(evidence.units_of_clip(session, clip_id=clip.id, limit=MAX_EXCITED_UNITS)),
        excited_unit_count=evidence.count_units_of_clip(session, clip_id=clip.id),
        previous=NamedLink(previous, urls.clip(slug, previous)) if previous else None,
        next=NamedLink(next_, urls.clip(slug, next_)) if next_ else None,
    )
    return render(page)


def class_links(session: Session, label: str) -> list[NamedLink]:
    """Return links to the classes of registered networks that a label names."""
    links = []
    for card in networks.list_cards(session):
        index = card.find_class(label)
        if index is not None:
            name = card.classes[index]
            links.append(NamedLink(f"{name} of {card.title}", urls.class_(card.slug, name)))
    return links

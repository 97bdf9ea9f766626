"""The form that asks why a network predicts what it does for a clip."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.contract.dataset import Clip
from app.contract.errors import UnknownClass
from app.contract.network import NetworkCard
from app.store import datasets
from app.store.catalog import networks
from app.store.jobs import workers
from app.web import urls
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.render import render
from app.web.requests.uploads import QuestionDep
from app.web.requests.visitor import VisitorDep, new_owner, remember_owner, requester
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb

router = APIRouter()

MAX_EXAMPLE_CLIPS = 24
Name = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, kw_only=True)
class ExplainPage(Page):
    """The form for a file, or with `clip` for a clip of a data set."""

    template: ClassVar[str] = "explain.html"
    card: NetworkCard
    clip: Clip | None
    expected_class: str  # empty for none
    example_clips: tuple[tuple[Clip, str], ...]  # each with the address of this form for it
    max_file_bytes: int
    workers_alive: bool


@router.get("/{network:slug}/-/explain")
def explain_page(
    request: Request,
    session: ReadSession,
    settings: SettingsDep,
    network: str,
    dataset: Name = "",
    clip: Name = "",
    expected: Name = "",
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    card.require_classes()
    chosen = datasets.get_clip(session, slug=dataset, name=clip) if dataset and clip else None
    examples = datasets.example_clips(session, names=card.classes, limit=MAX_EXAMPLE_CLIPS)
    page = ExplainPage(
        layout=page_layout(
            request,
            title=f"Explain a clip · {card.title}",
            address=urls.explain_clip(network, dataset=dataset or None, clip=clip or None),
            description=f"Why does {card.title} take a clip for what it does?",
            crumbs=network_crumbs(card, Crumb("Explain a clip")),
        ),
        card=card,
        clip=chosen,
        expected_class=class_of_label(card, expected or (chosen.label if chosen else "")),
        example_clips=tuple(
            (each, urls.explain_clip(network, dataset=each.dataset, clip=each.name)) for each in examples.values()
        ),
        max_file_bytes=settings.clip_limit,
        workers_alive=workers.any_alive(session),
    )
    return render(page)


@router.post(urls.own_clips())
def request_explanation(
    question: QuestionDep, session: WriteSession, settings: SettingsDep, visitor: VisitorDep
) -> RedirectResponse:
    owner = visitor.cookie_owner or new_owner()
    job = question.enqueue(session, limit=settings.queue_limit, requester=requester(visitor, settings, owner))
    response = RedirectResponse(urls.own_clip(job.id), status_code=303)
    remember_owner(response, owner)
    return response


def class_of_label(card: NetworkCard, label: str) -> str:
    """Return the network's spelling of a label, or nothing where it knows no such class."""
    try:
        return card.classes[card.match_class(label)] if label else ""
    except UnknownClass:
        return ""

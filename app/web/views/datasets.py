"""Data sets, their clips, and one clip with its motion."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from app.contract.evidence import Clip
from app.contract.result import Role
from app.store import Session, datasets
from app.store.catalog import networks
from app.store.datasets import ON_CARDS
from app.store.surveys import evidence, predictions
from app.web import urls
from app.web.deps import Reading, at_once
from app.web.pages import ClipPage, DatasetPage, DatasetsPage
from app.web.parts import ClipLook, Crumb, DatasetEntry, LabelChoice, Neighbour
from app.web.render import render
from app.web.views.frame import HOME, frame
from app.web.views.look import views
from app.web.views.pager import pager

router = APIRouter(prefix="/-/datasets")

PER_PAGE, SHOWN, EXCITED = 48, 4, 24
SETS = Crumb("Data sets", urls.datasets())


@router.get("")
def all_datasets(request: Request, session: Reading) -> HTMLResponse:
    entries = tuple(
        DatasetEntry(found, datasets.list_clips(session, slug=found.slug, per_page=SHOWN).items)
        for found in datasets.list_datasets(session)
    )
    around = frame(
        request,
        title="Data sets · Kinetoscope",
        address=urls.datasets(),
        description="The labelled clips that networks are surveyed with.",
        crumbs=(HOME, Crumb("Data sets")),
    )
    return render(DatasetsPage(frame=around, datasets=entries))


@router.get("/{slug}")
def dataset(
    request: Request,
    session: Reading,
    slug: str,
    label: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    found = datasets.get_dataset(session, slug=slug)
    clips = datasets.list_clips(session, slug=slug, label=label or None, page=page, per_page=PER_PAGE, roles=ON_CARDS)

    def href(number: int) -> str:
        return urls.dataset(slug, label=label, page=number if number > 1 else None)

    shown = DatasetPage(
        frame=frame(
            request,
            title=f"{label or 'Clips'} · {found.title}",
            address=href(page),
            description=found.summary or f"{found.clips:,} clips of {len(found.classes):,} classes.",
            crumbs=(HOME, SETS, Crumb(found.title)),
            image=next((poster for poster in map(poster_of, clips.items) if poster), None),
        ),
        dataset=found,
        labels=tuple(
            LabelChoice(each, count, each == label) for each, count in datasets.label_counts(session, slug=slug).items()
        ),
        label=label or None,
        clips=clips,
        answers=predictions.answers_by_clip(session, clips=[clip.id for clip in clips.items]),
        pager=pager(page, PER_PAGE, clips.total, href),
        surveys=tuple(evidence.list_surveys(session, dataset=slug)),
    )
    return render(shown)


@router.get("/{slug}/{name:path}")
def clip(
    request: Request, session: Reading, slug: str, name: str, look: Annotated[ClipLook, Depends(at_once(ClipLook))]
) -> HTMLResponse:
    found = datasets.get_dataset(session, slug=slug)
    clip = datasets.get_clip(session, slug=slug, name=name)
    before, after = datasets.neighbours(session, clip=clip)
    page = ClipPage(
        frame=frame(
            request,
            title=f"{clip.name} · {found.title}",
            address=urls.clip(slug, name, **look.choices),
            description=f"A real clip of {clip.label}, with the motion that networks see.",
            crumbs=(HOME, SETS, Crumb(found.title, urls.dataset(slug)), Crumb(clip.name)),
            image=poster_of(clip),
        ),
        dataset=found,
        clip=clip,
        look=look,
        views=views(look, lambda view: urls.clip(slug, name, **{**look.choices, "view": view})),
        classes=tuple(classes_of(session, clip.label)),
        answers=predictions.answers_by_clip(session, clips=[clip.id]).get(clip.id, ()),
        explainers=tuple(
            Neighbour(card.title, urls.explain_clip(card.slug, dataset=slug, clip=name))
            for card in networks.list_cards(session)
        ),
        excites=tuple(evidence.units_of_clip(session, clip_id=clip.id, limit=EXCITED)),
        previous=Neighbour(before, urls.clip(slug, before)) if before else None,
        next=Neighbour(after, urls.clip(slug, after)) if after else None,
    )
    return render(page)


def classes_of(session: Session, label: str) -> list[Neighbour]:
    """The classes of registered networks that a label names."""
    found = []
    for card in networks.list_cards(session):
        index = card.find_class(label)
        if index is not None:
            name = card.classes[index]
            found.append(Neighbour(f"{name} of {card.title}", urls.class_(card.slug, name)))
    return found


def poster_of(clip: Clip) -> str | None:
    medium = clip.medium(Role.POSTER)
    return medium.sha256 if medium else None

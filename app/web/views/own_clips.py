"""A person's own clip: the form that asks why a network takes it for what it does, and the answer."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.contract.errors import UnknownClass
from app.contract.explanation import ClassShares, Explanation, LayerShares, OwnClip
from app.contract.network import NetworkCard
from app.contract.result import Role, Visualization
from app.contract.unit import UnitSummary
from app.store import Session, datasets
from app.store.catalog import networks, search
from app.store.jobs import queue, workers
from app.store.results import visualizations
from app.store.surveys import explanations
from app.web import urls
from app.web.charts.line_chart import chart
from app.web.deps import Reading, SettingsDep, Writing, at_once
from app.web.owner import Owner, new_owner, remember
from app.web.pages import ExplainPage, OwnClipPage
from app.web.parts import ClipLook, Crumb
from app.web.render import render
from app.web.shares import ShareOfUnit, SharesOfLayer, SharesOfLogit
from app.web.uploads import Asked
from app.web.views.frame import frame, network_crumbs
from app.web.views.look import views
from app.web.views.selection import address

router = APIRouter()

PICKS = 24
FPS = 25  # of every clip that is kept
Place = tuple[str, int]  # layer and number
Name = Annotated[str, Query(max_length=200)]


@router.get("/{network:slug}/-/explain")
def form(
    request: Request,
    session: Reading,
    settings: SettingsDep,
    network: str,
    dataset: Name = "",
    clip: Name = "",
    expected: Name = "",
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    chosen = datasets.get_clip(session, slug=dataset, name=clip) if dataset and clip else None
    picks = datasets.examples(session, names=card.classes, limit=PICKS)
    page = ExplainPage(
        frame=frame(
            request,
            title=f"Explain a clip · {card.title}",
            address=urls.explain_clip(network, dataset=dataset or None, clip=clip or None),
            description=f"Why does {card.title} take a clip for what it does?",
            crumbs=network_crumbs(card, Crumb("Explain a clip")),
        ),
        card=card,
        clip=chosen,
        expected=class_named(card, expected or (chosen.label if chosen else "")),
        picks=tuple(
            (each, urls.explain_clip(network, dataset=each.dataset, clip=each.name)) for each in picks.values()
        ),
        limit=settings.clip_limit,
        workers_alive=workers.any_alive(session),
    )
    return render(page)


@router.post(urls.own_clips())
def ask(question: Asked, session: Writing, settings: SettingsDep, owner: Owner) -> RedirectResponse:
    owner = owner or new_owner()
    job = question.enqueue(session, limit=settings.queue_limit)
    queue.own(session, jobs=[job], owner=owner)
    response = RedirectResponse(urls.own_clip(job.id), status_code=303)
    remember(response, owner)
    return response


@router.get("/-/clips/{clip_id}")
def own_clip(
    request: Request,
    session: Reading,
    clip_id: Annotated[int, Path(ge=1, lt=2**63)],
    look: Annotated[ClipLook, Depends(at_once(ClipLook))],
    against: Name = "",
) -> HTMLResponse:
    clip = explanations.get_own_clip(session, clip_id=clip_id)
    card = networks.get_card(session, slug=clip.job.network)
    found, poster = clip.explanation, clip.medium(Role.POSTER)
    shown: list[ClassShares] = [] if found is None else [found.against(against)] if against else answers(found)
    page = OwnClipPage(
        frame=frame(
            request,
            title=f"{clip.name}, explained · {card.title}",
            address=urls.own_clip(clip_id, against=against or None, **look.choices),
            description=description(clip, card),
            crumbs=network_crumbs(card, Crumb("Explain a clip", urls.explain_clip(card.slug)), Crumb(clip.name)),
            image=poster.sha256 if poster else None,
            is_live=clip.job.state.is_live,
        ),
        card=card,
        clip=clip,
        look=look,
        views=views(
            look, lambda view: urls.own_clip(clip_id, **{"against": against or None, **look.choices, "view": view})
        ),
        shown=tuple(taken_apart(session, card, clip, shown)),
        against=against or None,
        rivals=tuple(each.against for each in found.contrasts if each.against) if found else (),
        workers_alive=workers.any_alive(session),
    )
    return render(page)


def class_named(card: NetworkCard, label: str) -> str:
    """The network's own spelling; empty where it knows no such class."""
    try:
        return card.classes[card.match_class(label)] if label else ""
    except UnknownClass:
        return ""


def answers(found: Explanation) -> list[ClassShares]:
    """The predicted class, and the expected one where it is another."""
    is_other = found.expected is not None and found.expected.label != found.predicted.label
    return [found.predicted, *([found.expected] if found.expected and is_other else [])]


def description(clip: OwnClip, card: NetworkCard) -> str:
    if clip.explanation is None:
        return f"A clip that {card.title} was asked about."
    first = clip.explanation.predictions[0]
    return f"{card.title} takes it for {first.label} ({first.probability:.0%}): the units that made it so."


def taken_apart(
    session: Session, card: NetworkCard, clip: OwnClip, shown: Sequence[ClassShares]
) -> list[SharesOfLogit]:
    """The units of all logits and layers are looked up together."""
    places = [(unit.layer, unit.unit) for shares in shown for layer in shares.layers for unit in layer.units]
    units = {(unit.layer, unit.index): unit for unit in search.named_units(session, slug=card.slug, names=places)}
    stimuli = visualizations.newest_for_units(session, slug=card.slug, units=list(units.values()))
    return [
        SharesOfLogit(
            label=shares.label,
            against=shares.against,
            logit=shares.logit,
            layers=tuple(of_layer(card, clip, layer, units, stimuli) for layer in shares.layers),
        )
        for shares in shown
    ]


def of_layer(
    card: NetworkCard,
    clip: OwnClip,
    shares: LayerShares,
    units: Mapping[Place, UnitSummary],
    stimuli: Mapping[Place, Visualization],
) -> SharesOfLayer:
    found = [(each, units[each.layer, each.unit]) for each in shares.units]
    unseen = [address(unit) for _, unit in found if not unit.visualizations]
    extent = card.layer(shares.layer).map
    video = clip.medium(Role.VIDEO)
    length = video.frames / FPS if video else 0.0
    has_moments = any(len(each.trace) > 1 for each in shares.units)
    largest = max((abs(each.share) for each in shares.units), default=0.0) or 1.0
    return SharesOfLayer(
        layer=shares.layer,
        units=tuple(
            ShareOfUnit(
                unit=unit,
                found=each,
                stimulus=stimuli.get((unit.layer, unit.index)),
                trace=chart(each.trace),
                seconds=each.time * length if len(each.trace) > 1 else None,
                bar=each.share / largest,
            )
            for each, unit in found
        ),
        others=shares.others,
        rest=shares.rest,
        has_places=extent.height * extent.width > 1,
        has_moments=has_moments,
        unseen=urls.selection(card.slug, units=unseen) if unseen else None,
    )

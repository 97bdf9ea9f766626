"""An explained clip: what the network predicts for it, and the units that the predicted logit comes from."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse

from app.contract.explanation import ClassShares, Explanation, OwnClip
from app.contract.network import NetworkCard
from app.contract.result import MediaRole
from app.store.catalog import networks
from app.store.jobs import workers
from app.store.surveys import explanations
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.logit_contributions import LogitContributions, logit_contributions
from app.web.views.parts.navigation import Choice, Crumb
from app.web.views.parts.player import ClipPlayerSettings, flow_encoding_choices

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class ExplainedClipPage(Page):
    """`logits` is empty until the job is done."""

    template: ClassVar[str] = "own_clip.html"
    card: NetworkCard
    clip: OwnClip
    player_settings: ClipPlayerSettings
    flow_encodings: tuple[Choice, ...]
    logits: tuple[LogitContributions, ...]
    against: str | None  # the class that the predicted one is to be compared with
    was_compared: bool
    other_classes: tuple[str, ...]  # those that were compared come first
    compare_href: str  # the form that asks for the comparison
    workers_alive: bool


@router.get("/-/clips/{clip_id}")
def explained_clip_page(
    request: Request,
    session: ReadSession,
    clip_id: Annotated[int, Path(ge=1, lt=2**63)],
    settings: Annotated[ClipPlayerSettings, Depends(ClipPlayerSettings)],
    against: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    clip = explanations.get_own_clip(session, clip_id=clip_id)
    card = networks.get_card(session, slug=clip.job.network)
    explanation, poster = clip.explanation, clip.medium(MediaRole.POSTER)
    rival = card.classes[card.match_class(against)] if against else None
    if explanation and rival == explanation.predicted.label:
        rival = None
    contrast = explanation.against(rival) if explanation and rival else None
    query = {"against": rival, **settings.query_params}
    page = ExplainedClipPage(
        layout=page_layout(
            request,
            title=f"{clip.name}, explained · {card.title}",
            address=urls.own_clip(clip_id, **query),
            description=page_description(clip, card),
            crumbs=network_crumbs(card, Crumb("Explain a clip", urls.explain_clip(card.slug)), Crumb(clip.name)),
            image=poster.sha256 if poster else None,
            is_live=clip.job.state.is_live,
        ),
        card=card,
        clip=clip,
        player_settings=settings,
        flow_encodings=flow_encoding_choices(settings, lambda view: urls.own_clip(clip_id, **{**query, "view": view})),
        logits=tuple(logit_contributions(session, card, clip, shown_logits(explanation, contrast)))
        if explanation
        else (),
        against=rival,
        was_compared=contrast is not None,
        other_classes=other_classes(explanation, card) if explanation else (),
        compare_href=urls.explain_clip(
            card.slug,
            dataset=clip.job.dataset,
            clip=clip.name if clip.job.dataset else None,
            expected=rival,
        ),
        workers_alive=workers.any_alive(session),
    )
    return render(page)


def other_classes(explanation: Explanation, card: NetworkCard) -> tuple[str, ...]:
    """Return all classes but the predicted one, first those that were compared with it."""
    compared = [contrast.against for contrast in explanation.contrasts if contrast.against]
    return tuple(name for name in dict.fromkeys((*compared, *card.classes)) if name != explanation.predicted.label)


def shown_logits(explanation: Explanation, contrast: ClassShares | None) -> list[ClassShares]:
    """Return the contrast, or without one the logits of the predicted and the expected class."""
    if contrast is not None:
        return [contrast]
    predicted, expected = explanation.predicted, explanation.expected
    if expected is None or expected.label == predicted.label:
        return [predicted]
    return [predicted, expected]


def page_description(clip: OwnClip, card: NetworkCard) -> str:
    """Return the sentence of a link to the page."""
    if clip.explanation is None:
        return f"A clip that {card.title} was asked about."
    first = clip.explanation.predictions[0]
    return f"{card.title} takes it for {first.label} ({first.probability:.0%}): the units that made it so."

"""The page that starts sessions of naming: which network, which of its stored stimuli, and how they are answered."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.analysis.naming.plan import ClassResult, is_default
from app.contract.naming import NamingRequest, NamingSession, Shown, possible_shown
from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.unit_query import UnitQuery
from app.store.catalog import networks
from app.store.naming import sessions
from app.store.naming.sessions import Participant
from app.web import urls
from app.web.deps import ReadSession, WriteSession
from app.web.render import render
from app.web.requests.form import Form
from app.web.requests.validation import invalid_request
from app.web.requests.visitor import VisitorDep, new_owner, remember_owner
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.navigation import Crumb

router = APIRouter()

SEEDS_TOLD = 12  # of the stored stimuli, in a sentence
SHOWN_TEXTS = {
    Shown.ALL: "picture, flow, carried picture",
    Shown.BOTH: "picture and flow",
    Shown.PICTURE: "the picture alone",
    Shown.FLOW: "the flow alone",
}


@dataclass(frozen=True)
class NetworkChoice:
    """A network whose stimuli may be named, with how many results its classes have."""

    card: NetworkCard
    results: int
    href: str


@dataclass(frozen=True)
class StoredStimuli:
    """What is stored of the classes of the chosen network."""

    results: int
    classes: int  # that have a result
    of_default_recipe: int
    speeds: tuple[tuple[str, int], ...]
    seeds: tuple[int, ...]  # the first SEEDS_TOLD
    more_seeds: int
    sweep_href: str  # the form that makes others

    @classmethod
    def of(cls, card: NetworkCard, results: Sequence[ClassResult]) -> "StoredStimuli":
        raising = [each for each in results if each.recipe.sign == "maximize"]
        seeds = sorted({each.recipe.seed for each in raising})
        return cls(
            results=len(raising),
            classes=len({each.class_index for each in raising}),
            of_default_recipe=sum(is_default(each.recipe, card) for each in raising),
            speeds=tuple(sorted(Counter(each.recipe.speed.value for each in raising).items())),
            seeds=tuple(seeds[:SEEDS_TOLD]),
            more_seeds=max(0, len(seeds) - SEEDS_TOLD),
            sweep_href=urls.selection(card.slug, UnitQuery(layer=CLASS_LAYER)),
        )


@dataclass(frozen=True, kw_only=True)
class NameItPage(Page):
    """`card` and `stored` are None until a network is chosen."""

    template: ClassVar[str] = "name_it.html"
    networks: tuple[NetworkChoice, ...]  # that can be chosen besides
    card: NetworkCard | None
    stored: StoredStimuli | None
    shown_choices: tuple[tuple[str, str], ...]  # value and text; only those that the network's stimuli have
    own_sessions: tuple[NamingSession, ...]


@router.get(urls.name_it())
def name_it_page(
    request: Request,
    session: ReadSession,
    visitor: VisitorDep,
    network: Annotated[str, Query(max_length=63)] = "",
) -> HTMLResponse:
    card = networks.get_card(session, slug=network) if network else None
    stored = StoredStimuli.of(card, sessions.class_results(session, card=card)) if card else None
    counts = sessions.count_class_results(session)
    cards = [each for each in networks.list_cards(session) if each.classes and each.slug != network]
    shown = possible_shown(card) if card else ()
    return render(
        NameItPage(
            layout=page_layout(
                request,
                title=f"Name stimuli of {card.title}" if card else "Name stimuli",
                address=urls.name_it(network or None),
                description="See stimuli of classes without their names, and say what they show.",
                crumbs=(home_crumb(), *name_it_crumbs(card)),
            ),
            networks=tuple(NetworkChoice(each, counts.get(each.slug, 0), urls.name_it(each.slug)) for each in cards),
            card=card,
            stored=stored,
            shown_choices=tuple((each.value, SHOWN_TEXTS[each]) for each in shown),
            own_sessions=tuple(sessions.list_sessions(session, owners=visitor.owners)),
        )
    )


def name_it_crumbs(card: NetworkCard | None) -> tuple[Crumb, ...]:
    if card is None:
        return (Crumb("Name stimuli"),)
    return (Crumb("Name stimuli", urls.name_it()), Crumb(card.title))


@router.post(urls.name_it())
def start_session(session: WriteSession, visitor: VisitorDep, form: Form) -> RedirectResponse:
    owner = visitor.cookie_owner or new_owner()
    try:
        request = NamingRequest.model_validate(form)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body",)) from error
    participant = Participant(owner=owner, address=visitor.address_id)
    naming = sessions.create_session(session, request=request, participant=participant)
    response = RedirectResponse(urls.naming_session(naming.id), status_code=303)
    remember_owner(response, owner)
    return response

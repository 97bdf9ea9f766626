"""The classes that a network takes for each other: all of them, and two side by side."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from app.analysis.confusion_reasons import reasons
from app.contract.confusion import Confusion, confusion, confusions, mutual, pairs
from app.contract.errors import Missing, UnknownClass
from app.contract.evidence import Survey
from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.recipe import Speed
from app.contract.result import Visualization
from app.contract.unit import UnitSummary
from app.store import Session, datasets
from app.store.catalog import networks, search
from app.store.results import visualizations
from app.store.surveys import classes, evidence, predictions
from app.web import urls
from app.web.deps import Reading, at_once
from app.web.evidence import Cell, Matrix, Shown, Side
from app.web.pages import ConfusionPage, ConfusionsPage
from app.web.parts import Crumb, PairLook
from app.web.render import render
from app.web.views.evidence import is_under_way, surveying
from app.web.views.frame import frame, network_crumbs
from app.web.views.look import views
from app.web.views.recipe_form import plain

router = APIRouter()

LISTED = 30  # pairs
SQUARE = 24  # classes of a matrix at most: more could not be read
FAILING = 4  # clips played of each class: each is a video and its flow
CLIPS = 4


@router.get("/{network:slug}/-/confusions")
def all_confusions(request: Request, session: Reading, network: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    survey = evidence.get_survey(session, network=network)
    found = confusions(card.classes, survey) if survey else ()
    waiting = None if survey else surveying(session, card=card)
    page = ConfusionsPage(
        frame=frame(
            request,
            title=f"Confusions · {card.title}",
            address=urls.confusions(network),
            description=f"The classes that {card.title} takes for each other.",
            crumbs=network_crumbs(card, Crumb("Confusions")),
            is_live=is_under_way(waiting),
        ),
        card=card,
        survey=survey.summary if survey else None,
        unsurveyed=waiting,
        confused=tuple(mutual(card.classes, survey, LISTED)) if survey else (),
        count=len(pairs(survey)) if survey else 0,
        matrix=matrix(card, survey, found),
    )
    return render(page)


@router.get("/{network:slug}/-/confusions/{pair:path}")
def one_confusion(
    request: Request, session: Reading, network: str, pair: str, look: Annotated[PairLook, Depends(at_once(PairLook))]
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    a, b = two_classes(card, pair)
    survey = evidence.get_survey(session, network=network)
    units = search.named_units(session, slug=network, names=[(CLASS_LAYER, a), (CLASS_LAYER, b)])
    results = visualizations.for_units(session, slug=network, units=units)
    sides = (side(session, card, units[0], b, results, survey), side(session, card, units[1], a, results, survey))
    found = classes.units_of_pair(session, network=network, a=a, b=b) if survey else None
    waiting = None if survey else surveying(session, card=card)
    link = partial(urls.confusion, network, card.classes[a], card.classes[b])
    page = ConfusionPage(
        frame=frame(
            request,
            title=f"{card.classes[a]} or {card.classes[b]} · {card.title}",
            address=link(**look.choices),
            description=f"Two classes of {card.title} side by side: what they share, and what tells them apart.",
            crumbs=network_crumbs(
                card,
                Crumb("Confusions", urls.confusions(network)),
                Crumb(f"{card.classes[a]} / {card.classes[b]}"),
            ),
            image=next((each.unit.poster for each in sides if each.unit.poster), None),
            is_live=is_under_way(waiting),
        ),
        card=card,
        survey=survey.summary if survey else None,
        unsurveyed=waiting,
        sides=sides,
        look=look,
        views=views(look, lambda view: link(**{**look.choices, "view": view})),
        pair=found,
        reasons=reasons(card, survey, a, b, found.layers) if survey and found else (),
        other_way=urls.confusion(network, card.classes[b], card.classes[a], **look.choices),
    )
    return render(page)


def two_classes(card: NetworkCard, pair: str) -> tuple[int, int]:
    """The classes of `a/b`, either of which may have a slash in its name."""
    parts = pair.split("/")
    splits = [("/".join(parts[:at]), "/".join(parts[at:])) for at in range(1, len(parts))]
    for a, b in splits:
        if a in card.classes and b in card.classes and a != b:
            return card.classes.index(a), card.classes.index(b)
    for name in splits[0] if splits else ():
        if name not in card.classes:
            raise UnknownClass(name, card.classes)
    raise Missing(f"A confusion is of two different classes, as in walk/run, and {pair!r} does not name two.")


def side(
    session: Session,
    card: NetworkCard,
    unit: UnitSummary,
    other: int,
    results: Mapping[tuple[str, int], list[Visualization]],
    survey: Survey | None,
) -> Side:
    """With a survey the clips that are taken for the other, without one any clips."""
    own = unit.index
    clips = () if survey else tuple(datasets.clips_of_class(session, name=unit.label, limit=CLIPS))
    return Side(
        name=unit.label,
        unit=unit,
        stimuli=tuple(stimuli(card, unit, results.get((unit.layer, own), []))),
        taken=confusion(card.classes, survey, own, other) if survey else None,
        failing=predictions.surest(session, network=card.slug, own=own, taken=other, limit=FAILING) if survey else (),
        clips=clips,
    )


def stimuli(card: NetworkCard, unit: UnitSummary, results: Sequence[Visualization]) -> Iterator[Shown]:
    """A class's stimulus at every speed: under the recipe that goes without saying, or else the newest."""
    for speed in Speed:
        found = [each for each in results if each.recipe.speed is speed]
        usual = next((each for each in found if each.recipe == plain(speed, 0, card)), None)
        shown = usual or (found[0] if found else None)
        named = {"visualization": shown.id} if shown else {}
        yield Shown(speed, urls.class_(card.slug, unit.label, speed=speed.value, **named), shown)


def matrix(card: NetworkCard, survey: Survey | None, found: Sequence[Confusion]) -> Matrix:
    """All classes, or those of the largest confusions where there are too many."""
    if survey is None:
        return Matrix((), ())
    names = (name for each in found for name in (each.actual, each.predicted))
    chosen = set(card.classes)
    if len(card.classes) > SQUARE:
        chosen = set()
        while len(chosen) < SQUARE and (name := next(names, None)):
            chosen.add(name)
    indices = [index for index, name in enumerate(card.classes) if name in chosen]

    def cell(actual: int, predicted: int) -> Cell:
        href = urls.confusion(card.slug, card.classes[actual], card.classes[predicted]) if actual != predicted else None
        return Cell(confusion(card.classes, survey, actual, predicted), href)

    return Matrix(
        classes=tuple(card.classes[index] for index in indices),
        rows=tuple((card.classes[row], tuple(cell(row, column) for column in indices)) for row in indices),
    )

"""Two classes that a network confuses, side by side: their stimuli, their units, and the misclassified clips."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from app.analysis.confusion_reasons import explain_confusion
from app.analysis.confusions import confusion_between
from app.contract.confusion import Confusion, Pair
from app.contract.dataset import Clip
from app.contract.errors import Missing, UnknownClass
from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.recipe import Speed
from app.contract.result import MediaRole, Visualization
from app.contract.survey import PredictedClip, Survey, SurveySummary
from app.contract.unit import UnitSummary
from app.store import Session, datasets
from app.store.catalog import networks, search
from app.store.results import visualizations
from app.store.surveys import classes, evidence, predictions
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Choice, Crumb
from app.web.views.parts.player import PairPlayerSettings, flow_encoding_choices
from app.web.views.parts.recipes import default_recipe
from app.web.views.parts.repairs import RepairsPanel, repairs_panel
from app.web.views.parts.survey_status import SurveyStatus, survey_status

router = APIRouter()

MAX_MISCLASSIFIED_CLIPS = 4  # of each class: each plays a video and its flow
MAX_CLIPS = 4  # of each class, before a survey


@dataclass(frozen=True)
class ClassStimulus:
    """A class's stimulus at one speed, if there is one, and the address of the class's page that shows it."""

    speed: Speed
    href: str
    visualization: Visualization | None


@dataclass(frozen=True)
class ConfusedClass:
    """One of the two classes. `confusion` and `misclassified_clips` are its clips classified as the other class.

    Before a survey these are missing, and `clips` has some clips of the class instead.
    """

    name: str
    unit: UnitSummary
    stimuli: tuple[ClassStimulus, ...]
    confusion: Confusion | None
    misclassified_clips: tuple[PredictedClip, ...]
    clips: tuple[Clip, ...]

    @property
    def shows_motion(self) -> bool:
        """Whether a stimulus or a misclassified clip has flow."""
        stimuli = (each.visualization for each in self.stimuli)
        return any(each and each.medium(MediaRole.FLOW) for each in stimuli) or any(
            each.clip.medium(MediaRole.FLOW) for each in self.misclassified_clips
        )


@dataclass(frozen=True, kw_only=True)
class ConfusionPage(Page):
    """Two classes. `survey` and `units` are None before the first survey, with `survey_status` in their place."""

    template: ClassVar[str] = "confusion.html"
    card: NetworkCard
    survey: SurveySummary | None
    survey_status: SurveyStatus | None
    classes: tuple[ConfusedClass, ConfusedClass]
    player_settings: PairPlayerSettings
    flow_encodings: tuple[Choice, ...]  # empty where nothing has flow
    units: Pair | None
    candidates: int  # best detectors of each class, among which `units` are chosen
    reasons: tuple[str, ...]  # sentences on why the two are confused
    repairs: tuple[RepairsPanel, ...]  # of each direction that was studied
    swapped_href: str  # this page with the classes in the other order


@router.get("/{network:slug}/-/confusions/{pair:path}")
def confusion_page(
    request: Request,
    session: ReadSession,
    network: str,
    pair: str,
    settings: Annotated[PairPlayerSettings, Depends(PairPlayerSettings)],
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    card.require_classes()
    a, b = parse_class_pair(card, pair)
    name_a, name_b = card.classes[a], card.classes[b]
    survey = evidence.get_survey(session, card=card)
    units = search.units_by_name(session, card=card, names=[(CLASS_LAYER, a), (CLASS_LAYER, b)])
    results = visualizations.visualizations_of_units(session, card=card, units=units)
    both = (
        confused_class(session, card, units[0], b, results, survey),
        confused_class(session, card, units[1], a, results, survey),
    )
    units_of_pair = classes.units_of_class_pair(session, card=card, a=a, b=b) if survey else None
    status = None if survey else survey_status(session, card=card)
    link = partial(urls.confusion, network, name_a, name_b)
    page = ConfusionPage(
        layout=page_layout(
            request,
            title=f"{name_a} or {name_b} · {card.title}",
            address=link(**settings.query_params),
            description=f"Two classes of {card.title} side by side: what they share, and what tells them apart.",
            crumbs=network_crumbs(card, Crumb("Confusions", urls.confusions(network)), Crumb(f"{name_a} / {name_b}")),
            image=next((each.unit.poster for each in both if each.unit.poster), None),
            is_live=status is not None and status.is_under_way,
        ),
        card=card,
        survey=survey.summary if survey else None,
        survey_status=status,
        classes=both,
        player_settings=settings,
        flow_encodings=flow_encoding_choices(settings, lambda view: link(**{**settings.query_params, "view": view}))
        if any(each.shows_motion for each in both)
        else (),
        units=units_of_pair,
        candidates=classes.MAX_CANDIDATES,
        reasons=explain_confusion(card, survey, a, b, units_of_pair.layers) if survey and units_of_pair else (),
        repairs=both_repairs(session, card, survey, a, b) if survey else (),
        swapped_href=urls.confusion(network, name_b, name_a, **settings.query_params),
    )
    return render(page)


def both_repairs(session: Session, card: NetworkCard, survey: Survey, a: int, b: int) -> tuple[RepairsPanel, ...]:
    """Return what repairs or causes errors in either direction, as far as the survey studied it."""
    panels: list[RepairsPanel] = []
    for actual, predicted in ((a, b), (b, a)):
        shown = sum(len(panel.pictures) for panel in panels)
        panel = repairs_panel(session, card=card, survey=survey, actual=actual, predicted=predicted, first_number=shown)
        if panel is not None:
            panels.append(panel)
    return tuple(panels)


def parse_class_pair(card: NetworkCard, pair: str) -> tuple[int, int]:
    """Return the indices of the classes in `a/b`; either name may itself contain slashes.

    Raises UnknownClass where a name is that of no class, and Missing where there are no two different names.
    """
    parts = pair.split("/")
    splits = [("/".join(parts[:at]), "/".join(parts[at:])) for at in range(1, len(parts))]
    for a, b in splits:
        if a in card.classes and b in card.classes and a != b:
            return card.classes.index(a), card.classes.index(b)
    for name in splits[0] if splits else ():
        if name not in card.classes:
            raise UnknownClass(name, card.classes)
    raise Missing(f"A confusion is of two different classes, as in walk/run, and {pair!r} does not name two.")


def confused_class(
    session: Session,
    card: NetworkCard,
    unit: UnitSummary,
    other: int,
    results: Mapping[tuple[str, int], list[Visualization]],
    survey: Survey | None,
) -> ConfusedClass:
    """Return one of the two classes, with its clips that the survey found classified as class `other`."""
    index = unit.index
    clips = () if survey else tuple(datasets.clips_of_class(session, name=unit.label, limit=MAX_CLIPS))
    misclassified: tuple[PredictedClip, ...] = ()
    if survey:
        misclassified = predictions.most_probable_predictions(
            session, card=card, label=index, predicted=other, limit=MAX_MISCLASSIFIED_CLIPS
        )
    return ConfusedClass(
        name=unit.label,
        unit=unit,
        stimuli=tuple(class_stimuli(card, unit, results.get((unit.layer, index), []))),
        confusion=confusion_between(card.classes, survey, index, other) if survey else None,
        misclassified_clips=misclassified,
        clips=clips,
    )


def class_stimuli(card: NetworkCard, unit: UnitSummary, results: Sequence[Visualization]) -> Iterator[ClassStimulus]:
    """Yield a class's stimulus at every speed: that of the default recipe, or else the newest."""
    for speed in Speed:
        at_speed = [each for each in results if (each.recipe.speed, each.recipe.sign) == (speed, "maximize")]
        default = next((each for each in at_speed if each.recipe == default_recipe(speed, 0, card)), None)
        result = default or (at_speed[0] if at_speed else None)
        query = {"visualization": result.id} if result else {}
        yield ClassStimulus(speed, urls.class_(card.slug, unit.label, speed=speed.value, **query), result)

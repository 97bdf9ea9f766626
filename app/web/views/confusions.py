"""All pairs of classes that a network confuses, as a list and as a matrix."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.analysis.confusions import confused_pairs, confusion_between, most_confused_pairs, rank_confusions
from app.contract.confusion import ConfusedPair, Confusion
from app.contract.network import NetworkCard
from app.contract.survey import Survey, SurveySummary
from app.store.catalog import networks
from app.store.surveys import evidence
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.survey_status import SurveyStatus, survey_status

router = APIRouter()

MAX_PAIRS = 30
MAX_MATRIX_CLASSES = 24  # a larger matrix cannot be read


@dataclass(frozen=True)
class MatrixCell:
    """How many clips of the row's class are classified as the column's class."""

    confusion: Confusion
    href: str | None  # None on the diagonal

    @property
    def heat(self) -> int:
        """The share of the row's clips from 0 to 10; the style sheet has a colour for each. Only no clips give 0."""
        return 0 if not self.confusion.clips else max(1, round(self.confusion.rate * 10))


@dataclass(frozen=True)
class ConfusionMatrix:
    classes: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MatrixCell, ...]], ...]  # by the name of the actual class


@dataclass(frozen=True, kw_only=True)
class ConfusionsPage(Page):
    """`survey` is None before the first survey; `survey_status` is there in its place, and the matrix is empty."""

    template: ClassVar[str] = "confusions.html"
    card: NetworkCard
    survey: SurveySummary | None
    survey_status: SurveyStatus | None
    pairs: tuple[ConfusedPair, ...]  # those confused most
    pair_count: int  # of all confused pairs
    matrix: ConfusionMatrix


@router.get("/{network:slug}/-/confusions")
def confusions_page(request: Request, session: ReadSession, network: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    card.require_classes()
    survey = evidence.get_survey(session, card=card)
    status = None if survey else survey_status(session, card=card)
    page = ConfusionsPage(
        layout=page_layout(
            request,
            title=f"Confusions · {card.title}",
            address=urls.confusions(network),
            description=f"The classes that {card.title} takes for each other.",
            crumbs=network_crumbs(card, Crumb("Confusions")),
            is_live=status is not None and status.is_under_way,
        ),
        card=card,
        survey=survey.summary if survey else None,
        survey_status=status,
        pairs=tuple(most_confused_pairs(card.classes, survey, MAX_PAIRS)) if survey else (),
        pair_count=len(confused_pairs(survey)) if survey else 0,
        matrix=confusion_matrix(card, survey) if survey else ConfusionMatrix((), ()),
    )
    return render(page)


def confusion_matrix(card: NetworkCard, survey: Survey) -> ConfusionMatrix:
    """Return the matrix of all classes, or of those with the largest confusions where there are too many."""
    indices: Sequence[int] = range(len(card.classes))
    if len(card.classes) > MAX_MATRIX_CLASSES:
        names = first_classes(rank_confusions(card.classes, survey), MAX_MATRIX_CLASSES)
        indices = [index for index in indices if card.classes[index] in names]

    def cell(actual: int, predicted: int) -> MatrixCell:
        href = urls.confusion(card.slug, card.classes[actual], card.classes[predicted]) if actual != predicted else None
        return MatrixCell(confusion_between(card.classes, survey, actual, predicted), href)

    return ConfusionMatrix(
        classes=tuple(card.classes[index] for index in indices),
        rows=tuple((card.classes[row], tuple(cell(row, column) for column in indices)) for row in indices),
    )


def first_classes(ranked: Iterable[Confusion], limit: int) -> set[str]:
    """Return the names of the first classes in a list of confusions, at most `limit`."""
    names: set[str] = set()
    for each in ranked:
        for name in (each.actual, each.predicted):
            if len(names) == limit:
                return names
            names.add(name)
    return names

"""Classes that a network confuses, and what it predicts for the clips of its newest survey."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.analysis.confusion_reasons import explain_confusion
from app.analysis.confusions import confusion_between, rank_confusions
from app.analysis.repairs import repairs_of
from app.contract.confusion import Confusion, Pair
from app.contract.errors import Missing
from app.contract.model import Paginated
from app.contract.network import NetworkCard
from app.contract.repairs import ClassRepairs
from app.contract.survey import PredictedClip, Survey
from app.store import Session
from app.store.catalog import networks
from app.store.surveys import classes, evidence, predictions
from app.web import api_urls, urls
from app.web.api.datasets import ClipOut
from app.web.api.error_bodies import errors
from app.web.api.parameters import NetworkSlug
from app.web.deps import ReadSession

router = APIRouter(prefix="/api/networks/{network}", tags=["surveys"])

ClassName = Annotated[str, Query(max_length=200, description="as the network spells it")]


class AnsweredClipOut(PredictedClip):
    clip: ClipOut

    @classmethod
    def of(cls, predicted: PredictedClip) -> Self:
        return cls(clip=ClipOut.of(predicted.clip), answer=predicted.answer)


class ConfusionOut(Confusion):
    share: float = Field(description="of the clips of the class")
    href: str = Field(description="the two classes, and the units that separate them or do not")
    page: str

    @classmethod
    def of(cls, network: str, confusion: Confusion) -> Self:
        return cls(
            **vars(confusion),
            share=confusion.rate,
            href=api_urls.confusion(network, confusion.actual, confusion.predicted),
            page=urls.confusion(network, confusion.actual, confusion.predicted),
        )


class PairOut(Pair):
    """Responses `a` and `b` are those to the classes of the query."""

    a_for_b: ConfusionOut
    b_for_a: ConfusionOut
    reasons: tuple[str, ...] = Field(description="why they are confused, as far as the survey tells")
    repairs: tuple[ClassRepairs, ...] = Field(
        description="what repairs the errors into either class and what causes them, where it was studied; classes by "
        "number"
    )


@router.get(
    "/confusions",
    summary="Classes taken for others in the newest survey, the largest share of a class first",
    responses=errors(404, 422),
)
def list_confusions(
    session: ReadSession, network: NetworkSlug, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[ConfusionOut]:
    card = networks.get_card(session, slug=network)
    card.require_classes()
    ranked = rank_confusions(card.classes, _get_survey(session, card))
    return [ConfusionOut.of(network, each) for each in ranked[:limit]]


@router.get(
    "/confusion",
    summary="Two classes: how often each is taken for the other, and the units that separate them or do not",
    responses=errors(404, 422),
)
def get_confusion(session: ReadSession, network: NetworkSlug, a: ClassName, b: ClassName) -> PairOut:
    card = networks.get_card(session, slug=network)
    card.require_classes()
    first, second = card.class_index(a), card.class_index(b)
    survey = _get_survey(session, card)
    pair = classes.units_of_class_pair(session, card=card, a=first, b=second)
    return PairOut(
        a_for_b=ConfusionOut.of(network, confusion_between(card.classes, survey, first, second)),
        b_for_a=ConfusionOut.of(network, confusion_between(card.classes, survey, second, first)),
        reasons=explain_confusion(card, survey, first, second, pair.layers),
        repairs=tuple(each for label in (first, second) if (each := repairs_of(survey.repairs, label))),
        **vars(pair),
    )


@router.get(
    "/answers",
    summary="What the network takes the clips of its newest survey for, the surest answers first",
    responses=errors(404, 422),
)
def list_answers(
    session: ReadSession,
    network: NetworkSlug,
    own: Annotated[str | None, Query(max_length=200, description="only clips of this class")] = None,
    taken: Annotated[str | None, Query(max_length=200, description="only clips taken for this class")] = None,
    wrong: Annotated[bool, Query(description="only clips taken for another class than their own")] = False,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=200)] = 48,
) -> Paginated[AnsweredClipOut]:
    card = networks.get_card(session, slug=network)
    card.require_classes()
    _get_survey(session, card)  # raises Missing before the first survey
    listing = predictions.list_predictions(
        session,
        card=card,
        label=card.class_index(own) if own else None,
        predicted=card.class_index(taken) if taken else None,
        wrong=wrong,
        page=page,
        per_page=per_page,
    )
    return Paginated(
        items=tuple(AnsweredClipOut.of(each) for each in listing.items), total=listing.total, next=listing.next
    )


def _get_survey(session: Session, card: NetworkCard) -> Survey:
    survey = evidence.get_survey(session, card=card)
    if survey is None:
        raise Missing(f"{card.slug} has not been surveyed yet. Ask for it: POST /api/surveys with network and dataset.")
    return survey

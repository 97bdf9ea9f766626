"""Classes that a network takes for each other."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.contract.confusion import confusion, confusions
from app.contract.errors import Missing
from app.contract.evidence import Survey
from app.store import Session, catalog, class_units, evidence
from app.web.api.shapes import ConfusionOut, NetworkSlug, PairOut, errors
from app.web.deps import Reading

router = APIRouter(prefix="/networks/{network}", tags=["surveys"])

ClassName = Annotated[str, Query(max_length=200, description="as the network spells it")]


@router.get(
    "/confusions",
    summary="Classes taken for others in the newest survey, the largest share of a class first",
    responses=errors(404, 422),
)
def list_confusions(
    session: Reading, network: NetworkSlug, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[ConfusionOut]:
    classes = catalog.get_card(session, slug=network).classes
    found = confusions(classes, _survey(session, network).confusion)
    return [ConfusionOut.of(network, each) for each in found[:limit]]


@router.get(
    "/confusion",
    summary="Two classes: how often each is taken for the other, and the units that separate them or do not",
    responses=errors(404, 422),
)
def get_confusion(session: Reading, network: NetworkSlug, a: ClassName, b: ClassName) -> PairOut:
    card = catalog.get_card(session, slug=network)
    first, second = card.class_index(a), card.class_index(b)
    counts = _survey(session, network).confusion
    pair = class_units.units_of_pair(session, network=network, a=first, b=second)
    return PairOut(
        a_for_b=ConfusionOut.of(network, confusion(card.classes, counts, first, second)),
        b_for_a=ConfusionOut.of(network, confusion(card.classes, counts, second, first)),
        **dict(pair),
    )


def _survey(session: Session, network: str) -> Survey:
    found = evidence.get_survey(session, network=network)
    if found is None:
        raise Missing(f"{network} has not been surveyed yet. Ask for it: POST /api/surveys with network and dataset.")
    return found

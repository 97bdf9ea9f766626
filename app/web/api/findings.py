"""The four findings of a network, and those of two networks side by side."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.analysis.findings import make_findings
from app.analysis.findings.comparison import compare_findings
from app.contract.errors import Missing
from app.contract.findings import Findings
from app.contract.findings_comparison import FindingsComparison
from app.store import Session
from app.store.catalog.networks import get_card
from app.store.surveys.findings import get_findings_data
from app.web.api.error_bodies import errors
from app.web.deps import ReadSession

router = APIRouter(prefix="/api", tags=["surveys"])


@router.get(
    "/networks/{network}/findings",
    summary="The four observations, as far as the newest survey supports them",
    responses=errors(404, 422),
)
def get_findings(session: ReadSession, network: str) -> Findings:
    return read_findings(session, network)


@router.get(
    "/findings",
    summary="The findings of two networks, claim by claim, each from its newest survey",
    responses=errors(404, 422),
)
def get_compared_findings(
    session: ReadSession,
    a: Annotated[str, Query(max_length=63, description="a network")],
    b: Annotated[str, Query(max_length=63, description="another network")],
) -> FindingsComparison:
    return compare_findings(read_findings(session, a), read_findings(session, b))


def read_findings(session: Session, network: str) -> Findings:
    """Return the findings of a network. Raises Missing before its first survey."""
    measured = get_findings_data(session, card=get_card(session, slug=network))
    if measured is None:
        raise Missing(f"{network} has not been surveyed yet. Ask for it: POST /api/surveys with network and dataset.")
    return make_findings(measured)

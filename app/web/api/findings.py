"""The four findings of a network."""

from fastapi import APIRouter

from app.analysis.findings import make_findings
from app.contract.errors import Missing
from app.contract.findings import Findings
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
    measured = get_findings_data(session, card=get_card(session, slug=network))
    if measured is None:
        raise Missing(f"{network} has not been surveyed yet. Ask for it: POST /api/surveys with network and dataset.")
    return make_findings(measured)

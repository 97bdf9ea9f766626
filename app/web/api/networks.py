"""Networks: the list, and one with its layers and classes."""

from fastapi import APIRouter

from app.store.catalog import networks
from app.web.api.shapes import NetworkDetail, NetworkOut, NetworkSlug, errors
from app.web.deps import Reading

router = APIRouter(prefix="/api/networks", tags=["networks"])


@router.get("", summary="All networks", responses=errors())
def list_networks(session: Reading) -> list[NetworkOut]:
    return [NetworkOut.of(network) for network in networks.list_networks(session)]


@router.get("/{network}", summary="One network: card, layers in order, classes", responses=errors(404, 422))
def get_network(session: Reading, network: NetworkSlug) -> NetworkDetail:
    found = networks.get_network(session, slug=network)
    return NetworkDetail.of(found, networks.layer_summaries(session, card=found.card))

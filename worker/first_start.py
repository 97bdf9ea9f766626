"""What a fresh dashboard opens with: the networks that the project ships, and their stimuli on the way."""

import logging
from dataclasses import dataclass

from app.contract.catalog import CLASS_LAYER
from app.contract.errors import KinetoscopeError, NetworkExists, UnknownNetwork
from app.contract.job import Priority, VisualizeRequest
from app.contract.recipe import Recipe, Speed
from app.store import catalog, jobs
from app.store.engine import Store
from worker.cli_networks import pieces

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """Stimuli of all units of a layer."""

    layer: str
    speed: Speed
    priority: int


@dataclass(frozen=True)
class Opening:
    """A shipped network (see worker.mocap.shipped), its name here, and what to show of it, first things first."""

    shipped: str
    slug: str
    title: str
    wishes: tuple[Wish, ...]


OPENINGS = (
    Opening(
        "default",
        "mocap",
        "People in motion",
        (
            Wish(CLASS_LAYER, Speed.SLOW, Priority.SWEEP),
            Wish(CLASS_LAYER, Speed.FREE, Priority.SWEEP),
            Wish("fusion.conv5", Speed.SLOW, Priority.BACKGROUND),
        ),
    ),
    Opening("judge", "mocap-judge", "The judge", (Wish(CLASS_LAYER, Speed.SLOW, Priority.BACKGROUND),)),
)


def register_shipped(store: Store) -> None:
    """Registers the shipped networks and queues their stimuli, once: what is registered is left as it is."""
    for opening in OPENINGS:
        if _is_registered(store, opening.slug):
            continue
        try:
            _open(store, opening)
            log.info("registered %s", opening.slug)
        except NetworkExists:  # another worker was faster
            pass
        except KinetoscopeError as error:
            log.error("the shipped network %s: %s", opening.slug, error.detail)


def _is_registered(store: Store, slug: str) -> bool:
    try:
        with store.session() as session:
            catalog.get_card(session, slug=slug)
    except UnknownNetwork:
        return False
    return True


def _open(store: Store, opening: Opening) -> None:
    # torch takes seconds to import: a start that has nothing to register does not pay for it here
    from worker.mocap.shipped import WEIGHTS, find_shipped
    from worker.networks.load import describe_network

    shipped = find_shipped(opening.shipped)
    weights = WEIGHTS / shipped.weights
    card = describe_network(family=shipped.family, weights=weights, slug=opening.slug, title=opening.title)
    with store.transaction() as session:
        catalog.add_network(session, card=card, weights=pieces(weights))
        for wish in opening.wishes:
            recipe = Recipe(speed=wish.speed)
            request = VisualizeRequest(network=opening.slug, layer=wish.layer, units="all", recipe=recipe)
            jobs.enqueue(session, request=request, priority=wish.priority)

"""What a fresh dashboard opens with: the networks that the project ships, their stimuli on the way, and real clips."""

import logging
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from threading import Thread
from time import sleep

from app.contract.errors import KinetoscopeError, NetworkExists, UnknownNetwork
from app.contract.job import JobState, Priority, VisualizeRequest
from app.contract.network import CLASS_LAYER
from app.contract.recipe import Recipe, Speed
from app.store import datasets
from app.store.catalog import networks
from app.store.database.chunks import chunks
from app.store.database.engine import Store
from app.store.jobs import listing, requests
from app.store.surveys import evidence, writing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """Stimuli of all units of a layer, or of the `first` of every other layer than that of the classes (None)."""

    layer: str | None
    recipe: Recipe
    priority: int
    first: int | None = None


@dataclass(frozen=True)
class Opening:
    """A shipped network (see worker.shipped.networks), its name here, and what to show of it, first things first."""

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
            Wish(CLASS_LAYER, Recipe(), Priority.SWEEP),
            Wish(CLASS_LAYER, Recipe(speed=Speed.SLOW), Priority.BACKGROUND),
            Wish(CLASS_LAYER, Recipe(speed=Speed.FREE), Priority.BACKGROUND),
            # one position alone: summed over the map, a quarter of the units did not beat their strongest clip
            Wish(None, Recipe(objective="center"), Priority.BACKGROUND, first=4),
            Wish(CLASS_LAYER, Recipe(speed=Speed.FAST), Priority.BACKGROUND),
            Wish("fusion.conv5", Recipe(objective="center"), Priority.BACKGROUND),
        ),
    ),
    Opening("judge", "mocap-judge", "The judge", (Wish(CLASS_LAYER, Recipe(), Priority.BACKGROUND),)),
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
            networks.get_card(session, slug=slug)
    except UnknownNetwork:
        return False
    return True


def _open(store: Store, opening: Opening) -> None:
    # torch takes seconds to import: a start that has nothing to register does not pay for it here
    from worker.networks.load import describe_network
    from worker.shipped.networks import WEIGHTS, find_shipped

    shipped = find_shipped(opening.shipped)
    weights = WEIGHTS / shipped.weights
    card = describe_network(family=shipped.family, weights=weights, slug=opening.slug, title=opening.title)
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(weights))
        for wish in opening.wishes:
            for layer in [wish.layer] if wish.layer else [each.name for each in card.layers if not each.is_class]:
                units = "all" if wish.first is None else list(range(wish.first))
                request = VisualizeRequest(network=opening.slug, layer=layer, units=units, recipe=wish.recipe)
                requests.enqueue(session, request=request, priority=wish.priority)


CLIPS = Path(__file__).parent / "clips"  # a folder per class
DATASET = "people"
AT_ONCE = 4  # clips between two looks at the queue
PATIENCE = 2.0  # seconds between looks at the queue


def bring_clips(store: Store) -> None:
    """In the background, while nobody waits for a click: the shipped clips, one of every class first, then a survey
    of the default network with them, behind the first stimuli of its classes and before all that nobody asked for:
    it is what most pages speak of. What is there already is left as it is.
    """
    Thread(target=_bring_clips, args=(store,), daemon=True, name="clips").start()


def _bring_clips(store: Store) -> None:
    from worker.survey.dataset_files import VideoFile
    from worker.survey.intake import add_clip_files

    by_class = [sorted(folder.glob("*.mp4")) for folder in sorted(CLIPS.iterdir()) if folder.is_dir()]
    turns = [[file for file in turn if file is not None] for turn in zip_longest(*by_class)]
    files = [VideoFile(file.stem, file.parent.name, file) for turn in turns for file in turn]
    summary = "Held-out clips of the default network. In half of the unbiased ones a red mat lies on the floor."
    try:
        for some in chunks(files, AT_ONCE):
            add_clip_files(store, DATASET, "People in motion", summary, some, threads=1)
            while _is_waited_for(store):
                sleep(PATIENCE)
        with store.transaction() as session:
            found = evidence.get_survey(
                session, card=networks.get_card(session, slug=OPENINGS[0].slug), dataset=DATASET
            )
            clips = datasets.get_dataset(session, slug=DATASET).clips
            if found is None or found.clips + len(found.skipped) < clips:  # somebody asked too early
                writing.enqueue_survey(session, network=OPENINGS[0].slug, dataset=DATASET)
    except KinetoscopeError as error:
        log.error("the shipped clips: %s", error.detail)


def _is_waited_for(store: Store) -> bool:
    """Whether a click is worked on, which takes each click that waits within a step."""
    with store.session() as session:
        first = listing.list_jobs(session, state=JobState.RUNNING, per_page=1).items
    return any(job.priority >= Priority.CLICK for job in first)

"""Fill a fresh dashboard: register the shipped networks, queue their first stimuli, and add real clips."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from time import sleep

from app.bundles.bring_in import bring_in_network, open_verified
from app.bundles.verify import Bundle
from app.contract.errors import KinetoscopeError, NetworkExists, UnknownNetwork
from app.contract.job import JobState, Priority, VisualizeRequest
from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.recipe import Recipe, Speed
from app.contract.result import MediaRole
from app.contract.survey_part import SurveyPart
from app.store import datasets
from app.store.catalog import networks
from app.store.database.chunks import chunks
from app.store.database.engine import Store
from app.store.jobs import listing, requests
from app.store.surveys import evidence, writing
from worker.shipped.paths import BUNDLE, CLIPS_FOLDER, WEIGHTS_FOLDER
from worker.shipped.sample import FIRST_PER_CLASS, list_sample
from worker.survey.video_files import VideoFile

DATASET = "people"
FIRST_START = "first start"  # that brought the results in the shipped bundle
CLIPS_PER_TRANSACTION = 4  # added between two checks of the queue
POLL_SECONDS = 2.0  # between two checks of the queue while a job that somebody clicked for is running

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeedRequest:
    """A request for the stimuli of a layer's units that a fresh dashboard makes by itself.

    `layer` is None for every layer except the classes. `first_units` limits the request to so many units of each layer.
    """

    layer: str | None
    recipe: Recipe
    priority: int
    first_units: int | None = None


@dataclass(frozen=True)
class ShippedNetwork:
    """A network that a fresh dashboard registers, and its first requests in order.

    `trained` is its name in worker.shipped.training, `slug` its name on the dashboard.
    """

    trained: str
    slug: str
    title: str
    requests: tuple[SeedRequest, ...]


SHIPPED_NETWORKS = (
    ShippedNetwork(
        "default",
        "mocap",
        "People in motion",
        (
            SeedRequest(CLASS_LAYER, Recipe(), Priority.SWEEP),
            SeedRequest(CLASS_LAYER, Recipe(speed=Speed.SLOW), Priority.BACKGROUND),
            SeedRequest(CLASS_LAYER, Recipe(speed=Speed.FREE), Priority.BACKGROUND),
            # `center`, because with the sum over the map a quarter of the units did not exceed their strongest clip
            SeedRequest(None, Recipe(objective="center"), Priority.BACKGROUND, first_units=4),
            SeedRequest(CLASS_LAYER, Recipe(speed=Speed.FAST), Priority.BACKGROUND),
            SeedRequest("fusion.conv5", Recipe(objective="center"), Priority.BACKGROUND),
        ),
    ),
    ShippedNetwork("judge", "mocap-judge", "The judge", (SeedRequest(CLASS_LAYER, Recipe(), Priority.BACKGROUND),)),
)


def register_shipped(store: Store, weights: Path = WEIGHTS_FOLDER, bundle: Path = BUNDLE) -> None:
    """Register the shipped networks that are missing, with weights from a folder and results from a bundle.

    Of their first requests those are queued that the bundle does not answer; without a bundle, all. Networks that are
    already registered are left as they are. An error is logged and does not stop the others.
    """
    missing = [shipped for shipped in SHIPPED_NETWORKS if not _is_registered(store, shipped.slug)]
    read = {shipped.slug: network for shipped in missing if (network := _read(shipped, weights)) is not None}
    with _open_results(bundle, [card for card, _ in read.values()]) as results:
        for shipped in missing:
            if shipped.slug not in read:
                continue
            try:
                _register(store, shipped, *read[shipped.slug], results)
                log.info("registered %s", shipped.slug)
            except NetworkExists:  # another worker was faster
                pass
            except KinetoscopeError as error:
                log.error("the shipped network %s: %s", shipped.slug, error.detail)


def _is_registered(store: Store, slug: str) -> bool:
    try:
        with store.session() as session:
            networks.get_card(session, slug=slug)
    except UnknownNetwork:
        return False
    return True


def _read(shipped: ShippedNetwork, folder: Path) -> tuple[NetworkCard, bytes] | None:
    """Return the card and the weights of a shipped network; None, with an error in the log, for a damaged file."""
    # torch takes seconds to import, and a start that has nothing to register does not need it
    from worker.networks.load import read_network
    from worker.shipped.training import find_trained_network

    trained = find_trained_network(shipped.trained)
    try:
        return read_network(
            family=trained.family, weights=folder / trained.weights, slug=shipped.slug, title=shipped.title
        )
    except KinetoscopeError as error:
        log.error("the shipped network %s: %s", shipped.slug, error.detail)
        return None


@contextmanager
def _open_results(path: Path, cards: Sequence[NetworkCard]) -> Iterator[Bundle | None]:
    """Open the bundle of results for networks of these cards; None where there is none, or none that can be used."""
    with ExitStack() as stack:
        bundle = None
        if cards and path.exists():
            try:
                bundle = stack.enter_context(open_verified(path, cards))
            except KinetoscopeError as error:  # of an earlier engine, for example: everything is computed then
                log.error("the shipped results: %s", error.detail)
        yield bundle


def _register(store: Store, shipped: ShippedNetwork, card: NetworkCard, weights: bytes, results: Bundle | None) -> None:
    """Register a network with its results and queue the requests that these do not answer, all or nothing."""
    hidden_layers = [layer.name for layer in card.layers if not layer.is_class]
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(weights))
        for network in results.networks if results else ():
            if results and network.card.slug == card.slug:
                report = bring_in_network(session, results, network, imported_by=FIRST_START)
                log.info("%s comes with %d results", card.slug, report.results[card.slug])
        for seed in shipped.requests:
            units = "all" if seed.first_units is None else list(range(seed.first_units))
            for layer in [seed.layer] if seed.layer else hidden_layers:
                request = VisualizeRequest(network=shipped.slug, layer=layer, units=units, recipe=seed.recipe)
                requests.enqueue(session, request=request, priority=seed.priority)


def start_adding_clips(store: Store) -> None:
    """Add the shipped clips in a background thread (see `add_shipped_clips`)."""
    Thread(target=add_shipped_clips, args=(store,), daemon=True, name="clips").start()


def add_shipped_clips(store: Store, folder: Path = CLIPS_FOLDER) -> None:
    """Add the clips in a folder as a data set, and queue surveys of the default network with them.

    Clips are added while no job that somebody clicked for is running, and the first clip of every class before the
    second. Clips that are already there are left as they are; those that came in a bundle get their videos. After the
    first ten of each class a survey is queued that only records, so that most pages have evidence early; after all
    clips one with all parts. Both come after the first stimuli of the classes and before the background requests. An
    error is logged.

    Pictures come first, although those made before a survey divide by a_hat = 1, which their pages tell in one line.
    Requests that still wait when a survey is published are made with its a_hat (app/store/jobs/newest_survey.py).
    """
    from worker.survey.intake import add_clip_files
    from worker.video.decoders import ClipDecoders

    first = list_sample(folder, FIRST_PER_CLASS)
    rest = list_sample(folder)[len(first) :]
    summary = "Held-out clips of the default network. In half of the unbiased ones a red mat lies on the floor."
    try:
        with ClipDecoders() as decoders:
            for videos in (first, rest):
                for batch in chunks(_without_known(store, videos), CLIPS_PER_TRANSACTION):
                    add_clip_files(store, DATASET, "People in motion", summary, batch, threads=1, decoders=decoders)
                    wait_for_clicks(store)
                if videos is first:
                    _survey_new_clips(store, (SurveyPart.RECORD,))
        _survey_new_clips(store, None)
    except KinetoscopeError as error:
        log.error("the shipped clips: %s", error.detail)


def _without_known(store: Store, videos: Sequence[VideoFile]) -> list[VideoFile]:
    """Return the videos that the data set does not have yet, has without their group, or only stills of."""
    with store.session() as session:
        if all(dataset.slug != DATASET for dataset in datasets.list_datasets(session)):
            return list(videos)
        stills = set(datasets.clips_without(session, slug=DATASET, role=MediaRole.VIDEO))
        clips = [clip for clip in datasets.clip_sources(session, slug=DATASET) if clip.name not in stills]
    known = {(clip.label, clip.source, clip.group) for clip in clips}
    return [video for video in videos if (video.label, video.source, video.group) not in known]


def _survey_new_clips(store: Store, parts: tuple[SurveyPart, ...] | None) -> None:
    """Queue a survey of the default network where the newest lacks clips of the set, or was only the first recording.

    A survey that is running does not take in the clips that came after its start, so its end is waited for.
    """
    while _is_being_surveyed(store):
        sleep(POLL_SECONDS)
    with store.transaction() as session:
        default = networks.get_card(session, slug=SHIPPED_NETWORKS[0].slug)
        survey = evidence.get_survey(session, card=default, dataset=DATASET)
        clips = datasets.get_dataset(session, slug=DATASET).clips
        if survey is not None and survey.clips + len(survey.skipped) >= clips:
            only_recorded = {each.part for each in survey.parts} == {SurveyPart.RECORD} and not survey.omitted
            if parts is not None or not only_recorded:
                return
            parts = survey.missing_parts
        writing.enqueue_survey(session, network=default.slug, dataset=DATASET, parts=parts)


def _is_being_surveyed(store: Store) -> bool:
    with store.session() as session:
        live = writing.list_live_surveys(session, card=networks.get_card(session, slug=SHIPPED_NETWORKS[0].slug))
    return any(job.dataset == DATASET and job.state is JobState.RUNNING for job in live)


def wait_for_clicks(store: Store, stop: Event | None = None) -> None:
    """Wait while a job that somebody clicked for is running, or until `stop` is set."""
    stop = stop or Event()
    while has_running_click(store) and not stop.wait(POLL_SECONDS):
        pass


def has_running_click(store: Store) -> bool:
    """Return whether a job that somebody clicked for is running; other clicks are added to its batch within a step."""
    with store.session() as session:
        first = listing.list_jobs(session, state=JobState.RUNNING, per_page=1).items
    return any(job.priority >= Priority.CLICK for job in first)

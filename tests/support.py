"""Small real things that many tests share."""

import hashlib
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from app.contract.job import Job, JobState, JobT, VisualizeJob, VisualizeRequest, jobs_of_kind
from app.contract.network import Extent, Layer, NetworkCard, Stream, StreamName
from app.contract.recipe import Recipe, ResolvedRecipe
from app.contract.result import Measurements, MediaRole, RenderedMedia
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.jobs import deaths, leases, listing, requests

CLASSES = ("walk", "run", "wave slow", "wave fast", "back/flip & turn")
LEASE = timedelta(seconds=30)


def two_stream_card(slug: str = "tiny", classes: tuple[str, ...] = CLASSES) -> NetworkCard:
    layers = (
        ("appearance.conv1", "appearance", 6),
        ("motion.conv1", "motion", 6),
        ("fusion.conv2", "fusion", 8),
        ("fc6", "fusion", 10),
        ("class", "fusion", len(classes)),
    )
    field = Extent(frames=3, height=9, width=9)
    return NetworkCard(
        slug=slug,
        title=f"Two-stream {slug}",
        family="tiny_two_stream",
        checksum=hashlib.sha256(slug.encode()).hexdigest(),
        streams=(
            Stream(name=StreamName.APPEARANCE, frames=1, height=32, width=32),
            Stream(name=StreamName.MOTION, frames=3, height=32, width=32, bound=0.3),
        ),
        layers=tuple(
            Layer(
                index=index,
                name=name,
                stream=stream,
                units=units,
                map=Extent(frames=1, height=8, width=8),
                receptive_field=field,
            )
            for index, (name, stream, units) in enumerate(layers)
        ),
        classes=classes,
        parameters=1234,
        stimulus=Extent(frames=3, height=32, width=32),
    )


def encoder_card(slug: str = "encoder") -> NetworkCard:
    """Return the card of a network like `tiny`, without classes."""
    card = two_stream_card(slug)
    return card.model_copy(update={"layers": card.layers[:-1], "classes": ()})


def card_of_units(slug: str, units: int) -> NetworkCard:
    """Return the card of a network like `tiny`, whose layer `fc6` has this many units."""
    card = two_stream_card(slug)
    layers = [layer.model_copy(update={"units": units}) if layer.name == "fc6" else layer for layer in card.layers]
    return card.model_copy(update={"layers": tuple(layers)})


def resolved(**fields: object) -> ResolvedRecipe:
    """Return a recipe with the open fields filled in for a small network without batch normalisation."""
    return Recipe.model_validate(fields).resolved(two_stream_card())


def request(*units: int, network: str = "tiny", layer: str = "class", **recipe: object) -> VisualizeRequest:
    fields = {"speed": "slow", **recipe}
    return VisualizeRequest(network=network, layer=layer, units=list(units), recipe=Recipe.model_validate(fields))


def enqueue(store: Store, *units: int, **options: Any) -> list[VisualizeJob]:
    """Queue units; the options are those of `request`."""
    with store.transaction() as session:
        return list(requests.enqueue(session, request=request(*units, **options)).jobs)


def claim(store: Store, *, worker: str = "w1", limit: int = 1) -> list[VisualizeJob]:
    """Claim a batch of jobs, which must be requests for stimuli."""
    with store.transaction() as session:
        batch = leases.claim(session, worker=worker, limit=limit)
    claimed = jobs_of_kind(VisualizeJob, batch)
    assert len(claimed) == len(batch)
    return claimed


def claim_job(store: Store, kind: type[JobT], *, limit: int = 1) -> JobT:
    """Claim a batch, which must be one job of this kind."""
    with store.transaction() as session:
        [job] = leases.claim(session, worker="w1", limit=limit)
    assert isinstance(job, kind)
    return job


def die(store: Store, *, worker: str = "w1") -> int:
    """Take a worker for dead; return how many jobs it held."""
    with store.transaction() as session:
        return deaths.release_dead(session, worker=worker)


def finish(store: Store, job: VisualizeJob, *, worker: str = "w1") -> int | None:
    with store.transaction() as session:
        return leases.finish_visualization(
            session, worker=worker, job=job, measurements=measurements(), media=media(job)
        )


def measurements(activation: float = 3.5) -> Measurements:
    return Measurements(
        activation=activation,
        objective=1.25,
        probability=0.5,
        motion_energy={"motion": 0.1},
        noise={"appearance": 0.02, "motion": 0.01},
        trace=(0.1, 0.7, 1.25),
        seconds=1.5,
        device="cpu",
    )


def media(job: VisualizeJob) -> list[RenderedMedia]:
    mark = f"{job.network}/{job.layer}/{job.unit}/{job.recipe.key()}".encode()
    return [
        RenderedMedia(role=MediaRole.POSTER, type="image/webp", data=b"poster" + mark, width=32, height=32),
        RenderedMedia(role=MediaRole.RAW, type="application/zip", data=b"raw" + mark),
    ]


def state(store: Store, job: Job) -> JobState:
    with store.session() as session:
        return listing.get_job(session, job_id=job.id).state


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def add_card(store: Store, card: NetworkCard, weights: bytes = b"weights") -> None:
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=[weights])

"""A client that asks as a browser does, and jobs in every state."""

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.contract.job import JobError, JobState, Progress
from app.contract.network import NetworkCard
from app.contract.result import MediaRole, RenderedMedia, Visualization
from app.store.database.engine import Store
from app.store.jobs import leases, requests
from app.store.results import visualizations
from tests.support import claim, enqueue, measurements
from tests.web.conftest import ORIGIN
from tests.web.views.pagereader import PageReader


def sha256_of(made: Visualization, role: MediaRole) -> str:
    medium = made.medium(role)
    assert medium is not None
    return medium.sha256


def poster(made: Visualization) -> str:
    return sha256_of(made, MediaRole.POSTER)


TWO_STREAM = (
    MediaRole.POSTER,
    MediaRole.LOOP,
    MediaRole.APPEARANCE,
    MediaRole.FLOW,
    MediaRole.FLOW_DIRECTION,
    MediaRole.FLOW_XY,
)

Make = Callable[..., Visualization]
Open = Callable[[str], PageReader]


@pytest.fixture
def visitor(app: FastAPI, network: NetworkCard) -> Iterator[TestClient]:
    """Return a client that asks for pages and follows no redirects."""
    headers = {"Accept": "text/html", "Origin": ORIGIN}
    with TestClient(app, base_url=ORIGIN, headers=headers, follow_redirects=False) as client:
        yield client


@pytest.fixture
def open_page(visitor: TestClient) -> Open:
    def open_(address: str) -> PageReader:
        answer = visitor.get(address)
        assert answer.status_code == 200, answer.text
        return PageReader(answer.text)

    return open_


@pytest.fixture
def make(store: Store, network: NetworkCard) -> Make:
    """Return a function that requests and finishes a visualization of a class unit of `tiny`."""

    def make_(unit: int = 2, **recipe: object) -> Visualization:
        [job] = enqueue(store, unit, **recipe)
        [claimed] = claim(store)
        assert claimed.id == job.id
        mark = f"{unit}/{job.recipe.key()}/".encode()
        pictures = [
            RenderedMedia(role=role, type="image/webp", data=mark + role.encode(), width=32, height=32)
            for role in TWO_STREAM
        ]
        raw = RenderedMedia(role=MediaRole.RAW, type="application/zip", data=mark)
        with store.transaction() as session:
            made = leases.finish_visualization(
                session, worker="w1", job=claimed, measurements=measurements(), media=[*pictures, raw]
            )
        assert made is not None
        with store.session() as session:
            return visualizations.get_visualization(session, visualization_id=made)

    return make_


@pytest.fixture
def running(store: Store, network: NetworkCard) -> int:
    """Return the id of a running job of class unit 1, with progress and a preview."""
    enqueue(store, 1)
    [job] = claim(store)
    picture = RenderedMedia(role=MediaRole.POSTER, type="image/webp", data=b"so far")
    with store.transaction() as session:
        leases.save_progress(
            session,
            worker="w1",
            progress={job.id: Progress(step=31, steps=72, seconds_left=7.2, trace=(0.1, 0.5, 0.9))},
            previews={job.id: (31, picture)},
        )
    return job.id


@pytest.fixture
def failed(store: Store, network: NetworkCard) -> int:
    """Return the id of a failed job of class unit 3."""
    enqueue(store, 3)
    [job] = claim(store)
    with store.transaction() as session:
        leases.fail(session, worker="w1", job=job, error=JobError(kind="not_finite", detail="J became NaN at step 12."))
    return job.id


@pytest.fixture
def cancelled(store: Store, network: NetworkCard) -> int:
    """Return the id of a cancelled job of class unit 4."""
    [job] = enqueue(store, 4)
    with store.transaction() as session:
        assert requests.cancel(session, job_id=job.id).state is JobState.CANCELLED
    return job.id

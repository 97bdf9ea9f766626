"""A dashboard with something on every page, without a worker: a surveyed network, a data set and an explained clip.

Evidence and pictures are small and made up; the pages are the real ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from threading import Thread

import numpy as np
import pytest
import uvicorn

from app.contract.dataset import NewClip
from app.contract.job import ExplainJob, ExplainRequest
from app.contract.network import NetworkCard, StreamName
from app.settings import Settings
from app.store import Session, datasets
from app.store.database.engine import Store, open_store
from app.store.jobs import leases
from app.store.surveys import explanations
from app.web import urls
from app.web.main import create_app
from tests.dashboard import wait_for
from tests.evidence_support import LABELS, survey
from tests.support import add_card, claim, claim_job, enqueue, measurements, two_stream_card
from tests.web.views.test_explained_clips import FOUND
from worker.render.stimulus import render_stimulus
from worker.shipped.paths import CLIPS_FOLDER
from worker.survey.intake import make_clip
from worker.video.decoders import ClipDecoders

WIDE_LAYER_UNITS = 400  # in layer fc6


@dataclass(frozen=True)
class Served:
    address: str
    own_clip: str  # the page of a clip that was explained


def wide_card(units: int = WIDE_LAYER_UNITS) -> NetworkCard:
    card = two_stream_card()
    layers = (layer.model_copy(update={"units": units}) if layer.name == "fc6" else layer for layer in card.layers)
    told = {"class_sentences": (*["Somebody moves."] * 4, "A person turning upside down.")}
    return card.model_copy(update={"layers": tuple(layers), **told})


@pytest.fixture(scope="session")
def surveyed(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("surveyed")
    copyfile(migrated_sqlite, home / "kinetoscope.db")
    store = open_store(f"sqlite:///{home / 'kinetoscope.db'}")
    own_clip = fill(store)
    with serve(store, home) as address:
        yield Served(address, own_clip)
    store.close()


@contextmanager
def serve(store: Store, home: Path) -> Iterator[str]:
    """Serve the pages of a store in a thread of this process, and yield their address."""
    server = uvicorn.Server(uvicorn.Config(create_app(Settings(home=home), store), port=0, log_level="warning"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    [socket] = server.servers[0].sockets
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.should_exit = True
    thread.join(15)


def fill(store: Store) -> str:
    add_card(store, wide_card())
    with ClipDecoders() as decoders:
        clip = make_clip("walk-0", "walk", min((CLIPS_FOLDER / "walk").glob("*.mp4")), decoders, flow=True)
    with store.transaction() as session:
        datasets.add_dataset(session, slug="little", title="The little set", summary="Nine clips.")
        datasets.add_clips(session, slug="little", clips=same_clips(clip))
    survey(store)
    for unit in (0, 1, 2, 4):
        for speed in ("slow", "free") if unit == 1 else ("slow",):
            visualize(store, unit, speed)
    return explain(store, clip)


def same_clips(clip: NewClip) -> Iterator[NewClip]:
    for number in range(3):
        for label in LABELS:
            yield clip.model_copy(update={"name": f"{label}-{number}", "label": label})


def visualize(store: Store, unit: int, speed: str) -> None:
    enqueue(store, unit, speed=speed)
    [job] = claim(store)
    draw = np.random.default_rng(unit)
    stimulus = {
        StreamName.APPEARANCE: draw.uniform(-1, 1, (3, 1, 32, 32)).astype(np.float32),
        StreamName.MOTION: draw.uniform(-0.1, 0.1, (2, 3, 32, 32)).astype(np.float32),
    }
    with store.transaction() as session:
        leases.finish_visualization(
            session, worker="w1", job=job, measurements=measurements(), media=render_stimulus(stimulus)
        )


def explain(store: Store, clip: NewClip) -> str:
    request = ExplainRequest(network="tiny", dataset="little", clip="walk-0", expected="walk")
    with store.transaction() as session:
        explanations.enqueue_clip(session, request=request)
    job = claim_job(store, ExplainJob)

    def save(session: Session) -> dict[str, object]:
        explanations.save_explanation(session, job_id=job.id, explanation=FOUND, media=clip.media)
        return {}

    with store.transaction() as session:
        leases.finish_with_answer(session, worker="w1", job=job, save=save)
    return urls.own_clip(job.id)

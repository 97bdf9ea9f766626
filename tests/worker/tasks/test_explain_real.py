"""Real clips explained by real weights, as a person's own: from the file to the answer, by the real loop."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.contract.job import ExplainRequest, JobState
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.store.surveys import explanations
from tests.support import LEASE
from worker.loop import WorkerLoop
from worker.networks.load import describe_network
from worker.tasks import make_tasks
from worker.tasks.explain import ExplainTask

pytestmark = pytest.mark.slow

CLIP, LABEL, PROBABILITY = "v_CricketShot_g04_c01_rgb.gif", "playing cricket", 0.997


@pytest.fixture(scope="module")
def store(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    weights, labels = (test_data / "weights" / name for name in ("i3d_rgb_kinetics400.pt", "kinetics400_labels.txt"))
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('i3d') / 'i3d.sqlite'}", check=False)
    store.migrate()
    card = describe_network(family="i3d", weights=weights, labels=labels)
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(weights.read_bytes()))
    yield store
    store.close()


@pytest.fixture(scope="module")
def loop(store: Store) -> WorkerLoop:
    device = torch.device("cpu")
    task = ExplainTask(store, device, units_silenced=1, max_silenced_passes=1)
    tasks = replace(make_tasks(store, device), explain=task)
    return WorkerLoop(store, tasks=tasks, device="cpu", batch=1, lease=LEASE)


def test_i3d_gives_the_known_answer_and_names_the_units_that_made_it(
    store: Store, loop: WorkerLoop, test_data: Path
) -> None:
    with store.transaction() as session:
        request = ExplainRequest(network="i3d", expected=LABEL)
        data = (test_data / "clips" / CLIP).read_bytes()
        job = explanations.enqueue_file(session, request=request, name=CLIP, data=data)
    assert loop.work_once()
    with store.session() as session:
        clip = explanations.get_own_clip(session, clip_id=job.id)
    assert (clip.job.state, clip.job.error) == (JobState.DONE, None)
    actual = clip.explanation
    assert actual is not None
    assert actual.predictions[0].label == LABEL
    assert actual.predictions[0].probability == pytest.approx(PROBABILITY, abs=0.02)
    assert actual.expected == actual.predicted
    last, before = actual.predicted.layers
    assert (last.layer, before.layer) == ("Mixed_5c", "Mixed_5b")
    for layer in (last, before):
        shares = [unit.share for unit in layer.units]
        assert sum(shares) + layer.others + layer.rest == pytest.approx(actual.predicted.logit, abs=1e-3)
        assert shares == sorted(shares, key=lambda share: -abs(share))
        assert shares[0] > 0, "what speaks most for the class is a unit that adds to it"
    assert last.units[0].effect == pytest.approx(last.units[0].share, abs=1e-3)
    assert abs(last.rest) < 0.05 * actual.predicted.logit  # the bias
    assert {ref.role for ref in clip.media}, "the clip as the network saw it"

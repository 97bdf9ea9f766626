"""Stimuli of one unit that must differ, from the request to the results: a job and a seed for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from app.contract.errors import InvalidRecipe
from app.contract.job import VisualizeRequest
from app.contract.recipe import Recipe
from app.contract.result import Visualization
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.store.jobs import requests
from app.store.media import get_medium
from app.store.results import visualizations
from tests.support import LEASE
from worker.loop import WorkerLoop
from worker.networks.load import read_network
from worker.tasks import make_tasks

GROUP = {"diversity": 2, "count": 3, "seed": 5, "steps": 6, "bn_prior": 0, "frames": 4, "size": 32}


@pytest.fixture
def store(sqlite_url: str, tiny_clip_weights: Path) -> Iterator[Store]:
    store = open_store(sqlite_url)
    card, data = read_network(family="tiny_clip", weights=tiny_clip_weights, slug="tiny-clip")
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(data))
    yield store
    store.close()


def ask(store: Store, *units: int, **fields: object) -> int:
    """Ask for units of `conv3` and return how many jobs that gives."""
    recipe = Recipe.model_validate(GROUP | fields)
    request = VisualizeRequest(network="tiny-clip", layer="conv3", units=list(units), recipe=recipe)
    with store.transaction() as session:
        return len(requests.enqueue(session, request=request).jobs)


def work(store: Store, batch: int) -> int:
    """Work until the queue is empty, in batches of this size, and return how many there were."""
    tasks = make_tasks(store, torch.device("cpu"))
    loop, batches = WorkerLoop(store, tasks=tasks, device="cpu", batch=batch, max_batch=batch, lease=LEASE), 0
    while loop.work_once():
        batches += 1
    return batches


def results(store: Store, unit: int) -> list[Visualization]:
    with store.session() as session:
        card = networks.get_card(session, slug="tiny-clip")
        found = visualizations.visualizations_of_unit(session, card=card, layer="conv3", unit=unit)
    return sorted(found, key=lambda each: each.recipe.seed)


def pictures(store: Store, unit: int) -> list[bytes]:
    with store.session() as session:
        return [get_medium(session, sha256=each.media[0].sha256).data for each in results(store, unit)]


def test_a_request_gives_a_result_for_each_seed(store: Store) -> None:
    assert ask(store, 2) == 3
    assert ask(store, 2) == 3, "the same jobs"
    assert work(store, batch=4) == 1
    made = results(store, 2)
    assert [(each.recipe.seed, each.recipe.member) for each in made] == [(5, 0), (6, 1), (7, 2)]
    assert len(set(pictures(store, 2))) == 3
    assert ask(store, 2) == 0
    assert ask(store, 2, seed=6, member=1) == 0, "the same group, named by another of its members"


def test_results_do_not_depend_on_the_batches_of_a_worker(
    store: Store, tmp_path: Path, migrated_sqlite: Path, tiny_clip_weights: Path
) -> None:
    ask(store, 1, 2)
    assert work(store, batch=8) == 2
    together = [each.measurements.trace for unit in (1, 2) for each in results(store, unit)]
    with store.transaction() as session:
        networks.remove_network(session, slug="tiny-clip")
        card, data = read_network(family="tiny_clip", weights=tiny_clip_weights, slug="tiny-clip")
        networks.add_network(session, card=card, weights=networks.weight_chunks(data))
    ask(store, 2, 1)
    assert work(store, batch=1) == 6
    assert [each.measurements.trace for unit in (1, 2) for each in results(store, unit)] == together


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"count": 1}, "`diversity` and `count` go together"),
        ({"diversity": 0}, "`diversity` and `count` go together"),
        ({"seed": 0, "member": 1}, "There is no `member`"),
        ({"member": 3}, "There is no `member`"),
    ],
)
def test_a_group_that_is_none_is_refused(store: Store, fields: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidRecipe, match=words):
        ask(store, 2, **fields)

"""The digest of a survey's a_hat: on the card, in the recipes asked for after it, and in what a job divides by."""

import pytest
import torch

from app.contract.errors import Missing
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from tests.evidence_support import add_dataset, survey
from tests.support import LEASE, claim, enqueue
from worker.job_context import JobContext
from worker.loop import Tasks, WorkerLoop
from worker.tasks.visualize import VisualizeTask


def never(*_: object) -> None:
    raise AssertionError("no such job is there")


def digest(store: Store) -> str:
    with store.session() as session:
        return get_card(session, slug="tiny").survey_maxima


def test_a_survey_gives_recipes_another_key_and_jobs_the_a_hat_that_these_name(tiny: Store) -> None:
    add_dataset(tiny)
    assert digest(tiny) == ""
    [before] = enqueue(tiny, 2)
    survey(tiny)
    first = digest(tiny)
    [after] = enqueue(tiny, 2)
    assert (before.recipe.survey_maxima, after.recipe.survey_maxima) == ("", first)
    assert before.recipe.key() != after.recipe.key()
    task = VisualizeTask(tiny, torch.device("cpu"))
    assert task._a_hat([before]) is None, "its key says that no survey had measured a_hat"
    assert task._a_hat([after]) == [4.0]
    survey(tiny)
    assert digest(tiny) == first, "the same a_hat have the same digest"

    gone = after.model_copy(update={"recipe": after.recipe.model_copy(update={"survey_maxima": "0" * 64})})
    with pytest.raises(Missing, match="Ask for the visualization again"):
        task._a_hat([gone])


def test_a_job_whose_survey_was_replaced_just_before_it_began_waits_for_the_newest(tiny: Store) -> None:
    add_dataset(tiny)
    survey(tiny)
    enqueue(tiny, 2, 3)
    jobs = claim(tiny, limit=2)
    survey(tiny, change=lambda layer, unit: {"a_hat": 9.0})
    task = VisualizeTask(tiny, torch.device("cpu"))
    tasks = Tasks(visualize=task, survey=never, explain=never, add_network=never)
    loop = WorkerLoop(tiny, tasks=tasks, device="cpu", batch=2, lease=LEASE, name="w1")
    context = JobContext(loop, jobs)
    task(jobs, context)
    assert not context.open_jobs
    again = claim(tiny, limit=2)
    assert [(job.id, job.attempts) for job in again] == [(job.id, 1) for job in jobs]
    assert {job.recipe.survey_maxima for job in again} == {digest(tiny)}
    assert task._a_hat(again) == [9.0, 9.0]

"""A survey comes while visualizations wait: nothing that was asked for is lost, and keys say what was used."""

import pytest

from app.contract.errors import InvalidRecipe
from app.contract.job import JobError, JobState, VisualizeJob
from app.contract.result import Visualization
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.jobs import leases, listing, requests
from app.store.jobs.newest_survey import follow_newest_survey
from app.store.results.visualizations import get_visualization
from tests.evidence_support import add_dataset, survey
from tests.support import claim, enqueue, finish


def survey_anew(store: Store, factor: float) -> str:
    """Survey the network, with other a_hat for another factor, and return their digest."""
    survey(store, change=lambda layer, unit: {"a_hat": factor * (1 + unit)})
    with store.session() as session:
        return get_card(session, slug="tiny").survey_maxima


def now_is(store: Store, job: VisualizeJob) -> VisualizeJob:
    with store.session() as session:
        found = listing.get_job(session, job_id=job.id)
    assert isinstance(found, VisualizeJob)
    return found


def result_of(store: Store, visualization: int | None) -> Visualization:
    assert visualization is not None
    with store.session() as session:
        return get_visualization(session, visualization_id=visualization)


def test_a_queued_sweep_is_made_with_the_survey_that_came_meanwhile(tiny: Store) -> None:
    add_dataset(tiny)
    asked = enqueue(tiny, 0, 1, 2)
    others = enqueue(tiny, 3, 4, seed=7)  # only the seed differs, so they share a batch
    digest = survey_anew(tiny, 2)
    jobs = [now_is(tiny, job) for job in asked]
    assert [job.recipe for job in jobs] == [job.recipe.model_copy(update={"survey_maxima": digest}) for job in asked]
    assert [job.asked_recipe for job in jobs] == [job.recipe.key() for job in asked]
    assert all(job.revision > before.revision for job, before in zip(jobs, asked, strict=True)), "pages see it"
    assert [job.id for job in enqueue(tiny, 0, 1, 2)] == [job.id for job in asked], "who asks now joins them"

    second = survey_anew(tiny, 3)
    batch = claim(tiny, limit=9)
    assert {job.id for job in batch} == {job.id for job in (*asked, *others)}, "they still share it"
    assert {job.recipe.survey_maxima for job in batch} == {second}
    assert [job.asked_recipe for job in batch[:3]] == [job.recipe.key() for job in asked]
    assert result_of(tiny, finish(tiny, batch[0])).recipe.survey_maxima == second


def test_a_survey_that_is_gone_cannot_be_asked_for_but_its_results_can(tiny: Store) -> None:
    add_dataset(tiny)
    gone = survey_anew(tiny, 2)
    enqueue(tiny, 0)
    finish(tiny, claim(tiny)[0])
    survey_anew(tiny, 3)
    assert enqueue(tiny, 0, survey_maxima=gone) == [], "it is there"
    with pytest.raises(InvalidRecipe, match="Leave it empty for those of the newest"):
        enqueue(tiny, 1, survey_maxima=gone)


def test_a_running_job_keeps_what_it_began_with(tiny: Store) -> None:
    add_dataset(tiny)
    first = survey_anew(tiny, 2)
    enqueue(tiny, 0)
    [running] = claim(tiny)
    survey_anew(tiny, 3)
    assert now_is(tiny, running).asked_recipe is None
    assert result_of(tiny, finish(tiny, running)).recipe.survey_maxima == first


def test_what_is_there_already_is_the_answer(tiny: Store) -> None:
    add_dataset(tiny)
    survey_anew(tiny, 2)
    enqueue(tiny, 0)
    result = finish(tiny, claim(tiny)[0])
    survey_anew(tiny, 3)
    [waiting] = enqueue(tiny, 0)
    survey_anew(tiny, 2)
    ended = now_is(tiny, waiting)
    assert (ended.state, ended.visualization) == (JobState.DONE, result)
    assert ended.finished_at is not None


def test_two_jobs_that_become_the_same_are_one(tiny: Store) -> None:
    add_dataset(tiny)
    survey_anew(tiny, 2)
    enqueue(tiny, 0)
    [old] = claim(tiny)
    with tiny.transaction() as session:
        leases.fail(session, worker="w1", job=old, error=JobError(kind="not_finite", detail="J became NaN."))
    survey_anew(tiny, 3)
    [new] = enqueue(tiny, 0)
    with tiny.transaction() as session:
        requests.retry(session, job_id=old.id)
    with tiny.transaction() as session:
        follow_newest_survey(session, card=get_card(session, slug="tiny"))
    ended = now_is(tiny, old)
    assert ended.state is JobState.CANCELLED
    assert ended.error is not None
    assert f"job {new.id}" in ended.error.detail
    assert now_is(tiny, new).state is JobState.QUEUED

"""What the death of a worker costs its jobs."""

from app.contract.job import JobState, Priority
from app.store.database.engine import Store
from app.store.jobs import leases, listing, requests
from tests.support import claim, die, enqueue, finish, state


def deaths(store: Store, *ids: int) -> list[int]:
    with store.session() as session:
        return [listing.get_job(session, job_id=id).deaths for id in ids]


def test_a_batch_whose_worker_died_is_tried_again_halved_until_the_culprit_is_alone(tiny: Store) -> None:
    """One of ten jobs kills its worker, whichever others are with it: it alone fails, after three deaths alone."""
    queued = enqueue(tiny, 0, 1, 2, 3, 4) + enqueue(tiny, 0, 1, 2, 3, 4, seed=1)
    culprit = queued[6].id
    sizes = []
    while batch := claim(tiny, limit=8):
        if culprit in [job.id for job in batch]:
            sizes.append(len(batch))
            die(tiny)
        else:
            for job in batch:
                finish(tiny, job)
    assert sizes == [8, 4, 2, 1, 1, 1]
    assert [state(tiny, job) for job in queued] == [
        JobState.FAILED if job.id == culprit else JobState.DONE for job in queued
    ]
    with tiny.session() as session:
        failed = listing.get_job(session, job_id=culprit)
    assert failed.error is not None
    assert failed.error.detail.startswith("The worker died 3 times while computing this and nothing else")
    with tiny.transaction() as session:
        again = requests.retry(session, job_id=culprit)
    assert (again.deaths, again.batch_limit, again.attempts) == (0, None, 0)


def test_jobs_that_were_with_a_death_share_no_batch_with_the_others(tiny: Store) -> None:
    enqueue(tiny, 0, 1)
    claim(tiny, limit=2)
    die(tiny)
    fresh = enqueue(tiny, 2, 3, 4)
    assert [len(claim(tiny, worker=worker, limit=8)) for worker in ("w2", "w3")] == [1, 1]
    assert [job.id for job in claim(tiny, worker="w4", limit=8)] == [job.id for job in fresh]


def test_a_death_during_urgent_work_costs_the_interrupted_jobs_nothing(tiny: Store) -> None:
    sweep = enqueue(tiny, 0, 1)
    claim(tiny, limit=2)
    click = enqueue(tiny, 4)[0]
    with tiny.transaction() as session:
        assert [job.id for job in leases.claim(session, worker="w1", limit=2, above=Priority.SWEEP)] == [click.id]
    assert die(tiny) == 3
    assert deaths(tiny, click.id, *(job.id for job in sweep)) == [1, 0, 0]
    assert len(claim(tiny)) == 1  # the click
    assert [job.id for job in claim(tiny, limit=2)] == [job.id for job in sweep]

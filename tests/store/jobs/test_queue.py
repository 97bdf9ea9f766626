from typing import Any

import pytest

from app.contract.errors import Conflict
from app.contract.job import JobState
from app.store.database.engine import Store
from app.store.jobs import listing, queue
from tests.support import claim, enqueue, state


def waiting(store: Store, **whose: Any) -> list[int]:
    with store.session() as session:
        return [job.id for job in listing.list_jobs(session, state=JobState.QUEUED, **whose).items]


def test_a_waiting_job_is_served_first_or_last(tiny: Store) -> None:
    first, second, third = (enqueue(tiny, unit)[0].id for unit in range(3))
    with tiny.transaction() as session:
        queue.move(session, job_id=third, to="first")
    assert waiting(tiny) == [third, first, second]
    with tiny.transaction() as session:
        moved = queue.move(session, job_id=first, to="last")
    assert waiting(tiny) == [third, second, first]
    assert moved.revision > 0, "pages that listen see it"
    assert claim(tiny)[0].id == third


def test_a_job_alone_stays_where_it_is(tiny: Store) -> None:
    [job] = enqueue(tiny, 0)
    with tiny.transaction() as session:
        assert queue.move(session, job_id=job.id, to="last").priority == job.priority


def test_what_runs_has_no_place_in_the_queue(tiny: Store) -> None:
    enqueue(tiny, 0)
    [job] = claim(tiny)
    with pytest.raises(Conflict, match="running"), tiny.transaction() as session:
        queue.move(session, job_id=job.id, to="first")


def test_who_asked_first_owns_a_job(tiny: Store) -> None:
    [mine] = enqueue(tiny, 0)
    [theirs] = enqueue(tiny, 1)
    with tiny.transaction() as session:
        queue.set_owner(session, jobs=[theirs], owner="b" * 32)
        queue.set_owner(session, jobs=[mine, theirs], owner="a" * 32)
    assert waiting(tiny, owner="a" * 32) == [mine.id]
    with tiny.session() as session:
        assert listing.count_by_state(session, owner="b" * 32)[JobState.QUEUED] == 1


def test_a_sweep_is_stopped_as_a_whole(tiny: Store) -> None:
    """The other recipe's jobs are another sweep."""
    sweep = [enqueue(tiny, unit)[0] for unit in (0, 1, 2)]
    other = enqueue(tiny, 0, speed="free")[0]
    with tiny.session() as session:
        assert [queue.count_queued_siblings(session, job_id=job.id) for job in (sweep[0], other)] == [2, 0]
    with tiny.transaction() as session:
        queue.cancel_sweep(session, job_id=sweep[1].id)
    assert [state(tiny, job) for job in sweep] == [JobState.CANCELLED] * 3
    assert state(tiny, other) is JobState.QUEUED

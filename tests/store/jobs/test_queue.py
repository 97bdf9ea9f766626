from dataclasses import replace
from typing import Any

import pytest

from app.contract.errors import Conflict, TooMany
from app.contract.job import JobState
from app.store.database.engine import Store
from app.store.jobs import listing, queue, requests
from app.store.jobs.requesters import Requester, WorkLimits
from tests.support import claim, enqueue, request, state


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


def ask(store: Store, owner: str, *units: int, **options: Any) -> list[int]:
    """Queue units as a person does, and return the jobs."""
    with store.transaction() as session:
        asker = Requester(owner=owner, address="ip-1", **options)
        return [job.id for job in requests.enqueue(session, request=request(*units), requester=asker).jobs]


def test_who_asked_first_owns_a_job(tiny: Store) -> None:
    [mine] = ask(tiny, "a" * 32, 0)
    both = ask(tiny, "b" * 32, 0, 1)
    assert mine in both
    assert waiting(tiny, owner="a" * 32) == [mine]
    with tiny.session() as session:
        assert listing.count_by_state(session, owner="b" * 32)[JobState.QUEUED] == 1
        assert {job.id: job.owner for job in listing.list_jobs(session).items}[mine] == "a" * 32


def test_nobody_owns_what_a_command_asked_for(tiny: Store) -> None:
    [of_command] = [job.id for job in enqueue(tiny, 0)]
    assert ask(tiny, "a" * 32, 0) == [of_command]
    assert waiting(tiny, owner="a" * 32) == []


def test_a_person_and_an_address_have_limits(tiny: Store) -> None:
    limits = {"owner_limits": WorkLimits(jobs=2), "address_limits": WorkLimits(jobs=3)}
    ask(tiny, "a" * 32, 0, 1, **limits)
    ask(tiny, "a" * 32, 0, 1, **limits)  # the same jobs: none is new
    with pytest.raises(TooMany, match="more than 2 jobs of yours") as refused:
        ask(tiny, "a" * 32, 2, **limits)
    assert refused.value.extra["retry_after"] == 60
    ask(tiny, "b" * 32, 2, **limits)
    with pytest.raises(TooMany, match="more than 3 jobs from your network address"):
        ask(tiny, "c" * 32, 3, **limits)
    assert len(waiting(tiny)) == 3
    claim(tiny, limit=3)
    with pytest.raises(TooMany):  # those that run count too
        ask(tiny, "c" * 32, 3, **limits)


def test_who_retries_a_job_owns_it_and_needs_room_for_it(tiny: Store) -> None:
    [job] = ask(tiny, "a" * 32, 0)
    ask(tiny, "b" * 32, 1)
    with tiny.transaction() as session:
        requests.cancel(session, job_id=job)
    again = Requester(owner="b" * 32, address="ip-1", owner_limits=WorkLimits(jobs=1))
    with pytest.raises(TooMany), tiny.transaction() as session:
        requests.retry(session, job_id=job, requester=again)
    with tiny.transaction() as session:
        requests.retry(session, job_id=job, requester=replace(again, owner_limits=WorkLimits()))
    assert set(waiting(tiny, owner="b" * 32)) == {job, job + 1}


def test_only_one_s_own_part_of_a_sweep_is_stopped(tiny: Store) -> None:
    mine, theirs, command = ask(tiny, "a" * 32, 0, 1), ask(tiny, "b" * 32, 2), [job.id for job in enqueue(tiny, 3)]
    with tiny.session() as session:
        counts = [queue.count_queued_siblings(session, job_id=mine[0], owners=who) for who in (["a" * 32], None)]
    assert counts == [1, 3]
    with tiny.transaction() as session:
        queue.cancel_sweep(session, job_id=mine[0], owners=["a" * 32])
    assert waiting(tiny) == [*theirs, *command]
    with tiny.transaction() as session:
        queue.cancel_sweep(session, job_id=command[0], owners=["a" * 32, None])
    assert waiting(tiny) == theirs


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

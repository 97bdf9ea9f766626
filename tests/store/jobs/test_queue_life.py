from datetime import datetime

import pytest

from app.contract.errors import Conflict, InvalidRequest, Missing, TooMany, UnknownUnit
from app.contract.job import JobError, JobState, Priority, Progress, VisualizeJob, jobs_of_kind
from app.contract.result import MediaRole, RenderedMedia
from app.store.catalog.networks import get_card
from app.store.database.clock import now
from app.store.database.engine import Store
from app.store.jobs import leases, listing, requests
from app.store.results import visualizations
from tests.support import claim, die, enqueue, finish, measurements, media, request, state


def test_an_identical_request_joins_the_live_job(tiny: Store) -> None:
    assert enqueue(tiny, 2)[0].id == enqueue(tiny, 2)[0].id
    assert enqueue(tiny, 2, speed="fast")[0].id != enqueue(tiny, 2)[0].id
    running = claim(tiny)[0]
    assert enqueue(tiny, 2)[0].id == running.id


def test_a_finished_result_answers_at_once(tiny: Store) -> None:
    enqueue(tiny, 2)
    saved = finish(tiny, claim(tiny)[0])
    with tiny.transaction() as session:
        answer = requests.enqueue(session, request=request(2, 3))
    assert [(hit.unit, hit.visualization) for hit in answer.cached] == [(2, saved)]
    assert [job.unit for job in answer.jobs] == [3]


def test_a_request_that_names_no_such_unit_queues_nothing(tiny: Store) -> None:
    with pytest.raises(UnknownUnit):
        enqueue(tiny, 1, 99)
    with tiny.session() as session:
        assert listing.list_jobs(session).total == 0


def test_a_full_queue_refuses_and_keeps_what_it_has(tiny: Store) -> None:
    enqueue(tiny, 0)
    with pytest.raises(TooMany, match="takes 2 at most"), tiny.transaction() as session:
        requests.enqueue(session, request=request(1, 2), limit=2)
    with tiny.session() as session:
        assert listing.count_by_state(session)[JobState.QUEUED] == 1


def test_a_click_overtakes_a_sweep_and_moves_its_own_unit_forward(tiny: Store) -> None:
    enqueue(tiny, 0, 1, 2, 3)
    assert enqueue(tiny, 3)[0].priority == Priority.CLICK
    assert [job.unit for job in claim(tiny, limit=8)] == [3]
    assert [job.unit for job in claim(tiny, limit=8)] == [0, 1, 2]


def test_a_batch_takes_what_differs_in_unit_and_seed_alone(tiny: Store) -> None:
    enqueue(tiny, 0, 1)
    enqueue(tiny, 0, 1, seed=5)
    enqueue(tiny, 2, 3, speed="free")
    batch = claim(tiny, limit=8)
    assert [(job.unit, job.recipe.seed) for job in batch] == [(0, 0), (1, 0), (0, 5), (1, 5)]
    assert {job.state for job in batch} == {JobState.RUNNING}
    assert [job.unit for job in claim(tiny, limit=1)] == [2]


def test_two_workers_never_get_the_same_job(tiny: Store) -> None:
    enqueue(tiny, 0, 1, 2)
    first = claim(tiny, worker="w1", limit=2)
    second = claim(tiny, worker="w2", limit=2)
    assert {job.id for job in first}.isdisjoint(job.id for job in second)
    assert claim(tiny, worker="w3") == []


def test_above_takes_more_urgent_work_alone(tiny: Store) -> None:
    enqueue(tiny, 0, 1)
    with tiny.transaction() as session:
        assert leases.claim(session, worker="w", limit=1, above=Priority.SWEEP) == []
    enqueue(tiny, 4)
    with tiny.transaction() as session:
        urgent = leases.claim(session, worker="w", limit=1, above=Priority.SWEEP)
    assert [job.unit for job in jobs_of_kind(VisualizeJob, urgent)] == [4]


def test_a_worker_taken_for_dead_loses_its_job_to_another_and_only_that_one_may_save(tiny: Store) -> None:
    enqueue(tiny, 0)
    lost = claim(tiny, worker="w1")[0]
    assert die(tiny) == 1
    reclaimed = claim(tiny, worker="w2")[0]
    assert (reclaimed.id, reclaimed.attempts) == (lost.id, 2)
    assert finish(tiny, lost, worker="w1") is None
    with tiny.session() as session:
        assert visualizations.recent_visualizations(session) == []
        status = leases.check_leases(session, worker="w1", jobs={lost.id: lost.attempts}, priority=0)
    assert status.lost == {lost.id}
    assert finish(tiny, reclaimed, worker="w2") is not None
    assert state(tiny, reclaimed) is JobState.DONE


def test_the_same_worker_cannot_save_an_earlier_claim_of_its_own(tiny: Store) -> None:
    enqueue(tiny, 0)
    stale = claim(tiny)[0]
    die(tiny)
    fresh = claim(tiny)[0]
    assert finish(tiny, stale) is None
    assert finish(tiny, fresh) is not None


def test_three_deaths_fail_the_job_with_a_reason(tiny: Store) -> None:
    enqueue(tiny, 0)
    for _ in range(3):
        job = claim(tiny)[0]
        die(tiny)
    with tiny.session() as session:
        ended = listing.get_job(session, job_id=job.id)
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert "died 3 times" in ended.error.detail


def test_a_cancelled_job_whose_worker_died_ends_cancelled(tiny: Store) -> None:
    enqueue(tiny, 0)
    job = claim(tiny)[0]
    with tiny.transaction() as session:
        requests.cancel(session, job_id=job.id)
    die(tiny)
    assert state(tiny, job) is JobState.CANCELLED


def test_handing_back_costs_no_attempt(tiny: Store) -> None:
    enqueue(tiny, 0)
    job = claim(tiny)[0]
    with tiny.transaction() as session:
        leases.release(session, worker="w1", jobs=[job.id])
    again = claim(tiny)[0]
    assert (again.id, again.attempts) == (job.id, 1)


def test_progress_and_preview_are_seen_and_gone_at_the_end(tiny: Store) -> None:
    enqueue(tiny, 0)
    job = claim(tiny)[0]
    progress = Progress(step=3, steps=10, seconds_left=4.5, trace=(0.1, 0.2))
    for step in (2, 3):
        picture = RenderedMedia(role=MediaRole.POSTER, type="image/webp", data=b"step %d" % step)
        with tiny.transaction() as session:
            leases.save_progress(
                session,
                worker="w1",
                progress={job.id: progress},
                previews={job.id: (step, picture)},
            )
    with tiny.session() as session:
        seen = listing.get_job(session, job_id=job.id)
        preview = listing.get_preview(session, job_id=job.id)
    assert isinstance(seen, VisualizeJob)
    assert (seen.progress, seen.preview_step) == (progress, 3)
    assert preview is not None
    assert preview[1].data == b"step 3"
    assert seen.revision > job.revision
    finish(tiny, job)
    with tiny.session() as session:
        assert listing.get_preview(session, job_id=job.id) is None


def test_cancel_ends_a_waiting_job_and_flags_a_running_one(tiny: Store) -> None:
    waiting = enqueue(tiny, 0)[0]
    with tiny.transaction() as session:
        assert requests.cancel(session, job_id=waiting.id).state is JobState.CANCELLED
    enqueue(tiny, 1)
    running = claim(tiny)[0]
    with tiny.transaction() as session:
        assert requests.cancel(session, job_id=running.id).cancel_requested
    with tiny.session() as session:
        status = leases.check_leases(session, worker="w1", jobs={running.id: running.attempts}, priority=0)
    assert status.cancelled == {running.id}
    with tiny.transaction() as session:
        leases.end_cancelled(session, worker="w1", job=running)
    assert state(tiny, running) is JobState.CANCELLED
    with pytest.raises(Conflict, match="already cancelled"), tiny.transaction() as session:
        requests.cancel(session, job_id=running.id)


def test_asking_again_takes_a_cancel_back(tiny: Store) -> None:
    enqueue(tiny, 0)
    running = claim(tiny)[0]
    with tiny.transaction() as session:
        requests.cancel(session, job_id=running.id)
    assert not enqueue(tiny, 0)[0].cancel_requested


def test_a_failed_job_can_be_retried_and_a_done_one_cannot(tiny: Store) -> None:
    enqueue(tiny, 0)
    job = claim(tiny)[0]
    with tiny.transaction() as session:
        leases.fail(session, worker="w1", job=job, error=JobError(kind="not_finite", detail="NaN at step 3"))
    with tiny.transaction() as session:
        failed = listing.get_job(session, job_id=job.id)
        assert failed.error == JobError(kind="not_finite", detail="NaN at step 3")
        again = requests.retry(session, job_id=job.id)
    assert (again.state, again.attempts, again.error) == (JobState.QUEUED, 0, None)
    finish(tiny, claim(tiny)[0])
    with pytest.raises(Conflict, match="is done"), tiny.transaction() as session:
        requests.retry(session, job_id=job.id)


def test_a_retry_beside_a_live_twin_is_refused(tiny: Store) -> None:
    first = enqueue(tiny, 0)[0]
    with tiny.transaction() as session:
        requests.cancel(session, job_id=first.id)
    second = enqueue(tiny, 0)[0]
    with pytest.raises(Conflict, match=f"as job {second.id}"), tiny.transaction() as session:
        requests.retry(session, job_id=first.id)


def test_a_result_is_whole(tiny: Store) -> None:
    enqueue(tiny, 4, seed=7)
    job = claim(tiny)[0]
    saved = finish(tiny, job)
    assert saved is not None
    with tiny.session() as session:
        found = visualizations.find_visualization(
            session, card=get_card(session, slug="tiny"), layer="class", unit=4, recipe_key=job.recipe.key()
        )
        assert found == visualizations.get_visualization(session, visualization_id=saved)
    assert found is not None
    with tiny.session() as session:
        ended = listing.get_job(session, job_id=job.id)
    assert isinstance(ended, VisualizeJob)
    assert ended.poster == next(medium.sha256 for medium in found.media if medium.role is MediaRole.POSTER)
    assert (found.recipe, found.measurements) == (job.recipe, measurements())
    assert {medium.role: medium.size for medium in found.media} == {
        medium.role: len(medium.data) for medium in media(job)
    }


def test_changes_since_a_moment(tiny: Store) -> None:
    enqueue(tiny, 0, 1)
    job = claim(tiny)[0]
    with tiny.session() as session:
        moment = now(session)
    finish(tiny, job)
    with tiny.session() as session:
        assert listing.changed_revisions(session, since=moment).keys() == {job.id}


def test_changes_come_page_by_page_and_each_once(tiny: Store) -> None:
    with tiny.session() as session:
        moment = now(session)
    jobs = enqueue(tiny, 0, 1, 2, 3, 4)  # all changed at one time
    found: list[int] = []
    start: tuple[datetime, int] | None = (moment, 0)
    while start is not None:
        with tiny.session() as session:
            page, start = listing.list_changed_jobs(session, since=start[0], after_id=start[1], network="tiny", limit=2)
        found += [job.id for job in page]
    assert found == [job.id for job in jobs]


def test_a_listing_puts_running_first_and_then_the_queue_in_its_order(tiny: Store) -> None:
    enqueue(tiny, 0, 1, 2)
    finish(tiny, claim(tiny)[0])
    running = claim(tiny)[0]
    click = enqueue(tiny, 4)[0]
    with tiny.session() as session:
        listed = [job.id for job in listing.list_jobs(session).items]
        assert listing.list_jobs(session, state=JobState.QUEUED).total == 2
        assert listing.list_jobs(session, network="tiny", per_page=1).next == 2
        with pytest.raises(Missing):
            listing.get_job(session, job_id=10_000)
    assert listed[:2] == [running.id, click.id]
    assert len(listed) == 4


def test_a_far_page_goes_on_from_the_one_before(tiny: Store) -> None:
    enqueue(tiny, 0, 1, 2, 3, 4)
    enqueue(tiny, 0, seed=1)
    for job in [each for _ in range(6) for each in claim(tiny)[:1]][:5]:
        finish(tiny, job)
    with tiny.session() as session:
        pages = [listing.list_jobs(session, page=page, per_page=2) for page in (1, 2, 3)]
        counted = listing.count_by_state(session)
        assert pages == [listing.list_jobs(session, page=page, per_page=2, counts=counted) for page in (1, 2, 3)]
        assert listing.list_jobs(session, page=2, per_page=2, after=pages[0].after) == pages[1]
        assert listing.list_jobs(session, page=3, per_page=2, after=pages[1].after) == pages[2]
        assert listing.list_jobs(session, page=2, per_page=2, before=pages[2].before) == pages[1]
        # Before the first that ended is what waits: too few ended to fill the page.
        assert listing.list_jobs(session, page=1, per_page=2, before=pages[1].before) == pages[0]
        assert (pages[0].before, pages[2].after) == (None, None)
        for nowhere in ("", "soon", "soon~1", "2026-01-01T00:00:00+00:00~0", f"2026-01-01T00:00:00+00:00~{10**30}"):
            with pytest.raises(InvalidRequest):
                listing.list_jobs(session, page=2, per_page=2, after=nowhere)


def test_a_whole_layer_is_one_request(tiny: Store) -> None:
    with tiny.transaction() as session:
        everything = request(0).model_copy(update={"units": "all", "layer": "fc6"})
        assert len(requests.enqueue(session, request=everything).jobs) == 10

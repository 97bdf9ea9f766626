"""Jobs that have no unit and no recipe live the life of any other."""

import pytest

from app.contract.errors import Conflict, TooMany, UnknownDataset
from app.contract.job import JobError, JobKind, JobState, Priority, SurveyJob
from app.contract.survey_part import SurveyPart
from app.store import Session, datasets
from app.store.database.engine import Store
from app.store.jobs import leases, listing, requests
from app.store.surveys import writing
from tests.evidence_support import add_dataset
from tests.support import claim, claim_job, enqueue


@pytest.fixture
def little(tiny: Store) -> Store:
    add_dataset(tiny)
    return tiny


def ask(store: Store, dataset: str = "little", limit: int = 100) -> SurveyJob:
    with store.transaction() as session:
        return writing.enqueue_survey(session, network="tiny", dataset=dataset, limit=limit)


def test_it_says_what_it_is_about(little: Store) -> None:
    job = ask(little)
    assert (job.kind, job.network, job.dataset) == (JobKind.SURVEY, "tiny", "little")
    with little.session() as session:
        assert listing.get_job(session, job_id=job.id) == job
        assert listing.list_jobs(session, network="tiny").items == (job,)


def test_the_same_survey_is_joined_and_a_cancel_taken_back(little: Store) -> None:
    job = ask(little)
    assert ask(little).id == job.id
    running = claim_job(little, SurveyJob)
    with little.transaction() as session:
        requests.cancel(session, job_id=job.id)
    again = ask(little)
    assert (again.id, again.cancel_requested) == (running.id, False)


def test_parts_join_a_queued_survey_and_are_refused_by_a_running_one(little: Store) -> None:
    def ask_for(*parts: SurveyPart) -> SurveyJob:
        with little.transaction() as session:
            return writing.enqueue_survey(session, network="tiny", dataset="little", parts=parts or None)

    first = ask_for(SurveyPart.PROBE)
    both = ask_for(SurveyPart.MASK, SurveyPart.PROBE)
    assert (both.id, both.parts) == (first.id, (SurveyPart.PROBE, SurveyPart.MASK))
    claim_job(little, SurveyJob)
    assert ask_for(SurveyPart.MASK).id == first.id
    with pytest.raises(Conflict, match="running, of the parts probe, mask"):
        ask_for()
    with pytest.raises(Conflict, match="when it has finished"):
        ask_for(SurveyPart.STREAMS)


def test_a_queued_survey_of_some_parts_becomes_one_of_all(little: Store) -> None:
    with little.transaction() as session:
        some = writing.enqueue_survey(session, network="tiny", dataset="little", parts=[SurveyPart.RECORD])
    assert (ask(little).id, ask(little).parts) == (some.id, None)


def test_surveys_are_claimed_one_by_one_and_clicks_go_before(little: Store) -> None:
    add_dataset(little, "other")
    first, second = ask(little), ask(little, "other")
    enqueue(little, 2)
    assert [job.kind for job in claim(little, limit=8)] == [JobKind.VISUALIZE]
    assert claim_job(little, SurveyJob, limit=8).id == first.id
    assert claim_job(little, SurveyJob, limit=8).id == second.id
    with little.transaction() as session:
        enqueue_above = leases.claim(session, worker="w", limit=1, above=Priority.SWEEP)
    assert enqueue_above == []


def test_what_came_out_is_kept_with_the_end_and_only_by_who_holds_the_claim(little: Store) -> None:
    ask(little)
    job = claim_job(little, SurveyJob)

    def save(session: Session) -> dict[str, object]:
        datasets.remove_dataset(session, slug="other")
        return {"survey": 7}

    add_dataset(little, "other")
    with little.transaction() as session:
        assert not leases.finish_with_answer(session, worker="thief", job=job, save=save)
    with little.session() as session:
        assert datasets.get_dataset(session, slug="other").clips == 9
    with little.transaction() as session:
        assert leases.finish_with_answer(session, worker="w1", job=job, save=save)
    with little.session() as session:
        ended = listing.get_job(session, job_id=job.id)
        with pytest.raises(UnknownDataset):
            datasets.get_dataset(session, slug="other")
    assert isinstance(ended, SurveyJob)
    assert (ended.state, ended.answer) == (JobState.DONE, {"survey": 7})


def test_a_failed_survey_is_retried_without_overtaking_clicks(little: Store) -> None:
    ask(little)
    job = claim_job(little, SurveyJob)
    with little.transaction() as session:
        leases.fail(session, worker="w1", job=job, error=JobError(kind="video_unreadable", detail="No clip is left."))
    with little.transaction() as session:
        again = requests.retry(session, job_id=job.id)
    assert (again.state, again.priority) == (JobState.QUEUED, Priority.SWEEP)


def test_a_full_queue_refuses_and_unknown_sets_are_named(little: Store) -> None:
    enqueue(little, 0)
    with pytest.raises(TooMany):
        ask(little, limit=1)
    with pytest.raises(UnknownDataset, match="Near: little"):
        ask(little, "litle")


def test_a_removed_data_set_takes_its_jobs_along(little: Store) -> None:
    job = ask(little)
    with little.transaction() as session:
        datasets.remove_dataset(session, slug="little")
    with little.session() as session:
        assert job.id not in [each.id for each in listing.list_jobs(session).items]

"""Clips that people ask about: joined while alive, their files gone with the end of the job, whatever the end."""

import pytest
from sqlalchemy import func, select

from app.contract.errors import Conflict, Missing, TooMany, UnknownClass, UnknownClip
from app.contract.explanation import ClassShares, Explanation, Prediction
from app.contract.job import ExplainJob, ExplainRequest, JobError, JobKind, JobState
from app.store import Session, datasets
from app.store.database.engine import Store
from app.store.database.tables import MediaRow
from app.store.database.upload_tables import UploadRow
from app.store.jobs import leases, queue, requests
from app.store.surveys import explanations, writing
from tests.evidence_support import add_dataset, clip_media
from tests.support import claim_job, die

FOUND = Explanation(
    network="tiny",
    predictions=(Prediction(label="run", logit=2.0, probability=0.75),),
    predicted=ClassShares(label="run", logit=2.0, layers=()),
)


def ask(store: Store, data: bytes = b"a video", expected: str | None = None, limit: int = 100) -> ExplainJob:
    request = ExplainRequest(network="tiny", expected=expected)
    with store.transaction() as session:
        return explanations.enqueue_file(session, request=request, name="mine.mp4", data=data, limit=limit)


def files(store: Store) -> int:
    with store.session() as session:
        return session.scalar(select(func.count()).select_from(UploadRow)) or 0


def complete(store: Store, job: ExplainJob) -> bool:
    def save(session: Session) -> dict[str, object]:
        explanations.save_explanation(session, job_id=job.id, explanation=FOUND, media=clip_media("mine"))
        return {"label": "run"}

    with store.transaction() as session:
        return leases.finish_with_answer(session, worker="w1", job=job, save=save)


def test_a_file_waits_for_its_worker_and_the_same_question_is_joined(tiny: Store) -> None:
    job = ask(tiny, expected="Wave_Slow")
    assert (job.kind, job.clip_name, job.expected) == (JobKind.EXPLAIN, "mine.mp4", "wave slow")
    assert ask(tiny, expected="wave slow").id == job.id
    assert len({job.id, ask(tiny).id, ask(tiny, b"another").id}) == 3
    assert files(tiny) == 3
    with tiny.session() as session:
        assert explanations.read_file(session, job_id=job.id) == b"a video"
    with pytest.raises(UnknownClass):
        ask(tiny, expected="juggling")
    with pytest.raises(TooMany):
        ask(tiny, b"one more", limit=3)
    assert files(tiny) == 3


def test_the_answer_comes_with_the_end_and_the_file_goes(tiny: Store) -> None:
    ask(tiny)
    job = claim_job(tiny, ExplainJob)
    assert complete(tiny, job)
    with tiny.session() as session:
        clip = explanations.get_own_clip(session, clip_id=job.id)
        with pytest.raises(Missing, match="Send it again"):
            explanations.read_file(session, job_id=job.id)
    assert (clip.job.state, clip.explanation, len(clip.media)) == (JobState.DONE, FOUND, len(clip_media("mine")))
    assert files(tiny) == 0
    add_dataset(tiny, "other")
    with tiny.transaction() as session:
        datasets.remove_dataset(session, slug="other")  # drops media that nothing shows
    with tiny.session() as session:
        stored = set(session.scalars(select(MediaRow.sha256)))
    assert {ref.sha256 for ref in clip.media} == stored


@pytest.mark.parametrize(
    "end", ["failed", "cancelled while waiting", "cancelled as a sweep", "cancelled at work", "worker died"]
)
def test_whatever_the_end_nothing_of_the_file_is_kept(tiny: Store, end: str) -> None:
    job = ask(tiny)
    if end == "cancelled while waiting":
        with tiny.transaction() as session:
            requests.cancel(session, job_id=job.id)
    elif end == "cancelled as a sweep":
        with tiny.transaction() as session:
            queue.cancel_sweep(session, job_id=job.id)
    elif end == "worker died":
        for _ in range(3):
            claim_job(tiny, ExplainJob)
            die(tiny)
    else:
        job = claim_job(tiny, ExplainJob)
        with tiny.transaction() as session:
            if end == "failed":
                leases.fail(session, worker="w1", job=job, error=JobError(kind="video_unreadable", detail="No."))
            else:
                requests.cancel(session, job_id=job.id)
                leases.end_cancelled(session, worker="w1", job=job)
    assert files(tiny) == 0
    with tiny.transaction() as session, pytest.raises(Conflict, match="Send it again"):
        requests.retry(session, job_id=job.id)


def test_a_file_survives_a_worker_that_hands_its_job_back(tiny: Store) -> None:
    ask(tiny)
    claim_job(tiny, ExplainJob)
    die(tiny)
    again = claim_job(tiny, ExplainJob)
    with tiny.transaction() as session:
        leases.release(session, worker="w1", jobs=[again.id])
    assert files(tiny) == 1


def test_a_clip_of_a_data_set_needs_no_file_and_can_be_tried_again(tiny: Store) -> None:
    add_dataset(tiny)
    request = ExplainRequest(network="tiny", dataset="little", clip="run-1")
    with tiny.transaction() as session:
        job = explanations.enqueue_clip(session, request=request)
    assert (job.dataset, job.clip_name, files(tiny)) == ("little", "run-1", 0)
    with tiny.transaction() as session:
        requests.cancel(session, job_id=job.id)
    with tiny.transaction() as session:
        assert requests.retry(session, job_id=job.id).state is JobState.QUEUED
    with tiny.transaction() as session, pytest.raises(UnknownClip, match="Near: run-1"):
        explanations.enqueue_clip(session, request=request.model_copy(update={"clip": "runn-1"}))


def test_only_explained_clips_are_clips(tiny: Store) -> None:
    add_dataset(tiny)
    with tiny.transaction() as session:
        survey = writing.enqueue_survey(session, network="tiny", dataset="little")
    with tiny.session() as session:
        for number in (survey.id, 99):
            with pytest.raises(Missing):
                explanations.get_own_clip(session, clip_id=number)

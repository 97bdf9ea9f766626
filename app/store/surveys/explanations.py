"""Clips that people ask about: their jobs, the uploaded files, and the explanations."""

import hashlib
from collections.abc import Iterable

from sqlalchemy import insert, select

from app.contract.errors import Missing
from app.contract.explanation import Explanation, OwnClip
from app.contract.job import ExplainJob, ExplainRequest, JobKind, Priority
from app.contract.result import MediaRole, RenderedMedia
from app.store.catalog.networks import get_card, network_id
from app.store.database.session import Session
from app.store.database.upload_tables import ExplanationMediaRow, ExplanationRow, UploadRow
from app.store.database.upsert import insert_missing
from app.store.datasets import dataset_row, get_clip
from app.store.jobs.listing import get_job
from app.store.jobs.requesters import COMMAND, Requester
from app.store.jobs.requests import MAX_QUEUED_JOBS, enqueue_single
from app.store.media import media_by_owner, put_media


def enqueue_file(
    session: Session,
    *,
    request: ExplainRequest,
    name: str,
    data: bytes,
    limit: int = MAX_QUEUED_JOBS,
    requester: Requester = COMMAND,
) -> ExplainJob:
    """Queue an uploaded file to be explained, and return the new job or the live one for the same question.

    Raises TooMany where more jobs or uploads would wait than may.
    """
    digest = hashlib.sha256(data).hexdigest()
    job = _enqueue(session, request, digest, name, limit, requester)
    insert_missing(session, UploadRow, [{"job_id": job.id, "data": data}])
    requester.check_uploads(session)
    return job


def enqueue_clip(
    session: Session, *, request: ExplainRequest, limit: int = MAX_QUEUED_JOBS, requester: Requester = COMMAND
) -> ExplainJob:
    """Queue a clip of a data set to be explained, and return the new job, or the live one for the same question.

    Raises UnknownDataset and UnknownClip.
    """
    clip = get_clip(session, slug=request.dataset or "", name=request.clip or "")
    dataset = dataset_row(session, clip.dataset)
    digest = hashlib.sha256(f"{dataset.id} {clip.name}".encode()).hexdigest()
    return _enqueue(session, request, digest, clip.name, limit, requester, dataset_id=dataset.id)


def read_file(session: Session, *, job_id: int) -> bytes:
    """Return the uploaded file of a job. Raises Missing once the job has ended."""
    data = session.scalar(select(UploadRow.data).where(UploadRow.job_id == job_id))
    if data is None:
        raise Missing(f"The clip of job {job_id} is no longer here. Send it again.")
    return data


def save_explanation(
    session: Session, *, job_id: int, explanation: Explanation, media: Iterable[RenderedMedia]
) -> None:
    """Store an explanation and the media that show its clip, in the transaction that ends the job."""
    session.execute(insert(ExplanationRow), [{"job_id": job_id, "body": explanation.model_dump(mode="json")}])
    put_media(session, table=ExplanationMediaRow, owner={"job_id": job_id}, media=media)


def get_own_clip(session: Session, *, clip_id: int) -> OwnClip:
    """Return the clip of an explain job, which has the id of its job. Raises Missing."""
    job = get_job(session, job_id=clip_id)
    if not isinstance(job, ExplainJob):
        raise Missing(f"There is no clip {clip_id}.")
    body = session.read(select(ExplanationRow.body).where(ExplanationRow.job_id == clip_id)).scalar()
    media = media_by_owner(session, ExplanationMediaRow.job_id, [clip_id])[clip_id]
    return OwnClip(
        job=job,
        name=job.clip_name,
        expected=job.expected,
        media=tuple(sorted(media, key=lambda ref: list(MediaRole).index(ref.role))),
        explanation=body and Explanation.model_validate(body),
    )


def _enqueue(
    session: Session,
    request: ExplainRequest,
    digest: str,
    name: str,
    limit: int,
    requester: Requester,
    dataset_id: int | None = None,
) -> ExplainJob:
    """Queue the clip that the digest identifies. Raises UnknownNetwork, UnknownClass, NoClasses and TooMany."""
    card = get_card(session, slug=request.network)
    card.require_classes()
    expected = None if request.expected is None else card.match_class(request.expected)
    job = enqueue_single(
        session,
        kind=JobKind.EXPLAIN,
        key=f"{'' if expected is None else expected}:{digest}",
        network_id=network_id(session, card),
        dataset_id=dataset_id,
        priority=Priority.CLICK,
        limit=limit,
        requester=requester,
        parameters={"name": name, "expected": None if expected is None else card.classes[expected]},
    )
    assert isinstance(job, ExplainJob)
    return job

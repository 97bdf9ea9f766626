"""Clips that people ask about: their jobs, the files they come as, and what was found."""

import hashlib
from collections.abc import Iterable

from sqlalchemy import insert, select

from app.contract.errors import Missing
from app.contract.explanation import Explanation, OwnClip
from app.contract.job import ExplainJob, ExplainRequest, JobKind, Priority
from app.contract.result import MediaRole, RenderedMedia
from app.store.catalog.networks import get_card, network_row
from app.store.database.session import Session
from app.store.database.upload_tables import ExplanationMediaRow, ExplanationRow, UploadRow
from app.store.database.upsert import insert_missing
from app.store.datasets import dataset_row, get_clip
from app.store.jobs.requests import enqueue_alone, get_job
from app.store.media import media_of, put_media


def enqueue_file(
    session: Session, *, request: ExplainRequest, name: str, data: bytes, limit: int = 100_000
) -> ExplainJob:
    """A live job, joined or new, with the file that its worker is to read."""
    digest = hashlib.sha256(data).hexdigest()
    job = _enqueue(session, request, digest, name, limit)
    insert_missing(session, UploadRow, [{"job_id": job.id, "data": data}])
    return job


def enqueue_clip(session: Session, *, request: ExplainRequest, limit: int = 100_000) -> ExplainJob:
    """A live job, joined or new, for a clip of a data set. Raises UnknownDataset and UnknownClip."""
    clip = get_clip(session, slug=request.dataset or "", name=request.clip or "")
    dataset = dataset_row(session, clip.dataset)
    what = hashlib.sha256(f"{dataset.id} {clip.name}".encode()).hexdigest()
    return _enqueue(session, request, what, clip.name, limit, dataset_id=dataset.id)


def read_file(session: Session, *, job_id: int) -> bytes:
    data = session.scalar(select(UploadRow.data).where(UploadRow.job_id == job_id))
    if data is None:
        raise Missing(f"The clip of job {job_id} is no longer here. Send it again.")
    return data


def save_explanation(
    session: Session, *, job_id: int, explanation: Explanation, media: Iterable[RenderedMedia]
) -> None:
    """For the transaction in which the job ends."""
    session.execute(insert(ExplanationRow), [{"job_id": job_id, "body": explanation.model_dump(mode="json")}])
    put_media(session, table=ExplanationMediaRow, owner={"job_id": job_id}, media=media)


def get_own_clip(session: Session, *, clip_id: int) -> OwnClip:
    """The clip of an explain job, whose number is its own."""
    job = get_job(session, job_id=clip_id)
    if not isinstance(job, ExplainJob):
        raise Missing(f"There is no clip {clip_id}.")
    body = session.read(select(ExplanationRow.body).where(ExplanationRow.job_id == clip_id)).scalar()
    media = media_of(session, ExplanationMediaRow.job_id, [clip_id])[clip_id]
    return OwnClip(
        job=job,
        name=job.clip_name,
        expected=job.expected,
        media=tuple(sorted(media, key=lambda ref: list(MediaRole).index(ref.role))),
        explanation=body and Explanation.model_validate(body),
    )


def _enqueue(
    session: Session, request: ExplainRequest, what: str, name: str, limit: int, dataset_id: int | None = None
) -> ExplainJob:
    """Raises UnknownNetwork, UnknownClass and TooMany."""
    network, card = network_row(session, request.network), get_card(session, slug=request.network)
    expected = None if request.expected is None else card.match_class(request.expected)
    job = enqueue_alone(
        session,
        kind=JobKind.EXPLAIN,
        what=f"{'' if expected is None else expected}:{what}",
        network_id=network.id,
        dataset_id=dataset_id,
        priority=Priority.CLICK,
        limit=limit,
        parameters={"name": name, "expected": None if expected is None else card.classes[expected]},
    )
    assert isinstance(job, ExplainJob)
    return job

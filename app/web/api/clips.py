"""Clips to explain: sends one, and reads its explanation once a worker is done."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Path
from pydantic import Field

from app.contract.explanation import Explanation, OwnClip
from app.contract.job import ExplainRequest
from app.contract.model import Model
from app.store.surveys import explanations
from app.web import api_urls, urls
from app.web.api.error_bodies import errors, write_errors
from app.web.api.jobs import JobOut
from app.web.api.media import MediaOut
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.requests.uploads import QuestionDep
from app.web.requests.visitor import VisitorDep, requester

router = APIRouter(prefix="/api/clips", tags=["clips"])

ClipId = Annotated[int, Path(ge=1, lt=2**63, examples=[1])]

FIELDS_SCHEMA = ExplainRequest.model_json_schema()
FILE_SCHEMA = {"type": "string", "format": "binary"}
REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": FIELDS_SCHEMA | {"properties": FIELDS_SCHEMA["properties"] | {"file": FILE_SCHEMA}}
        },
        "application/json": {
            "schema": FIELDS_SCHEMA,
            "example": {"network": "i3d", "dataset": "ucf101", "clip": "v_SoccerJuggling_g23_c01"},
        },
        "video/mp4": {"schema": FILE_SCHEMA},
    },
}


class OwnClipOut(Model):
    """A clip to explain, with the job that explains it: its state, its progress, or why it failed."""

    job: JobOut
    name: str = Field(description="of the file, or of the clip in its data set")
    expected: str | None = Field(description="the class that the person expected")
    media: tuple[MediaOut, ...]
    explanation: Explanation | None = None
    href: str
    page: str

    @classmethod
    def of(cls, clip: OwnClip) -> Self:
        return cls(
            **{**vars(clip), "job": JobOut.of(clip.job), "media": tuple(MediaOut.of(ref) for ref in clip.media)},
            href=api_urls.own_clip(clip.job.id),
            page=urls.own_clip(clip.job.id),
        )


@router.post(
    "",
    summary="Ask why a network takes a clip for what it does",
    status_code=202,
    responses=write_errors(404, 413, 415, 422),
    openapi_extra={"requestBody": REQUEST_BODY},
)
def ask(question: QuestionDep, session: WriteSession, settings: SettingsDep, visitor: VisitorDep) -> OwnClipOut:
    """Send a form, the bare bytes of a video, or JSON.

    The form has the fields below and a `file`; the bare bytes have the fields in the query (and `name`, that of the
    file); the JSON names a clip of a data set. A file is deleted once its job has ended; what the network saw of it
    is kept with the answer.
    """
    job = question.enqueue(session, limit=settings.queue_limit, requester=requester(visitor, settings))
    return OwnClipOut.of(explanations.get_own_clip(session, clip_id=job.id))


@router.get("/{clip_id}", summary="A clip, and its explanation once it is there", responses=errors(404, 422))
def get_own_clip(session: ReadSession, clip_id: ClipId) -> OwnClipOut:
    return OwnClipOut.of(explanations.get_own_clip(session, clip_id=clip_id))

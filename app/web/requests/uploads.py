"""Reads a request to explain a clip: a form with a file, the bytes of a file alone, or JSON that names a clip.

Nothing here decodes the file, and nothing is stored before the whole request has been checked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from app.contract.errors import InvalidRequest, UnsupportedMedia
from app.contract.job import ExplainJob, ExplainRequest
from app.store import Session
from app.store.surveys import explanations
from app.web.requests.validation import invalid_request
from app.web.requests.video_signature import SIGNATURE_BYTES, may_be_video, safe_file_name

FORM_MEDIA_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
SUPPORTED_REQUESTS = (
    "Send multipart/form-data with a file named `file`, a body of type video/* or JSON that names a clip"
)


@dataclass(frozen=True)
class Question:
    """A request to explain a clip. `name` and `data` are those of the file; `data` is None for a clip of a data set."""

    request: ExplainRequest
    name: str
    data: bytes | None

    def enqueue(self, session: Session, *, limit: int) -> ExplainJob:
        """Queue the job. `limit` is the largest number of queued jobs."""
        if self.data is None:
            return explanations.enqueue_clip(session, request=self.request, limit=limit)
        return explanations.enqueue_file(session, request=self.request, name=self.name, data=self.data, limit=limit)


async def read_question(request: Request) -> Question:
    """Read the question from a form, the bytes of a file, or JSON. Raises InvalidRequest or UnsupportedMedia."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in FORM_MEDIA_TYPES:
        return await _from_form(request)
    if media_type == "application/json":
        return _checked_question(_json_object(await request.body()), "", None)
    if media_type.startswith("video/") or media_type in ("application/octet-stream", "image/gif"):
        fields = dict(request.query_params)
        return _checked_question(fields, fields.pop("name", ""), await request.body())
    raise UnsupportedMedia(f"{SUPPORTED_REQUESTS}, not {media_type[:100] or 'without a type'}.")


QuestionDep = Annotated[Question, Depends(read_question)]


async def _from_form(request: Request) -> Question:
    async with request.form(max_files=1, max_fields=20) as form:
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str) and value}
        file = form.get("file")
        if not isinstance(file, UploadFile) or not (file.filename or file.size):
            return _checked_question(fields, "", None)  # a browser sends an empty file where none was chosen
        return _checked_question(fields, file.filename or "", await file.read())


def _checked_question(fields: Mapping[str, Any], name: str, data: bytes | None) -> Question:
    known = {name: value for name, value in fields.items() if name in ExplainRequest.model_fields and value != ""}
    try:
        request = ExplainRequest.model_validate(known)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body",)) from error
    if request.dataset is not None:
        return Question(request, "", None)
    if not data:
        raise InvalidRequest("There is no clip: send a file that is not empty, or name a clip of a data set.")
    if not may_be_video(data[:SIGNATURE_BYTES]):
        raise UnsupportedMedia("The file is no video that is read here. Send MP4, MOV, AVI, MKV, WebM, WMV, MPEG, GIF.")
    return Question(request, safe_file_name(name), data)


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise InvalidRequest("The body is not a JSON object.")
    return value

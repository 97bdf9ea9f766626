"""A question about a clip as it arrives: a form with a file in it, the bare bytes of a file, or the name of a clip.

Nothing here decodes the file, and nothing of it is kept until all that was sent has been found right.
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
from app.contract.video_signature import SIGNATURE_BYTES, may_be_video, safe_file_name
from app.store import Session
from app.store.surveys import explanations
from app.web.validation import explain

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
TYPES = "Send multipart/form-data with a file named `file`, a body of type video/* or JSON that names a clip"


@dataclass(frozen=True)
class Question:
    """`data` is None for a clip of a data set."""

    request: ExplainRequest
    name: str
    data: bytes | None

    def enqueue(self, session: Session, *, limit: int) -> ExplainJob:
        if self.data is None:
            return explanations.enqueue_clip(session, request=self.request, limit=limit)
        return explanations.enqueue_file(session, request=self.request, name=self.name, data=self.data, limit=limit)


async def read_question(request: Request) -> Question:
    """Read a question from a form, bare bytes or JSON; raise InvalidRequest or UnsupportedMedia."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in FORMS:
        return await _from_form(request)
    if media_type == "application/json":
        return _asked(_decoded(await request.body()), "", None)
    if media_type.startswith("video/") or media_type in ("application/octet-stream", "image/gif"):
        fields = dict(request.query_params)
        return _asked(fields, fields.pop("name", ""), await request.body())
    raise UnsupportedMedia(f"{TYPES}, not {media_type[:100] or 'without a type'}.")


Asked = Annotated[Question, Depends(read_question)]


async def _from_form(request: Request) -> Question:
    async with request.form(max_files=1, max_fields=20) as sent:
        fields = {name: value for name, value in sent.multi_items() if isinstance(value, str) and value}
        file = sent.get("file")
        if not isinstance(file, UploadFile) or not (file.filename or file.size):
            return _asked(fields, "", None)  # a browser sends an empty file where none was chosen
        return _asked(fields, file.filename or "", await file.read())


def _asked(fields: Mapping[str, Any], name: str, data: bytes | None) -> Question:
    known = {name: value for name, value in fields.items() if name in ExplainRequest.model_fields and value != ""}
    try:
        request = ExplainRequest.model_validate(known)
    except ValidationError as error:
        raise explain([{**finding, "loc": ("body", *finding["loc"])} for finding in error.errors()]) from error
    if request.dataset is not None:
        return Question(request, "", None)
    if not data:
        raise InvalidRequest("There is no clip: send a file that is not empty, or name a clip of a data set.")
    if not may_be_video(data[:SIGNATURE_BYTES]):
        raise UnsupportedMedia("The file is no video that is read here. Send MP4, MOV, AVI, MKV, WebM, MPEG or GIF.")
    return Question(request, safe_file_name(name), data)


def _decoded(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON.") from error
    if not isinstance(found, dict):
        raise InvalidRequest("The body is not a JSON object.")
    return found

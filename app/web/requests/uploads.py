"""Reads a request to explain a clip: a form with a file, the bytes of a file alone, or JSON that names a clip.

Nothing here decodes the file, and nothing is stored before the whole request has been checked.
"""

import errno
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, cast

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from app.contract.errors import DiskFull, InvalidRequest, TooMany, UnsupportedMedia
from app.contract.job import ExplainJob, ExplainRequest
from app.store import Session
from app.store.jobs.requesters import Requester
from app.store.surveys import explanations
from app.web.deps import SettingsDep
from app.web.requests.body_size import FORM, FORM_WITH_FILE, is_video, max_body_bytes, media_type_of
from app.web.requests.validation import invalid_request
from app.web.requests.video_signature import SIGNATURE_BYTES, may_be_video, safe_file_name
from app.web.requests.visitor import VisitorDep, requester

MAX_BYTES_IN_MEMORY = 1_000_000  # of an upload; the rest is on disk
RETRY_AFTER_SECONDS = 10
SUPPORTED_REQUESTS = (
    "Send multipart/form-data with a file named `file`, a body of type video/* or JSON that names a clip"
)


@dataclass(frozen=True)
class Question:
    """A request to explain a clip. `name` and `file` are those of the upload; `file` is None for a clip of a data set.

    The file is on disk until a transaction may write: many uploads that arrive together do not fill the memory.
    """

    request: ExplainRequest
    name: str
    file: BinaryIO | None

    def enqueue(self, session: Session, *, limit: int, requester: Requester) -> ExplainJob:
        """Queue the job. `limit` is the largest number of queued jobs."""
        if self.file is None:
            return explanations.enqueue_clip(session, request=self.request, limit=limit, requester=requester)
        self.file.seek(0)
        return explanations.enqueue_file(
            session, request=self.request, name=self.name, data=self.file.read(), limit=limit, requester=requester
        )


class ArrivingUploads:
    """Limits the bytes of all uploads that arrive at the same time, and are on disk until they are stored."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._bytes_by_address: Counter[str] = Counter()

    @contextmanager
    def room(self, size: int, address: str, max_bytes_of_address: int) -> Iterator[None]:
        """Hold room for an upload within the block. Raises TooMany where there is none."""
        taken, taken_by_address = self._bytes_by_address.total(), self._bytes_by_address[address]
        if taken + size > self.max_bytes or taken_by_address + size > max_bytes_of_address:
            raise TooMany(
                f"More clips arrive now than there is room for. Send yours again in {RETRY_AFTER_SECONDS} seconds.",
                retry_after=RETRY_AFTER_SECONDS,
            )
        self._bytes_by_address[address] += size
        try:
            yield
        finally:
            self._bytes_by_address[address] -= size
            if not self._bytes_by_address[address]:
                del self._bytes_by_address[address]


@contextmanager
def disk_errors_told() -> Iterator[None]:
    """Raise DiskFull where the block finds no room on the disk."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull("The disk of the server is full. Nothing was saved; try again later.") from error


async def read_question(request: Request, settings: SettingsDep, visitor: VisitorDep) -> AsyncIterator[Question]:
    """Read the question from a form, the bytes of a file, or JSON.

    Raises InvalidRequest, UnsupportedMedia, or TooMany where too many clips arrive at once.
    """
    media_type = media_type_of(request.headers)
    if media_type == "application/json":
        yield _checked_question(_json_object(await request.body()), "", None)
        return
    if media_type not in (FORM, FORM_WITH_FILE) and not is_video(media_type):
        raise UnsupportedMedia(f"{SUPPORTED_REQUESTS}, not {media_type[:100] or 'without a type'}.")
    arriving: ArrivingUploads = request.app.state.arriving_uploads
    largest = max_body_bytes(settings, request.scope["path"], request.headers)
    size = int(request.headers.get("content-length", largest))
    asker = requester(visitor, settings)
    room = arriving.room(size, visitor.address_id, asker.address_limits.upload_bytes or arriving.max_bytes)
    with room, disk_errors_told():
        if not is_video(media_type):
            async with request.form(max_files=1, max_fields=20) as form:
                yield _from_form(form)
        else:
            with SpooledTemporaryFile(max_size=MAX_BYTES_IN_MEMORY) as file:
                upload = UploadFile(cast("BinaryIO", file))
                async for chunk in request.stream():
                    await upload.write(chunk)  # in a thread, where it goes to disk
                fields = dict(request.query_params)
                yield _checked_question(fields, fields.pop("name", ""), cast("BinaryIO", file))


QuestionDep = Annotated[Question, Depends(read_question, scope="function")]


def _from_form(form: FormData) -> Question:
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str) and value}
    file = form.get("file")
    if not isinstance(file, UploadFile) or not (file.filename or file.size):
        return _checked_question(fields, "", None)  # a browser sends an empty file where none was chosen
    return _checked_question(fields, file.filename or "", file.file)


def _checked_question(fields: Mapping[str, Any], name: str, file: BinaryIO | None) -> Question:
    known = {name: value for name, value in fields.items() if name in ExplainRequest.model_fields and value != ""}
    try:
        request = ExplainRequest.model_validate(known)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body",)) from error
    if request.dataset is not None:
        return Question(request, "", None)
    head = _head(file)
    if not head or file is None:
        raise InvalidRequest("There is no clip: send a file that is not empty, or name a clip of a data set.")
    if not may_be_video(head):
        raise UnsupportedMedia("The file is no video that is read here. Send MP4, MOV, AVI, MKV, WebM, WMV, MPEG, GIF.")
    return Question(request, safe_file_name(name), file)


def _head(file: BinaryIO | None) -> bytes:
    if file is None:
        return b""
    file.seek(0)
    return file.read(SIGNATURE_BYTES)


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise InvalidRequest("The body is not a JSON object.")
    return value

"""Stored bytes: media by their sha256, which never change, and the changing preview of a running job."""

import re
from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from app.contract.errors import Missing
from app.contract.job import VisualizeJob
from app.contract.result import EXTENSIONS, MediaRef
from app.store import media
from app.store.jobs import listing
from app.web import urls
from app.web.api.error_bodies import errors_as_json
from app.web.api.parameters import JobId
from app.web.assets import CACHE_FOREVER
from app.web.deps import ReadSession

router = APIRouter(prefix="/-", tags=["media"], default_response_class=Response)

BYTES_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {type: {} for type in EXTENSIONS}, "description": "The bytes"}
}
CACHE_AND_RANGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    206: {**BYTES_RESPONSE[200], "description": "The part that `Range` asks for, so that a player can seek"},
    304: {"description": "The client has it already"},
    416: {"description": "There are fewer bytes"},
}


class MediaOut(MediaRef):
    href: str

    @classmethod
    def of(cls, ref: MediaRef) -> Self:
        return cls(**vars(ref), href=urls.medium(ref))


def requested_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the bytes [first, end) that a Range header asks for, or None where the answer is the whole.

    The header is `bytes=first-last`, `bytes=first-` or `bytes=-count`. A server may answer several ranges, and one that
    cannot be parsed, with the whole. Starlette serves ranges of files only, and media are rows of the database.
    """
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header.replace(" ", ""), re.ASCII)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size


@router.get(
    "/media/{sha256}.{extension}",
    summary="A picture, clip or array, unchanging for ever",
    responses={**BYTES_RESPONSE, **CACHE_AND_RANGE_RESPONSES, **errors_as_json(404, 422)},
)
def get_medium(
    session: ReadSession,
    sha256: str,
    extension: Annotated[str, Path(examples=list(EXTENSIONS.values()))],
    if_none_match: Annotated[str, Header()] = "",
    range_header: Annotated[str, Header(alias="Range")] = "",
    if_range: Annotated[str, Header()] = "",
) -> Response:
    medium = media.get_medium(session, sha256=sha256)
    if EXTENSIONS[medium.type] != extension:
        raise Missing(f"There is no .{extension} here: this is a .{EXTENSIONS[medium.type]}.")
    headers = {"Cache-Control": CACHE_FOREVER, "ETag": f'"{sha256}"'}
    if if_none_match == "*" or f'"{sha256}"' in if_none_match:
        return Response(status_code=304, headers=headers)
    if extension == "npz":
        headers["Content-Disposition"] = f'attachment; filename="{sha256[:12]}.npz"'
    headers["Accept-Ranges"] = "bytes"
    size = len(medium.data)
    requested = None if if_range not in ("", headers["ETag"]) else requested_range(range_header, size)
    if requested is None:
        return Response(medium.data, media_type=medium.type, headers=headers)
    first, end = requested
    if first >= end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    return Response(medium.data[first:end], status_code=206, media_type=medium.type, headers=headers)


@router.get(
    "/jobs/{job_id}/preview.webp",
    summary="The newest picture of a job's stimulus: growing, then finished",
    responses={**BYTES_RESPONSE, **errors_as_json(404, 422)},
)
def get_preview(
    session: ReadSession,
    job_id: JobId,
    step: Annotated[int | None, Query(ge=0, lt=2**31, description="only tells caches apart")] = None,
) -> Response:
    preview = listing.get_preview(session, job_id=job_id)
    if preview is None:  # a job that has just ended: a page that still asks for its preview gets the result
        job = listing.get_job(session, job_id=job_id)
        poster = job.poster if isinstance(job, VisualizeJob) else None
        if poster is None:
            raise Missing(f"Job {job_id} has no preview: it has not started, or has ended without a result.")
        preview = (-1, media.get_medium(session, sha256=poster))
    preview_step, medium = preview
    # A cache may keep the picture only where the address names its step.
    headers = {"Cache-Control": "private, max-age=60" if step == preview_step else "no-store"}
    return Response(medium.data, media_type=medium.type, headers=headers)

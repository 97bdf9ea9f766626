"""Bytes: immutable media by their sha256, and the changing preview of a running job."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from app.contract.errors import Missing
from app.contract.result import EXTENSIONS
from app.store import jobs, media
from app.web.api.jobs import JobId
from app.web.api.shapes import errors_as_json
from app.web.assets import FOREVER
from app.web.deps import Reading

router = APIRouter(prefix="/-", tags=["media"], default_response_class=Response)

CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {type: {} for type in EXTENSIONS}, "description": "The bytes"}
}


@router.get(
    "/media/{sha256}.{extension}",
    summary="A picture, clip or array, unchanging for ever",
    responses={**CONTENT, 304: {"description": "The client has it already"}, **errors_as_json(404, 422)},
)
def get_medium(
    session: Reading,
    sha256: str,
    extension: Annotated[str, Path(examples=list(EXTENSIONS.values()))],
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    medium = media.get_medium(session, sha256=sha256)
    if EXTENSIONS[medium.type] != extension:
        raise Missing(f"There is no .{extension} here: this is a .{EXTENSIONS[medium.type]}.")
    headers = {"Cache-Control": FOREVER, "ETag": f'"{sha256}"'}
    if if_none_match == "*" or f'"{sha256}"' in if_none_match:
        return Response(status_code=304, headers=headers)
    if extension == "npz":
        headers["Content-Disposition"] = f'attachment; filename="{sha256[:12]}.npz"'
    return Response(medium.data, media_type=medium.type, headers=headers)


@router.get(
    "/jobs/{job_id}/preview.webp",
    summary="The newest picture of a job's stimulus: growing, then finished",
    responses={**CONTENT, **errors_as_json(404, 422)},
)
def get_preview(
    session: Reading,
    job_id: JobId,
    step: Annotated[int | None, Query(ge=0, lt=2**31, description="only tells caches apart")] = None,
) -> Response:
    preview = jobs.get_preview(session, job_id=job_id)
    if preview is None:  # a page may still ask for the last preview when the job has just ended: it gets the result
        poster = jobs.get_job(session, job_id=job_id).poster
        if poster is None:
            raise Missing(f"Job {job_id} has no preview: it has not started, or has ended without a result.")
        preview = (-1, media.get_medium(session, sha256=poster))
    shown, medium = preview
    # An address may be kept only where its step is the one that it shows.
    headers = {"Cache-Control": "private, max-age=60" if step == shown else "no-store"}
    return Response(medium.data, media_type=medium.type, headers=headers)

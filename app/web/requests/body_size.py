"""Says how large the body of a request may be: a video, which goes to disk, is larger than what is held in memory."""

from starlette.datastructures import Headers

from app.settings import Settings
from app.web import api_urls, urls

FORM_WITH_FILE = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"
VIDEO_TYPES = ("application/octet-stream", "image/gif")  # beside video/*


def media_type_of(headers: Headers) -> str:
    """Return the type in the header Content-Type, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_video(media_type: str) -> bool:
    return media_type.startswith("video/") or media_type in VIDEO_TYPES


def max_body_bytes(settings: Settings, path: str, headers: Headers) -> int:
    """Return the largest body at an address, whose headers say what the body is."""
    media_type = media_type_of(headers)
    takes_video = path in (urls.own_clips(), api_urls.own_clips())
    may_hold_video = takes_video and (media_type == FORM_WITH_FILE or is_video(media_type))
    return settings.clip_limit if may_hold_video else settings.body_limit

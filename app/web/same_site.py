"""Addresses of this dashboard's own pages: all that a link or a form may lead to."""

import re
from urllib.parse import SplitResult, urlsplit

from app.contract.errors import InvalidRequest

UNSAFE = re.compile(r"[\x00-\x20\x7f\\]|%00")  # spaces, controls, and what browsers take for a slash


def local(url: str, base: str) -> SplitResult:
    """The path and query of an address of this dashboard; a link must never lead to another site."""
    wrong = InvalidRequest(
        f"{url[:200]!r} is not a page of this dashboard. Give its path, such as /network/layer/unit.",
        fields=[{"field": "url", "detail": "Give a path of this dashboard."}],
    )
    if UNSAFE.search(url):
        raise wrong
    try:
        split = urlsplit(url.removeprefix(base) if url.startswith(f"{base}/") else url)
    except ValueError as error:
        raise wrong from error
    if split.scheme or split.netloc or not split.path.startswith("/") or split.path.startswith("//"):
        raise wrong
    if split.path.startswith(("/api/", "/-/s/", "/-/media/", "/-/assets/")):
        raise wrong
    return split

"""Checks that a link or a form leads to a page of this dashboard, never to another site."""

import re
from urllib.parse import SplitResult, urlsplit

from app.contract.errors import InvalidRequest

UNSAFE_CHARACTERS = re.compile(
    r"[\x00-\x20\x7f\\]|%00"
)  # spaces, control characters, and the backslash that browsers read as a slash


def same_site_url(url: str, base: str) -> SplitResult:
    """Return the path and query of an address of this dashboard; raise InvalidRequest for any other site's."""
    wrong = InvalidRequest(
        f"{url[:200]!r} is not a page of this dashboard. Give its path, such as /network/layer/unit.",
        fields=[{"field": "url", "detail": "Give a path of this dashboard."}],
    )
    if UNSAFE_CHARACTERS.search(url):
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

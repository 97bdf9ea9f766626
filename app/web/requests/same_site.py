"""Checks that a link or a form leads to a page of this dashboard, never to another site."""

import re
from urllib.parse import SplitResult, urlsplit

from app.contract.errors import InvalidRequest
from app.web import url_path

# Spaces, control characters, and the backslash, which browsers read as a slash.
UNSAFE_CHARACTERS = re.compile(r"[\x00-\x20\x7f\\]|%00")
# Addresses that are no pages.
NO_PAGES = ("/api/", "/-/s/", "/-/media/", "/-/assets/")


def same_site_url(url: str, base: str) -> SplitResult:
    """Return the path and query of a page of this dashboard, without the path that the dashboard itself lies below.

    `base` is the dashboard's own address, without a path. Raises InvalidRequest for another site, and for an address
    that is no page.
    """
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
    split = split._replace(path=url_path.unrooted(split.path))
    if split.path.startswith("//") or split.path.startswith(NO_PAGES):
        raise wrong
    return split

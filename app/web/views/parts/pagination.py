"""Links to the pages of a long listing."""

from collections.abc import Callable
from dataclasses import dataclass

NEIGHBOUR_PAGES = 2  # shown on each side of the current page


@dataclass(frozen=True)
class PageLink:
    """A link to one page of a listing."""

    number: int
    href: str | None  # None for the current page


@dataclass(frozen=True)
class Pagination:
    """Links to the pages near the current one, to the first page and, where it is known, to the last one."""

    previous: str | None
    next: str | None
    links: tuple[PageLink, ...]


def numbered_pagination(page: int, per_page: int, total: int, href: Callable[[int], str]) -> Pagination:
    """Return links to the first page, the last page and those near the current one, for a listing of known length."""
    last = max(1, -(-total // per_page))
    near = range(page - NEIGHBOUR_PAGES, page + NEIGHBOUR_PAGES + 1)
    numbers = sorted({1, last, *(number for number in near if 1 <= number <= last)})
    return Pagination(
        previous=href(min(page - 1, last)) if page > 1 else None,
        next=href(page + 1) if page < last else None,
        links=tuple(PageLink(number, None if number == page else href(number)) for number in numbers),
    )


def cursor_pagination(page: int, before: str | None, after: str | None, href: Callable[..., str]) -> Pagination:
    """Return links to the first page and to the pages before and after this one.

    `before` and `after` are the cursors of the listing, None where no page is on that side. A page that starts at a
    cursor costs the same anywhere in the listing. `href(number, before=..., after=...)` gives the address of a page.
    """
    previous = next_ = None
    if before:
        previous = href(1) if page <= 2 else href(page - 1, before=before)
    if after:
        next_ = href(page + 1, after=after)
    pages = ((page - 1, previous), (page, None), (page + 1, next_))
    links = [PageLink(number, link) for number, link in pages if link or number == page]
    if links[0].number > 1:
        links.insert(0, PageLink(1, href(1)))
    return Pagination(previous=previous, next=next_, links=tuple(links))

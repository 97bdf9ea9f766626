"""Pages of a listing as links: the first, the last, and those around the one shown."""

from collections.abc import Callable

from app.web.parts import PageLink, Pager

AROUND = 2


def pager(page: int, per_page: int, total: int, href: Callable[[int], str]) -> Pager:
    last = max(1, -(-total // per_page))
    near = range(page - AROUND, page + AROUND + 1)
    numbers = sorted({1, last, *(number for number in near if 1 <= number <= last)})
    return Pager(
        previous=href(min(page - 1, last)) if page > 1 else None,
        next=href(page + 1) if page < last else None,
        links=tuple(PageLink(number, None if number == page else href(number)) for number in numbers),
    )

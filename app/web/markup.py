"""Values and long lists as HTML, for templates: what Jinja would take too long for."""

import re
from collections.abc import Iterable

import markupsafe
from markupsafe import Markup

from app.web import urls
from app.web.evidence import Bar
from app.web.parts import FilterChoice
from app.web.words import breakable, number

SPECIAL = re.compile("[&<>'\"]").search


def written(value: object) -> str:
    """As HTML. Jinja's own way wraps each of a page's two thousand values in an object first."""
    kind = type(value)
    if kind is str:
        return markupsafe.escape(value) if SPECIAL(value) else value  # type: ignore[call-overload, return-value]
    if kind is Markup:
        return value  # type: ignore[return-value]
    return str(value) if kind is int or kind is float else markupsafe.escape(value)


def options(choices: Iterable[FilterChoice]) -> Markup:
    """Of a list to open. Written here and not in a template, which takes ten times as long for 400 classes."""
    return Markup("".join(map(_option, choices)))  # noqa: S704  # each is escaped


def _option(choice: FilterChoice) -> str:
    left = "" if choice.left is None else f" ({choice.left:,})"
    chosen = " selected" if choice.is_chosen else ""
    return f'<option value="{written(choice.value)}"{chosen}>{written(choice.words)}{left}</option>'


def filled(value: float) -> float:
    """How much of a rail of 100 a bar fills: a length from 0 to 1."""
    return round(min(max(value, 0.0), 1.0) * 100, 1)


def lines(bars: Iterable[Bar]) -> Markup:
    """Of a chart of bars, for the same reason."""
    return Markup("".join(map(_line, bars)))  # noqa: S704


RAIL = (
    '<svg class="length" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
    '<rect class="rail" width="100" height="6" /><rect class="fill" width="'
)


def _line(bar: Bar) -> str:
    own = ' class="own"' if bar.is_own else ""
    link = f'<a href="{written(bar.href)}">{breakable(bar.words)}</a>'
    return f'<li{own}>{link} {RAIL}{filled(bar.value)}" height="6" /></svg> <span>{number(bar.value)}</span></li>'


def hover_loop(poster: str | None, loop: str | None) -> Markup:
    """A still, which plays when pointed at; a page has hundreds."""
    attributes, inside = "", '<span class="blank" aria-hidden="true"></span>'
    if poster:
        address = urls.media(poster)
        attributes = f' poster="{address}"'
        size = 'width="224" height="224"'
        inside = f'<img src="{address}" {size} alt="" loading="lazy" decoding="async">'
    if loop:
        attributes += f' loop="{urls.media(loop)}"'
    return Markup(f"<hover-loop{attributes}>{inside}</hover-loop>")  # noqa: S704  # addresses of ours alone

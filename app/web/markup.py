"""Values and long lists as HTML, for templates: what Jinja would take too long for."""

import re
from collections.abc import Iterable
from functools import lru_cache

import markupsafe
from markupsafe import Markup

from app.contract.evidence import UnitOfClass
from app.contract.result import MediaRef
from app.contract.unit import UnitSummary
from app.web import urls
from app.web.formatting import breakable, number
from app.web.views.unit_evidence import ClassBar
from app.web.views.unit_filters import FilterChoice

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
    left = "" if choice.unit_count is None else f" ({choice.unit_count:,})"
    chosen = " selected" if choice.is_chosen else ""
    return f'<option value="{written(choice.value)}"{chosen}>{written(choice.text)}{left}</option>'


def filled(value: float) -> float:
    """How much of a rail of 100 a bar fills: a length from 0 to 1."""
    return round(min(max(value, 0.0), 1.0) * 100, 1)


def lines(bars: Iterable[ClassBar]) -> Markup:
    """Of a chart of bars, for the same reason."""
    return Markup("".join(map(_line, bars)))  # noqa: S704


RAIL = (
    '<svg class="value-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
    '<rect class="track" width="100" height="6" /><rect class="fill" width="'
)


def _line(bar: ClassBar) -> str:
    own = ' class="own-class"' if bar.is_own else ""
    link = _link(bar.href, bar.label)
    return f'<li{own}>{link} {RAIL}{filled(bar.value)}" height="6" /></svg> <span>{number(bar.value)}</span></li>'


@lru_cache(maxsize=8192)  # the same classes again and again
def _link(address: str, words: str) -> str:
    return f'<a href="{written(address)}">{breakable(words)}</a>'


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


def unit_still(unit: UnitSummary) -> Markup:
    """A unit's still. Where nobody has visualized it: one of the real clip that excites it most, told apart."""
    if not unit.clip:
        return hover_loop(unit.poster, unit.loop)
    picture = f'<img src="{urls.media(unit.clip)}" width="240" height="240" alt="" loading="lazy" decoding="async">'
    return Markup(f'<span class="stand-in">{picture}</span>')  # noqa: S704


def unit_line(unit: UnitSummary, words: str, short: bool = False) -> Markup:
    """A unit with its still in a line; `short`: under its layer's name. A class has a hundred."""
    name = unit.label or (str(unit.index) if short else f"{unit.layer}/{unit.index}")
    told = f" {NO_STIMULUS}" if unit.clip else ""
    return Markup(  # noqa: S704
        f'<a class="unit-link" href="{urls.unit(unit.network, unit.layer, unit.index)}">{unit_still(unit)} '
        f"<span><strong>{breakable(name)}</strong> <small>{written(words)}</small>{told}</span></a>"
    )


def detectors(found: Iterable[UnitOfClass], short: bool = False) -> Markup:
    """Of a class, as items of a list."""
    return Markup("".join(f"<li>{unit_line(each.unit, _detector(each), short)}</li> " for each in found))  # noqa: S704


def _detector(each: UnitOfClass) -> str:
    return f"precision {number(each.precision)}{f', {each.unit.role}' if each.unit.role else ''}"


NO_STIMULUS = Markup('<small class="stand-in-text">real clip, not a stimulus</small>')


def seen_so(unit: UnitSummary) -> Markup:
    """What to know of a unit's still, in words."""
    return Markup(NO_STIMULUS if unit.clip else "" if unit.poster else "<small>not visualized yet</small>")  # noqa: S704


def share_bar(value: float, zero: int = 50) -> Markup:
    """A length from -1 to 1; `zero` is where it starts: in the middle where others take away, at the left where none
    does.
    """
    width = round(abs(value) * (100 - zero), 1)
    side, left = ("positive", zero) if value >= 0 else ("negative", zero - width)
    return Markup(  # noqa: S704
        '<svg class="share-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{side}" x="{left}" width="{width}" height="6" />'
        f'<path d="M{zero} 0v6" vector-effect="non-scaling-stroke" /></svg>'
    )


def spot(x: float, y: float, poster: MediaRef | None) -> Markup:
    """Where a unit answered most: a ring on the clip's still, in shares of its sides."""
    still = f'<image href="{urls.medium(poster)}" width="100" height="100" />' if poster else ""
    here = f'cx="{round(x * 100, 1)}" cy="{round(y * 100, 1)}" r="12" />'
    return Markup(  # noqa: S704
        '<svg class="location-picture" viewBox="0 0 100 100" role="img" '
        f'aria-label="Fired {round(x * 100)} % from the left, {round(y * 100)} % from the top">'
        f'{still}<circle class="marker-outline" {here}<circle class="marker" {here}</svg>'
    )

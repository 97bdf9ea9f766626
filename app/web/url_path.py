"""Builds the path of an address from its parts, below the root of the dashboard, and reads the parts of a path.

The dashboard may lie below a path (KINETOSCOPE_PUBLIC_URL): every address then begins with it, while a request is
answered. Routes are declared while modules are imported, so without it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from urllib.parse import quote, urlencode

from starlette.convertors import StringConvertor, register_url_convertor

QueryValue = str | int | float | Sequence[str] | None

_root: ContextVar[str] = ContextVar("root", default="")


def root() -> str:
    """Return the path that the dashboard lies below, such as /kinetoscope; empty where it has a host of its own."""
    return _root.get()


@contextmanager
def rooted_at(path: str) -> Iterator[None]:
    """Let all addresses that are built within the block begin with a path."""
    token = _root.set(path)
    try:
        yield
    finally:
        _root.reset(token)


def rooted(address: str) -> str:
    """Return an address below the root, for one that begins at the root."""
    return _root.get() + address


def unrooted(address: str) -> str:
    """Return the address without the root, if it begins with it."""
    rest = address.removeprefix(_root.get())
    return rest or "/" if rest == "" or rest.startswith(("/", "?")) else address


def path(*parts: str | int, query: Mapping[str, QueryValue] | None = None) -> str:
    """Return the address of percent-encoded parts and a query; a list is repeated under its name, value by value."""
    address = f"{_root.get()}/{join_parts(parts)}"
    if not query:
        return address
    chosen = {name: value for name, value in query.items() if value is not None}
    return f"{address}?{urlencode(chosen, doseq=True, safe='/', quote_via=quote)}" if chosen else address


def join_parts(parts: Sequence[str | int]) -> str:
    """Return the parts of a path, percent-encoded, with slashes between them."""
    return "/".join(map(_quoted, parts))


@lru_cache(maxsize=8192)  # a page has hundreds of addresses made of the same parts
def _quoted(part: str | int) -> str:
    return quote(str(part), safe="")


def unescape_layer(part: str) -> str:
    """Return the layer's name that a part of a path stands for."""
    return part.replace("~1", "/").replace("~0", "~")


class NetworkConvertor(StringConvertor):
    """The convertor of `{network:slug}` in a route: any part of a path but `api` and `-`, which are no networks."""

    regex = "(?!(?:api|-)(?:/|$))[^/]+"


class LayerConvertor(StringConvertor):
    """The convertor of `{layer:layer}` in a route: a layer's name with its slashes escaped, see `escape_layer`."""

    def convert(self, value: str) -> str:
        return unescape_layer(value)


class SlashedLayerConvertor(LayerConvertor):
    """The convertor of `{layer:slashed_layer}` before another part: the layer's name may have slashes as they are.

    Servers decode `%2F` before they match routes. A route with it comes after those of the network's other pages.
    """

    regex = ".+"


register_url_convertor("slug", NetworkConvertor())
register_url_convertor("layer", LayerConvertor())
register_url_convertor("slashed_layer", SlashedLayerConvertor())

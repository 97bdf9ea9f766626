"""Links with a text: breadcrumbs, named links, and choices of which one is current."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Crumb:
    """A breadcrumb. The last one of a page is the page itself, and has no address."""

    text: str
    href: str | None = None


@dataclass(frozen=True)
class NamedLink:
    """A link with its text."""

    text: str
    href: str


@dataclass(frozen=True)
class Choice:
    """One of several links, of which the chosen one is marked."""

    text: str
    href: str
    is_chosen: bool
    value: str = ""  # the query parameter's value, where a custom element changes the choice without a page load

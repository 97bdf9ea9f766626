"""The encodings of flow as choices of a page."""

from collections.abc import Callable

from app.web.parts import Choice, Look

VIEWS = {"direction": "direction", "xy": "x, y, magnitude"}


def views(look: Look, link: Callable[..., str]) -> tuple[Choice, ...]:
    """`link` gives the page's address with a view, None for the one that goes without saying."""
    return tuple(
        Choice(words, link(view=None if name == look.defaults.view else name), name == look.view, name)
        for name, words in VIEWS.items()
    )

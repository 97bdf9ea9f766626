"""The cookie of the theme. The server renders the chosen theme, so that no page flashes in the other one first."""

from typing import Literal, get_args

from fastapi import Request

Theme = Literal["auto", "light", "dark"]

THEME_COOKIE = "theme"
COOKIE_SECONDS = 365 * 24 * 60 * 60
THEMES: tuple[Theme, ...] = get_args(Theme)


def chosen_theme(request: Request) -> Theme:
    """Return the theme in the address (`?theme=`, for this page alone), else that in the cookie, else `auto`."""
    for theme in (request.query_params.get("theme"), request.cookies.get(THEME_COOKIE)):
        if theme in THEMES:
            return theme
    return "auto"

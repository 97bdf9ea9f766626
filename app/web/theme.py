"""Light or dark: the page is rendered as the address or the cookie says, so that no other colour flashes first."""

from typing import get_args

from fastapi import Request

from app.web.parts import Theme

COOKIE = "theme"
YEAR = 365 * 24 * 60 * 60  # seconds
THEMES: tuple[Theme, ...] = get_args(Theme)


def chosen_theme(request: Request) -> Theme:
    """`?theme=` for this page alone, then the cookie; `auto` leaves it to the system."""
    for said in (request.query_params.get("theme"), request.cookies.get(COOKIE)):
        if said in THEMES:
            return said
    return "auto"

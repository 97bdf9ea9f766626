"""Whose work it is: a random number in a cookie of this dashboard's own tells a browser's jobs from the others'."""

import re
import secrets
from typing import Annotated

from fastapi import Depends, Request, Response

COOKIE = "kinetoscope_owner"
A_YEAR = 365 * 24 * 3600


async def get_owner(request: Request) -> str | None:
    """None for a browser that never asked for work."""
    found = request.cookies.get(COOKIE, "")
    return found if re.fullmatch("[0-9a-f]{32}", found) else None


Owner = Annotated[str | None, Depends(get_owner)]


def new_owner() -> str:
    return secrets.token_hex(16)


def remember(response: Response, owner: str) -> None:
    response.set_cookie(COOKIE, owner, max_age=A_YEAR, httponly=True, samesite="lax")

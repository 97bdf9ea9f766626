"""The cookie that tells the jobs of one browser from those of others: a random number, and no login."""

import re
import secrets
from typing import Annotated

from fastapi import Depends, Request, Response

from app.web import urls

OWNER_COOKIE = "kinetoscope_owner"
COOKIE_SECONDS = 365 * 24 * 60 * 60


async def get_owner(request: Request) -> str | None:
    """Return the owner in the browser's cookie, or None for a browser that never asked for work."""
    value = request.cookies.get(OWNER_COOKIE, "")
    return value if re.fullmatch("[0-9a-f]{32}", value) else None


Owner = Annotated[str | None, Depends(get_owner)]


def new_owner() -> str:
    return secrets.token_hex(16)


def remember_owner(response: Response, owner: str) -> None:
    """Set the cookie, or keep it for another year."""
    response.set_cookie(
        OWNER_COOKIE, owner, max_age=COOKIE_SECONDS, httponly=True, samesite="lax", path=urls.networks()
    )

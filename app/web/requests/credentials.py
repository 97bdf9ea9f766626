"""The tokens that a request may need to change something, and the cookie of a browser that has signed in.

The cookie holds no token: it is a time and a signature of it, made with a key that is slow to derive from the token.
A new token ends all sign-ins.
"""

import hashlib
import hmac
import time
from enum import IntEnum
from functools import lru_cache

from starlette.requests import HTTPConnection
from starlette.responses import Response

from app.settings import Settings
from app.web import urls

SESSION_COOKIE = "kinetoscope_session"
SESSION_SECONDS = 30 * 24 * 60 * 60
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # they change nothing, and need no token


class Role(IntEnum):
    """What somebody may do; each role may do all that those before it may."""

    READER = 0
    WRITER = 1  # ask for work and change what they asked for
    ADMIN = 2  # change what others asked for


def role_of(connection: HTTPConnection, settings: Settings) -> Role:
    """Return the role of whoever sends a request, by the header Authorization or the cookie.

    The header counts only where something is to be changed, where wrong tokens are counted too: a page that showed its
    reader as signed in would tell whether a guess was right.
    """
    token = None if connection.scope["method"] in SAFE_METHODS else bearer_token(connection)
    by_token = Role.READER if token is None else role_of_token(token, settings)
    by_cookie = _role_of_session(connection.cookies.get(SESSION_COOKIE, ""), settings)
    everybody = Role.READER if settings.token else Role.WRITER
    return max(by_token, by_cookie, everybody)


def bearer_token(connection: HTTPConnection) -> str | None:
    """Return the token in the header Authorization, or None without one."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def role_of_token(token: str, settings: Settings) -> Role:
    """Return the role that a token gives: that of a reader, if it is none of the settings'."""
    return next((role for role, known in _tokens(settings) if _is_equal(token, known)), Role.READER)


def sign_in(response: Response, role: Role, settings: Settings, *, is_encrypted: bool) -> None:
    """Set the cookie of a browser that has given the token of a role."""
    expires = str(int(time.time()) + SESSION_SECONDS)
    token = dict(_tokens(settings))[role]
    response.set_cookie(
        SESSION_COOKIE,
        f"{expires}.{_signature(token, expires)}",
        max_age=SESSION_SECONDS,
        path=urls.networks(),
        secure=is_encrypted,
        httponly=True,
        samesite="lax",
    )


def sign_out(response: Response) -> None:
    response.delete_cookie(SESSION_COOKIE, path=urls.networks())


def _role_of_session(cookie: str, settings: Settings) -> Role:
    expires, _, signature = cookie.partition(".")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12) or int(expires) < time.time():
        return Role.READER
    known = ((role, _signature(token, expires)) for role, token in _tokens(settings))
    return next((role for role, expected in known if _is_equal(signature, expected)), Role.READER)


def _tokens(settings: Settings) -> list[tuple[Role, str]]:
    tokens = [(Role.ADMIN, settings.admin_token), (Role.WRITER, settings.token)]
    return [(role, token) for role, token in tokens if token]


def _signature(token: str, expires: str) -> str:
    return hmac.new(_session_key(token), expires.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=8)
def _session_key(token: str) -> bytes:
    """Return the key of signatures. It takes tens of milliseconds, so that tokens are not guessed from a cookie."""
    return hashlib.scrypt(token.encode(), salt=b"kinetoscope session", n=2**14, r=8, p=1)


def _is_equal(given: str, known: str) -> bool:
    """Compare without telling by the time taken how much is right."""
    return hmac.compare_digest(given.encode(errors="replace"), known.encode())

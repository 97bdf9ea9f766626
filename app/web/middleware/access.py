"""Knows who asks; refuses changes without the token, and more than anybody's share. Reading stays open."""

import math

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.contract.errors import KinetoscopeError, TooMany
from app.settings import Settings
from app.web import urls
from app.web.errors import respond
from app.web.http_errors import Unauthorized
from app.web.requests.credentials import SAFE_METHODS, Role, bearer_token, role_of_token
from app.web.requests.visitor import PEOPLE_PER_ADDRESS, Visitor, answering
from app.web.serving.rate_limit import RateLimit

DEFAULT_RATE = 120  # changes a minute
SIGN_INS_PER_MINUTE = 100  # and wrong tokens, from one address
# What costs as much as a change to read: archives and whole networks, and pictures drawn for links.
EXPENSIVE_READS = ("/-/export", "/units.jsonl")
DRAWN_PICTURES = "/-/previews/"


class Access:
    """A middleware that makes known who the visitor is, and refuses what they may not do or do too often."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        rate = settings.owner_rate or (0 if settings.is_private else DEFAULT_RATE)
        self.changes_by_owner = RateLimit(rate)
        self.changes_by_address = RateLimit(rate * PEOPLE_PER_ADDRESS)
        self.expensive_reads_by_address = RateLimit(rate)
        self.guesses_by_address = RateLimit(SIGN_INS_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        visitor = Visitor.of(request, self.settings)
        with answering(visitor):
            error = self.refusal(request, visitor)
            if error is None:
                await self.app(scope, receive, send)
            else:
                await respond(request, error)(scope, receive, send)

    def refusal(self, request: Request, visitor: Visitor) -> KinetoscopeError | None:
        """Return why a request is refused, or None."""
        path: str = request.scope["path"]
        if request.method in SAFE_METHODS:
            is_expensive = path.endswith(EXPENSIVE_READS) or DRAWN_PICTURES in path
            return _too_often(self.expensive_reads_by_address, visitor.address_id) if is_expensive else None
        if error := self.too_many_guesses(request, visitor):
            return error
        if path in (urls.sign_in(), urls.sign_out(), urls.theme()):
            return None  # they change cookies alone
        if not visitor.may_write:
            return Unauthorized(
                "This dashboard needs a token to start or change anything. Sign in at "
                f"{urls.sign_in()}, or send it as Authorization: Bearer TOKEN."
            )
        if visitor.role is Role.ADMIN:
            return None
        by_owner = visitor.cookie_owner and _too_often(self.changes_by_owner, visitor.cookie_owner)
        return by_owner or _too_often(self.changes_by_address, visitor.address_id)

    def too_many_guesses(self, request: Request, visitor: Visitor) -> TooMany | None:
        """Count a sign-in or a wrong token. Return an error once there were too many.

        It is returned for a right token too, which the answer would otherwise tell from the wrong ones.
        """
        token = bearer_token(request)
        is_sign_in = request.scope["path"] == urls.sign_in()
        if not visitor.can_sign_in or (token is None and not is_sign_in):
            return None
        is_counted = is_sign_in or (token is not None and role_of_token(token, self.settings) is Role.READER)
        return _too_often(self.guesses_by_address, visitor.address_id, times=int(is_counted))


def _too_often(limit: RateLimit, client: str, *, times: int = 1) -> TooMany | None:
    wait = math.ceil(limit.take(client, times=times))
    if not wait:
        return None
    return TooMany(
        f"That was asked {limit.per_minute:,} times within a minute, and more often is too often. "
        f"Try again in {wait} seconds.",
        retry_after=wait,
    )

"""Limits a request's body in size and in time, however it is sent: what is too large or too slow is refused."""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import KinetoscopeError
from app.settings import Settings
from app.web.errors import body_too_large, max_body_bytes, respond
from app.web.http_errors import BadRequest

FIRST_SECONDS = 20.0
SLOWEST_BYTES_PER_SECOND = 10_000


class BodyLimits:
    """Counts what arrives, because a body in chunks tells no length, and how long it takes.

    A body has `first_seconds` to arrive, and one second more for every `slowest` bytes of it that have arrived.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        first_seconds: float = FIRST_SECONDS,
        slowest: float = SLOWEST_BYTES_PER_SECOND,
    ) -> None:
        self.app = app
        self.settings = settings
        self.first_seconds = first_seconds
        self.slowest = slowest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = max_body_bytes(self.settings, scope["path"])
        error = wrong_length(Headers(scope=scope).get("content-length", "0"), limit)
        if error is not None:
            await respond(Request(scope, receive), error)(scope, receive, send)
            return
        started = asyncio.get_running_loop().time()
        received, is_whole = 0, False

        async def receive_within_limits() -> Message:
            nonlocal received, is_whole
            if is_whole:
                return await receive()  # tells when the client goes away
            try:
                async with asyncio.timeout_at(started + self.first_seconds + received / self.slowest):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, headers={"Connection": "close"}) from error
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413)
            is_whole = not message.get("more_body")
            return message

        await self.app(scope, receive_within_limits, send)


def wrong_length(length: str, limit: int) -> KinetoscopeError | None:
    """Return what is wrong with a Content-Length, if anything."""
    if not length.isascii() or not length.isdigit():
        return BadRequest("Content-Length is not a number.")
    return body_too_large(limit) if int(length) > limit else None

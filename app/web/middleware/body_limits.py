"""Refuses bodies of requests that are too large, or that arrive too slowly."""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import KinetoscopeError
from app.settings import Settings
from app.web.errors import body_too_large, respond
from app.web.http_errors import BadRequest
from app.web.requests.body_size import max_body_bytes

GRACE_SECONDS = 20.0  # for a body, however slow
MIN_BYTES_PER_SECOND = 10_000
MAX_LENGTH_DIGITS = 18  # Python refuses to read a number of thousands of digits


class BodyLimits:
    """A middleware that counts the bytes of a body and the time they take: a chunked body does not declare its length.

    A body has `grace_seconds` to arrive, and a second more for every `min_bytes_per_second` bytes that have arrived.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        grace_seconds: float = GRACE_SECONDS,
        min_bytes_per_second: float = MIN_BYTES_PER_SECOND,
    ) -> None:
        self.app = app
        self.settings = settings
        self.grace_seconds = grace_seconds
        self.min_bytes_per_second = min_bytes_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = max_body_bytes(self.settings, scope["path"], headers)
        error = content_length_error(headers.get("content-length", "0"), limit)
        if error is not None:
            await respond(Request(scope, receive), error)(scope, receive, send)
            return
        started = asyncio.get_running_loop().time()
        received, is_whole = 0, False

        async def receive_within_limits() -> Message:
            nonlocal received, is_whole
            if is_whole:
                return await receive()  # returns when the client disconnects
            try:
                async with asyncio.timeout_at(started + self.grace_seconds + received / self.min_bytes_per_second):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, headers={"Connection": "close"}) from error
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413)
            is_whole = not message.get("more_body")
            return message

        await self.app(scope, receive_within_limits, send)


def content_length_error(length: str, limit: int) -> KinetoscopeError | None:
    """Return the error for a Content-Length that is no number or above `limit` (bytes), or None."""
    if not length.isascii() or not length.isdigit():
        return BadRequest("Content-Length is not a number.")
    digits = length.lstrip("0")
    return body_too_large(limit) if len(digits) > MAX_LENGTH_DIGITS or int(digits or 0) > limit else None

"""Gives every page an ETag, and answers 304 to a client that has the page already."""

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TAGGED_TYPES = ("text/html", "application/atom+xml")


class Etags:
    """A middleware that adds ETags to pages sent in one message; other answers pass unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        client_etags = Headers(scope=scope).get("if-none-match", "")
        held: Message | None = None

        async def tag(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_page(message):
                held = message
                return
            if held is None or message["type"] != "http.response.body":
                await send(message)
                return
            start, held = held, None
            if not message.get("more_body"):
                start, message = _tagged(start, message, client_etags)
            await send(start)
            await send(message)

        await self.app(scope, receive, tag)


def _is_page(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] == 200 and kind.startswith(TAGGED_TYPES)


def _tagged(start: Message, body: Message, client_etags: str) -> tuple[Message, Message]:
    # A weak ETag, because the page may be sent compressed or not.
    etag = f'W/"{hashlib.sha256(body.get("body", b"")).hexdigest()[:32]}"'
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["ETag"] = etag
    if etag not in client_etags and client_etags != "*":
        return {**start, "headers": headers.raw}, body
    del headers["content-length"], headers["content-type"]
    return {**start, "status": 304, "headers": headers.raw}, {**body, "body": b""}

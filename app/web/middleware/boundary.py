"""Answers unexpected exceptions: the traceback goes to the log, a reference to it to the client."""

import logging
import secrets

from fastapi import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.errors import respond
from app.web.http_errors import Internal

log = logging.getLogger(__name__)


class ErrorBoundary:
    """The innermost middleware, so that the others see its answers to unexpected exceptions too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("%s %s failed (reference %s)", scope["method"], scope["path"], reference)
            if started:
                raise
            request = Request(scope, receive)
            try:
                response = respond(request, Internal(reference))
            except Exception:  # the page itself may be what is broken
                log.exception("The error page failed (reference %s)", reference)
                response = JSONResponse(Internal(reference).body(), status_code=500)
            await response(scope, receive, send)

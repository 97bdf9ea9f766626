"""Gives every answer its security headers, answers HEAD, and refuses other sites' requests."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import KinetoscopeError, Refused
from app.settings import Settings
from app.web import urls
from app.web.errors import respond
from app.web.http_errors import BadRequest

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

POLICY = {
    "default-src": "'self'",
    "img-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "form-action": "'self'",
}
DOCS_POLICY = POLICY | {"img-src": "'self' data:"}  # Swagger UI's style sheet holds its icons

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def format_policy(policy: dict[str, str]) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


def embeddable(settings: Settings) -> dict[str, str]:
    """Headers of a page that the sites of the settings may frame."""
    return {"Content-Security-Policy": format_policy(POLICY | {"frame-ancestors": settings.embed.strip() or "'none'"})}


class SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        policy = format_policy(DOCS_POLICY if scope["path"] == urls.docs() else POLICY)

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", policy)
                headers.update(HEADERS)
            await send(message)

        await self.app(scope, receive, secured)


class HeadRequests:
    """Answers HEAD as GET without its body, for link checkers and feed readers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] == urls.api_events():
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "GET"}, receive, without_body)


class OriginGuard:
    """Refuses other sites' writes and hosts that are not ours."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.public = urlsplit(settings.public_url).netloc.lower() or None
        self.loopback = is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        error = self.objection(scope)
        if error is None:
            await self.app(scope, receive, send)
        else:
            await respond(Request(scope, receive), error)(scope, receive, send)

    def objection(self, scope: Scope) -> KinetoscopeError | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if self.loopback and host != self.public and not is_loopback(hostname(host)):
            # A name of somebody else's that resolves to this machine would make its pages "same origin".
            return Refused(
                "This dashboard answers on this machine's own addresses alone (localhost, 127.0.0.1). "
                "To serve it under another name, set KINETOSCOPE_PUBLIC_URL to the address people use."
            )
        if scope["method"] not in SAFE_METHODS and self.is_foreign(headers, host):
            return Refused("Another site asked for this change. Make it from the dashboard's own pages.")
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            return BadRequest("The address holds a NUL character. Remove it.")
        return None

    def is_foreign(self, headers: Headers, host: str) -> bool:
        """Return whether a browser says that the request comes from another site; programs say nothing."""
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return True
        origin = headers.get("origin")
        return origin is not None and (urlsplit(origin).netloc.lower() or "null") not in {host, self.public}


def hostname(host: str) -> str:
    """Return the host without its port; empty where it cannot be read."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

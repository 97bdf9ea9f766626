"""Adds security headers to every answer, answers HEAD, and refuses requests from other sites."""

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
DOCS_POLICY = POLICY | {"img-src": "'self' data:"}  # icons in the style sheet of Swagger UI

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def format_policy(policy: dict[str, str]) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


def embed_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of a page that the sites named in the settings may put into a frame."""
    return {"Content-Security-Policy": format_policy(POLICY | {"frame-ancestors": settings.embed.strip() or "'none'"})}


class SecurityHeaders:
    """A middleware that adds the headers; a page may bring its own Content-Security-Policy."""

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
    """A middleware that answers HEAD as GET without the body, for link checkers and feed readers."""

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
    """A middleware that refuses writes from other sites, and requests to a host that is not this dashboard's."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.public = urlsplit(settings.public_url).netloc.lower() or None
        self.loopback = is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        error = self.refusal(scope)
        if error is None:
            await self.app(scope, receive, send)
        else:
            await respond(Request(scope, receive), error)(scope, receive, send)

    def refusal(self, scope: Scope) -> KinetoscopeError | None:
        """Return why a request is refused, or None."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if self.loopback and host != self.public and not is_loopback(hostname(host)):
            # Another site's name that resolves to this machine would make that site's pages "same origin".
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
        """Return whether a browser says that the request comes from another site. Programs do not say."""
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return True
        origin = headers.get("origin")
        return origin is not None and (urlsplit(origin).netloc.lower() or "null") not in {host, self.public}


def hostname(host: str) -> str:
    """Return the host without its port; empty where it cannot be parsed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Return whether a host is this machine: `localhost`, a name below it, or a loopback address."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

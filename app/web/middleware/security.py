"""Adds security headers to every answer, answers HEAD, and refuses requests from other sites."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import KinetoscopeError, Refused
from app.settings import Settings
from app.web import api_urls, urls
from app.web.errors import respond
from app.web.http_errors import BadRequest
from app.web.requests.credentials import SAFE_METHODS
from app.web.requests.hosts import AllowedHosts, Host

MAX_NAME_LENGTH = 100  # characters of a host in a sentence: a client chose it

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
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] == api_urls.events():
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "GET"}, receive, without_body)


class OriginGuard:
    """A middleware that refuses writes from other sites, and requests to a host that is not this dashboard's."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.public = Host.parse_origin(settings.public_origin)
        self.allowed = AllowedHosts.of(settings)

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
        hosts = headers.getlist("host")
        host = Host.parse(hosts[0]) if len(hosts) == 1 else None
        if host is None:
            return BadRequest("The header Host must be there once, with a name or an address and perhaps a port.")
        if host not in self.allowed:
            return Refused(
                f"This dashboard does not answer as {host.name[:MAX_NAME_LENGTH]}. If people reach it by this name, "
                "add the name to KINETOSCOPE_ALLOWED_HOSTS, or set KINETOSCOPE_PUBLIC_URL to the address they use."
            )
        if scope["method"] not in SAFE_METHODS and self.is_foreign(headers, host):
            return Refused(
                "Another site asked for this change. Make it from the dashboard's own pages. If this was one, set "
                "KINETOSCOPE_PUBLIC_URL to the address that the browser shows."
            )
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            return BadRequest("The address holds a NUL character. Remove it.")
        return None

    def is_foreign(self, headers: Headers, host: Host) -> bool:
        """Return whether a browser says that the request comes from another site. Programs do not say."""
        if any(site not in ("same-origin", "none") for site in headers.getlist("sec-fetch-site")):
            return True
        own = {host, self.public} - {None}
        return any(Host.parse_origin(origin) not in own for origin in headers.getlist("origin"))

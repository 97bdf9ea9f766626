"""Exception handlers: every error becomes the same JSON body for programs, or a page with the same sentence."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from app.contract.errors import InvalidRequest, KinetoscopeError, Missing, TooLarge, Unavailable, UnsupportedMedia
from app.web import url_path, urls
from app.web.http_errors import BadRequest, Busy, MethodNotAllowed, RequestTimeout, Unauthorized
from app.web.requests.body_size import max_body_bytes, media_type_of
from app.web.requests.validation import invalid_request
from app.web.views.error_page import error_page

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

log = logging.getLogger(__name__)


def respond(request: Request, error: KinetoscopeError, headers: dict[str, str] | None = None) -> Response:
    """Return the error as a page where a browser opens an address, and as JSON for everything else."""
    headers = {**error_headers(error), **(headers or {})}
    accepts_html = "text/html" in request.headers.get("accept", "")
    if accepts_html and not url_path.unrooted(request.scope["path"]).startswith("/api/"):
        response = error_page(request, error)
        response.headers.update(headers)
        return response
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


def error_headers(error: KinetoscopeError) -> dict[str, str]:
    """Return the headers that answers with an error have: when to try again, and how to say who one is."""
    headers = {"Retry-After": str(error.extra["retry_after"])} if "retry_after" in error.extra else {}
    return headers | ({"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else {})


def install_handlers(app: FastAPI) -> None:
    app.add_exception_handler(KinetoscopeError, handle_known_error)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(HTTPException, handle_http_exception)


def handle_known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, KinetoscopeError)
    if isinstance(error, Busy):
        return respond(request, error)
    if isinstance(error, Unavailable):
        log.warning("%s", error.detail)  # the same for every request: serving/log_filter.py holds back repeats
    elif error.status >= 500:
        log.error("%s %s: %s", request.method, request.scope["path"], error.detail, exc_info=error)
    return respond(request, error)


def handle_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return respond(request, _unsupported(request, error) or invalid_request(error.errors()))


def handle_http_exception(request: Request, error: Exception) -> Response:
    """Translate an error that FastAPI or Starlette raises itself."""
    assert isinstance(error, HTTPException)
    path, method = request.scope["path"], request.method
    translated: KinetoscopeError
    match error.status_code:
        case 404:
            translated = Missing(f"There is nothing at {path}.")
        case 405:
            allowed = ", ".join(allowed_methods(request.app, path))
            translated = MethodNotAllowed(f"{path} does not take {method}. It takes {allowed}.")
            return respond(request, translated, {"Allow": allowed})
        case 408:
            translated = RequestTimeout("The request's body came too slowly. Send it again over a faster connection.")
        case 413:
            translated = body_too_large(max_body_bytes(request.app.state.settings, path, request.headers))
        case 415:
            translated = UnsupportedMedia(str(error.detail))
        case 422:
            translated = InvalidRequest(str(error.detail))
        case _:
            translated = BadRequest(f"{error.detail}.")
    return respond(request, translated, dict(error.headers or {}))


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """Return the methods that a path takes, of all its routes."""
    scope = {"type": "http", "path": path, "root_path": url_path.root(), "headers": []}
    if path.startswith(urls.asset("")):
        return ["GET"]  # the route of all files takes every method
    return [
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.routes)
    ]


def body_too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request is larger than {limit:,} bytes. Send less at once.", limit=limit)


def _unsupported(request: Request, error: RequestValidationError) -> UnsupportedMedia | None:
    """Return the error for a body whose Content-Type is not JSON, or None for another kind of mistake."""
    media_type = media_type_of(request.headers)
    is_json = media_type == "application/json" or media_type.endswith("+json")
    if is_json or not any(tuple(each["loc"]) == ("body",) for each in error.errors()):
        return None
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return None  # there is no body at all: the sentence for that is better
    return UnsupportedMedia(f"Send JSON with Content-Type: application/json, not {media_type or 'without a type'}.")

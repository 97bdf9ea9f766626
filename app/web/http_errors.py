"""Errors that only the web server raises, beside those of app.contract.errors."""

from app.contract.errors import KinetoscopeError


class BadRequest(KinetoscopeError):
    kind = "bad_request"
    status = 400


class Unauthorized(KinetoscopeError):
    """Something is asked for that needs a token."""

    kind = "unauthorized"
    status = 401


class MethodNotAllowed(KinetoscopeError):
    kind = "method_not_allowed"
    status = 405


class RequestTimeout(KinetoscopeError):
    kind = "request_timeout"
    status = 408


class Busy(KinetoscopeError):
    """Too many requests wait already."""

    kind = "busy"
    status = 503

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(
            f"The dashboard has more requests than it can answer now. Try again in {retry_after} seconds.",
            retry_after=retry_after,
        )
        self.retry_after = retry_after


class Internal(KinetoscopeError):
    """An unexpected exception. The log has its traceback; the client learns only a reference to it."""

    kind = "internal"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"Something went wrong on our side (reference {reference}). Try again; the log says more.",
            reference=reference,
        )

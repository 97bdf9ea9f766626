"""The error for a library that the project is used without, where a network needs it."""

from app.contract.errors import InvalidRequest


def library_missing(need: str, error: Exception) -> InvalidRequest:
    """Return the error that a library cannot be imported, with what to install. `need` begins the sentence."""
    return InvalidRequest(
        f"{need}, which cannot be imported ({error}): run `.venv/bin/pip install -e '.[hub]'` in the project's folder, "
        "on every machine where a worker runs."
    )

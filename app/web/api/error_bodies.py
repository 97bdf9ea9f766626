"""The JSON body of errors, and the errors that each endpoint documents."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ErrorBody(BaseModel):
    """The JSON body of every error; some kinds add fields of their own, such as `near` or `fields`."""

    model_config = ConfigDict(extra="allow")

    error: str = Field(description="snake_case kind", examples=["unknown_layer"])
    detail: str = Field(
        description="what is wrong and what to do",
        examples=["There is no layer 'fusion.conv4'. Near: fusion.conv5."],
    )


STATUS_DESCRIPTIONS = {
    400: "The request cannot be read",
    401: "A token is needed: send `Authorization: Bearer TOKEN` (only where KINETOSCOPE_TOKEN is set)",
    403: "Refused: the request asks for another host, comes from another site, or changes what others asked for",
    404: "No such thing; `near` lists names that may have been meant",
    409: "The thing is in a state that does not allow this",
    413: "The body is too large",
    415: "The body is of another type than is read here",
    422: "A field is wrong; `fields` lists each",
    429: "The queue is full, or you ask for more than your share (see `Retry-After`)",
    503: "The database does not answer, is not migrated, or is full; or too many requests wait (see `Retry-After`)",
}


COMMON_STATUSES = (400, 403, 503)  # every endpoint may answer these


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return an endpoint's errors for its documentation: these statuses, and COMMON_STATUSES."""
    documented = sorted({*statuses, *COMMON_STATUSES})
    return {status: {"model": ErrorBody, "description": STATUS_DESCRIPTIONS[status]} for status in documented}


def write_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors of an endpoint that changes something."""
    return errors(*statuses, 401, 429)


def errors_as_json(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the same as `errors`, for an endpoint whose successful answers are not JSON."""
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    return {
        status: {"description": response["description"], "content": body}
        for status, response in errors(*statuses).items()
    }

"""Turns the errors that pydantic finds in a request into one InvalidRequest with a sentence for each field."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.contract.errors import InvalidRecipe, InvalidRequest, closest_names
from app.contract.recipe import RECIPE_FIELD_NAMES
from app.contract.unit_query import UnitQuery

# Locations are tuples, as in the `loc` of pydantic's errors: the part of the request, then the path to the field.
RECIPE_LOCATION = ("body", "recipe")
QUERY_LOCATION = ("query",)

# The names that an unknown field may have been meant for.
FIELD_NAMES_BY_LOCATION: dict[tuple[object, ...], tuple[str, ...]] = {
    RECIPE_LOCATION: RECIPE_FIELD_NAMES,
    QUERY_LOCATION: tuple(field.alias or name for name, field in UnitQuery.model_fields.items()),
}
MAX_NAME_LENGTH = 100  # characters of a name in a sentence: a client chose it
MAX_OTHER_FIELDS = 5  # that the sentence about the first wrong field names


def invalid_request(errors: Sequence[Any], within: tuple[str, ...] = ()) -> InvalidRequest:
    """Return one error for all of pydantic's `errors`.

    Its `fields` have a sentence for each wrong field, its `near` the names that unknown fields may have been meant for.
    `within` is the location that the errors' own locations are relative to, such as RECIPE_LOCATION.
    """
    sentences_by_field: dict[str, list[str]] = {}
    near: list[str] = []
    locations = [(*within, *error["loc"]) for error in errors]
    for location, error in zip(locations, errors, strict=True):
        sentence, similar_names = _sentence(location, error)
        sentences = sentences_by_field.setdefault(_name(location), [])
        if sentence not in sentences:
            sentences.append(sentence)
        near += similar_names
    fields = [{"field": name, "detail": " ".join(sentences)} for name, sentences in sentences_by_field.items()]
    detail = fields[0]["detail"]
    if len(fields) > 1:
        detail += f" Wrong too: {', '.join(each['field'] for each in fields[1 : 1 + MAX_OTHER_FIELDS])}."
    error_type = InvalidRecipe if any(each[:2] == RECIPE_LOCATION for each in locations) else InvalidRequest
    return error_type(detail, fields=fields, **({"near": near} if near else {}))


def _sentence(location: tuple[object, ...], error: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return what is wrong with a field, and the names that an unknown field may have been meant for."""
    name = _name(location)
    reason = error.get("ctx", {}).get("error", error["msg"])
    match error["type"]:
        case "missing":
            return (f"{name} is missing." if len(location) > 1 else "Send a JSON body."), []
        case "extra_forbidden":
            field = str(location[-1])[:MAX_NAME_LENGTH]
            near = closest_names(field, FIELD_NAMES_BY_LOCATION.get(location[:-1], ()))
            parent = _name(location[:-1]) if len(location) > 2 else "The request"
            hint = f" Near: {', '.join(near)}." if near else ""
            return f"{parent} has no field {field!r}.{hint}", near
        case "json_invalid":
            return f"The body is not JSON: {reason} at character {location[-1]}.", []
        case "value_error":
            return f"{name}: {reason}.", []
    return f"{name} {str(error['msg']).removeprefix('Input ')}.", []


def _name(location: Iterable[object]) -> str:
    """Return `recipe.steps` for ("body", "recipe", "steps"), without the tags that pydantic adds for a union."""
    parts = [str(part)[:MAX_NAME_LENGTH] for part in location][1:]
    names = [part for part in parts if not any(mark in part for mark in "[]'")]
    return ".".join(names) or "The body"

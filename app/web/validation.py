"""Says in one sentence what is wrong with a request, from pydantic's list of findings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.contract.errors import InvalidRecipe, InvalidRequest, closest_names
from app.contract.recipe import RECIPE_FIELD_NAMES
from app.contract.unit_query import UnitQuery

RECIPE = ("body", "recipe")
QUERY = ("query",)

# names that a field may have been meant for, by the part of the request it stood in
KNOWN: dict[tuple[object, ...], tuple[str, ...]] = {
    RECIPE: RECIPE_FIELD_NAMES,
    QUERY: tuple(field.alias or name for name, field in UnitQuery.model_fields.items()),
}


def explain(findings: Sequence[Any], within: tuple[str, ...] = ()) -> InvalidRequest:
    """One error for all findings: `fields` has a sentence for each, `near` the names that may be meant.

    `within` says in which part of a request the findings' own places lie, such as RECIPE.
    """
    fields: dict[str, list[str]] = {}
    close: list[str] = []
    places = [(*within, *finding["loc"]) for finding in findings]
    for place, finding in zip(places, findings, strict=True):
        sentence, meant = _sentence(place, finding)
        sentences = fields.setdefault(_name(place), [])
        if sentence not in sentences:
            sentences.append(sentence)
        close += meant
    listed = [{"field": name, "detail": " ".join(parts)} for name, parts in fields.items()]
    detail = listed[0]["detail"]
    if len(listed) > 1:
        detail += f" Wrong too: {', '.join(each['field'] for each in listed[1:6])}."
    error = InvalidRecipe if any(place[:2] == RECIPE for place in places) else InvalidRequest
    return error(detail, fields=listed, **({"near": close} if close else {}))


def _sentence(place: tuple[object, ...], finding: Mapping[str, Any]) -> tuple[str, list[str]]:
    name = _name(place)
    reason = finding.get("ctx", {}).get("error", finding["msg"])
    match finding["type"]:
        case "missing":
            return (f"{name} is missing." if len(place) > 1 else "Send a JSON body."), []
        case "extra_forbidden":
            field = str(place[-1])[:100]
            close = closest_names(field, KNOWN.get(place[:-1], ()))
            where = _name(place[:-1]) if len(place) > 2 else "The request"
            hint = f" Near: {', '.join(close)}." if close else ""
            return f"{where} has no field {field!r}.{hint}", close
        case "json_invalid":
            return f"The body is not JSON: {reason} at character {place[-1]}.", []
        case "value_error":
            return f"{name}: {reason}.", []
    return f"{name} {str(finding['msg']).removeprefix('Input ')}.", []


def _name(place: Iterable[object]) -> str:
    """`recipe.steps` for ("body", "recipe", "steps"), without the tags that pydantic adds for a choice."""
    parts = [str(part)[:100] for part in place][1:]
    words = [part for part in parts if not any(mark in part for mark in "[]'")]
    return ".".join(words) or "The body"

"""The names that fields of a recipe had in version 0.1: still accepted, stored, and hashed into keys."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

# Old names by current names. Keys are hashed from the old names and the database stores them; the JSON of a recipe has
# both; whatever reads a recipe accepts either.
RENAMED_FIELDS: Mapping[str, str] = {
    "tolerance": "settle",
    "weight_decay": "forget",
    "weight_decay_until": "forget_until",
    "bn_prior": "nature",
    "frame_equalization": "even",
    "center_bias": "middle",
}


def use_current_names(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recipe with old names replaced by current ones.

    Raises ValueError where a field is given under both names with different values.
    """
    current = dict(fields)
    for name, old_name in RENAMED_FIELDS.items():
        if old_name not in current:
            continue
        value = current.pop(old_name)
        if current.setdefault(name, value) != value:
            raise ValueError(f"`{old_name}` is the old name of `{name}`: give one of them, or both the same value")
    return current


def with_names_as_given(error: ValidationError, fields: Mapping[str, Any]) -> ValidationError:
    """Return the error with each field named as `fields` names it: by its old or its current name."""

    def given_name(name: int | str) -> int | str:
        old_name = RENAMED_FIELDS.get(str(name), name)
        return old_name if old_name in fields and name not in fields else name

    details = [
        InitErrorDetails(
            type=detail["type"],
            loc=tuple(map(given_name, detail["loc"])),
            input=detail["input"],
            ctx=detail.get("ctx", {}),
        )
        for detail in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(error.title, details)

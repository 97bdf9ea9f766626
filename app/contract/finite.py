"""Refuses figures that are not finite: JSON has no NaN and no infinity, and nobody could read what they mean."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from pydantic import BaseModel

from app.contract.errors import NotFinite


def check_finite(value: Any, name: str) -> None:
    """Raise NotFinite for the first number in models, mappings and sequences that is NaN or infinite, with its path."""
    if found := _find(value):
        path, number = found
        raise NotFinite(f"{name}{path} is {number}. A figure must be a finite number, so nothing of this is stored.")


def _find(value: Any) -> tuple[str, float] | None:
    """Return the path and the value of the first number that is not finite; paths are only put together for it."""
    if isinstance(value, float):
        return None if isfinite(value) else ("", value)
    for key, each in _members(value):
        if found := _find(each):
            return f".{key}{found[0]}", found[1]
    return None


def _members(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, list | tuple):
        return enumerate(value)
    if isinstance(value, BaseModel):
        return value.__dict__.items()
    return value.items() if isinstance(value, Mapping) else ()

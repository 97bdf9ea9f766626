"""Refuses figures that are not finite: JSON has no NaN and no infinity, and nobody could read what they mean."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from pydantic import BaseModel

from app.contract.errors import NotFinite


def check_finite(value: Any, name: str) -> None:
    """Raise NotFinite for the first number in models, mappings and sequences that is NaN or infinite, with its path."""
    if isinstance(value, float):
        if not isfinite(value):
            raise NotFinite(f"{name} is {value}. A figure must be a finite number, so nothing of this is stored.")
        return
    for key, each in _parts(value):
        check_finite(each, f"{name}.{key}")


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, BaseModel):
        return value  # yields the fields with their names
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, list | tuple) else ()

"""Recipes as they are stored: each is parsed once in a process, since its key is its hash."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.contract.recipe import LATER, ResolvedRecipe
from app.store.database.tables import RecipeRow

KEPT = 10_000
_recipes: dict[str, ResolvedRecipe] = {}


def parsed(key: str, body: Mapping[str, Any]) -> ResolvedRecipe:
    """A field that came later has the value by which the recipe worked before it."""
    found = _recipes.get(key)
    if found is None:
        found = ResolvedRecipe.model_validate({**LATER, **body})
        if len(_recipes) >= KEPT:
            _recipes.clear()
        _recipes[key] = found
    return found


def read_recipes(session: Session, keys: set[str]) -> dict[str, ResolvedRecipe]:
    """By key; those that are known are not read again."""
    found = {key: _recipes[key] for key in keys if key in _recipes}
    unknown = keys - found.keys()
    if unknown:
        rows = session.execute(select(RecipeRow.key, RecipeRow.body).where(RecipeRow.key.in_(unknown)))
        found |= {key: parsed(key, body) for key, body in rows}
    return found

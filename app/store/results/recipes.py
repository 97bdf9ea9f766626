"""Recipes as they are stored: each is parsed once in a process, since its key is its hash."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.contract.recipe import ResolvedRecipe
from app.store.database.cache import LruCache
from app.store.database.session import Session
from app.store.database.tables import RecipeRow

# A recipe never changes: its key is its hash.
_recipes: LruCache[str, ResolvedRecipe] = LruCache(max_size=10_000)


def parsed(key: str, body: Mapping[str, Any]) -> ResolvedRecipe:
    """A field that came later has the value by which the recipe worked before it."""
    return _recipes.get_or_compute(key, lambda: ResolvedRecipe.from_storage(body))


def read_recipes(session: Session, keys: set[str]) -> dict[str, ResolvedRecipe]:
    """By key; those that are known are not read again."""
    found = {key: known for key in keys if (known := _recipes.get(key))}
    unknown = keys - found.keys()
    if unknown:
        rows = session.execute(select(RecipeRow.key, RecipeRow.body).where(RecipeRow.key.in_(unknown)))
        found |= {key: parsed(key, body) for key, body in rows}
    return found

"""Stores recipes under their keys and reads them; each is parsed once in a process."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.contract.recipe import ResolvedRecipe
from app.store.database.cache import LruCache
from app.store.database.session import Session
from app.store.database.tables import RecipeRow
from app.store.database.upsert import insert_missing

KEY_LENGTH = 64  # digits of a key
MAX_FOUND = 20  # recipes by the first digits of a key

# A recipe never changes: its key is its hash.
_recipes: LruCache[str, ResolvedRecipe] = LruCache(max_size=10_000)


def parse_recipe(key: str, body: Mapping[str, Any]) -> ResolvedRecipe:
    """Return a stored recipe. Fields added after it was stored get the values that reproduce its results."""
    return _recipes.get_or_compute(key, lambda: ResolvedRecipe.from_storage(body))


def read_recipes(session: Session, keys: set[str]) -> dict[str, ResolvedRecipe]:
    """Return recipes by key; those that this process has parsed are not read again."""
    recipes = {key: known for key in keys if (known := _recipes.get(key))}
    unknown = keys - recipes.keys()
    if unknown:
        rows = session.read(select(RecipeRow.key, RecipeRow.body).where(RecipeRow.key.in_(unknown)))
        recipes |= {key: parse_recipe(key, body) for key, body in rows}
    return recipes


def recipes_with_prefix(session: Session, *, prefix: str) -> list[ResolvedRecipe]:
    """Return the recipes whose keys, 64 hexadecimal digits, begin like this: a few at most."""
    keys = RecipeRow.key.between(prefix, prefix.ljust(KEY_LENGTH, "f"))
    rows = session.read(select(RecipeRow.key, RecipeRow.body).where(keys).order_by(RecipeRow.key).limit(MAX_FOUND))
    return [parse_recipe(key, body) for key, body in rows]


def store_recipe(session: Session, recipe: ResolvedRecipe) -> str:
    """Store a recipe where it is not yet, and return its key."""
    key = recipe.key()
    insert_missing(session, RecipeRow, [{"key": key, "body": recipe.to_storage()}])
    return key

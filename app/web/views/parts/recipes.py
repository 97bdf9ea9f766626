"""How addresses name recipes, and which result of a unit belongs to a recipe."""

from collections.abc import Sequence
from functools import lru_cache

from app.contract.network import NetworkCard
from app.contract.recipe import Objective, Recipe, ResolvedRecipe, Speed
from app.contract.result import Visualization

KEY_LENGTH = 12  # characters of a recipe's key in addresses


@lru_cache(maxsize=4096)  # a page asks a dozen times
def default_recipe(speed: Speed, seed: int, card: NetworkCard, objective: Objective = "channel") -> ResolvedRecipe:
    """Return the recipe that leaves everything else at its defaults for this network."""
    return Recipe(speed=speed, seed=seed, objective=objective).resolved(card)


def recipe_query_params(recipe: Recipe, card: NetworkCard) -> dict[str, str | int]:
    """Return the shortest query parameters that name a recipe: speed and seed, or its key where it is not a default."""
    resolved = recipe.resolved(card)
    return _query_params(resolved, resolved.key(), card)


def result_query_params(result: Visualization, card: NetworkCard) -> dict[str, str | int]:
    """Return the shortest query parameters that name the recipe of a result.

    The key is the one that the result is stored under: a result of an older engine has a key that its recipe would
    not have today.
    """
    return _query_params(result.recipe, result.recipe_key, card)


def _query_params(recipe: ResolvedRecipe, key: str, card: NetworkCard) -> dict[str, str | int]:
    if recipe == default_recipe(recipe.speed, recipe.seed, card):
        return {"speed": recipe.speed.value, "seed": recipe.seed}
    return {"recipe": key[:KEY_LENGTH]}


def has_speed_and_seed_of(recipe: ResolvedRecipe, other: ResolvedRecipe) -> bool:
    return (recipe.speed, recipe.seed) == (other.speed, other.seed)


def result_for_recipe(results: Sequence[Visualization], recipe: ResolvedRecipe) -> Visualization | None:
    """Return the result of exactly this recipe, else the newest of the same speed and seed.

    `results` are those of one unit, the newest first.
    """
    similar = [each for each in results if has_speed_and_seed_of(each.recipe, recipe)]
    return next((each for each in similar if each.recipe == recipe), similar[0] if similar else None)

"""How addresses name recipes, and which result of a unit belongs to a recipe."""

from collections.abc import Sequence
from functools import lru_cache

from app.contract.network import NetworkCard
from app.contract.recipe import Objective, Recipe, ResolvedRecipe, Sign, Speed
from app.contract.result import Visualization

SPEED_FIELDS = ("time_weight", "time_path")  # whose defaults differ from those of version 0.1
DIGEST_FIELDS = ("survey_maxima", "feature_statistics")  # which the network's newest survey decides
KEY_LENGTH = 12  # characters of a recipe's key in addresses


@lru_cache(maxsize=4096)  # a page asks a dozen times
def default_recipe(
    speed: Speed, seed: int, card: NetworkCard, objective: Objective = "channel", sign: Sign = "maximize"
) -> ResolvedRecipe:
    """Return the recipe that leaves everything else at its defaults for this network."""
    return Recipe(speed=speed, seed=seed, objective=objective, sign=sign).resolved(card)


def is_default(recipe: ResolvedRecipe, card: NetworkCard) -> bool:
    """Return whether a recipe is the default one of its speed, seed and sign."""
    return recipe == default_recipe(recipe.speed, recipe.seed, card, sign=recipe.sign)


def recipe_query_params(recipe: Recipe, card: NetworkCard) -> dict[str, str | int]:
    """Return the shortest query parameters that name a recipe.

    These are speed and seed, and the sign where it is not the usual one; its key where it is not a default.
    """
    resolved = recipe.resolved(card)
    return _query_params(resolved, resolved.key(), card)


def result_query_params(result: Visualization, card: NetworkCard) -> dict[str, str | int]:
    """Return the shortest query parameters that name the recipe of a result.

    The key is the one that the result is stored under: a result of an older engine has a key that its recipe would
    not have today.
    """
    return _query_params(result.recipe, result.recipe_key, card)


def _query_params(recipe: ResolvedRecipe, key: str, card: NetworkCard) -> dict[str, str | int]:
    if is_default(recipe, card):
        return default_query_params(recipe.speed, recipe.seed, recipe.sign)
    return {"recipe": key[:KEY_LENGTH]}


def default_query_params(speed: Speed, seed: int, sign: Sign) -> dict[str, str | int]:
    """Return the query parameters that name the default recipe of a speed, a seed and a sign."""
    params: dict[str, str | int] = {"speed": speed.value, "seed": seed}
    return params if sign == "maximize" else {**params, "sign": sign}


def is_same_choice(recipe: ResolvedRecipe, other: ResolvedRecipe) -> bool:
    """Return whether two recipes agree in what a page offers to choose from: speed, seed, sign and clip."""
    names = ("speed", "seed", "sign", "start_clip")
    return all(getattr(recipe, name) == getattr(other, name) for name in names)


def is_same_but_for_survey(recipe: ResolvedRecipe, other: ResolvedRecipe) -> bool:
    """Return whether two recipes are the same but for what surveys measured, which differs over time."""
    return _is_same_but_for(DIGEST_FIELDS, recipe, other)


def is_default_of_before(recipe: ResolvedRecipe, card: NetworkCard) -> bool:
    """Return whether a recipe was the default one while steps were smoothed over time, and is not today."""
    default = default_recipe(recipe.speed, recipe.seed, card, recipe.objective, recipe.sign)
    was_smoothed = recipe.time_path == "smoothed" and default.time_path == "neutral"
    return was_smoothed and _is_same_but_for((*DIGEST_FIELDS, *SPEED_FIELDS), recipe, default)


def _is_same_but_for(names: Sequence[str], recipe: ResolvedRecipe, other: ResolvedRecipe) -> bool:
    return recipe.model_copy(update={name: getattr(other, name) for name in names}) == other


def result_for_recipe(results: Sequence[Visualization], recipe: ResolvedRecipe) -> Visualization | None:
    """Return the result of exactly this recipe, else of the same choices, else the newest of speed, seed and sign.

    `results` are those of one unit, the newest first. The same choices give another recipe after a survey, and in
    another version.
    """
    similar = [each for each in results if is_same_choice(each.recipe, recipe)]
    same = [each for each in similar if is_same_but_for_survey(each.recipe, recipe)]
    older = [each for each in similar if _is_same_but_for((*DIGEST_FIELDS, *SPEED_FIELDS), each.recipe, recipe)]
    return next((each for each in similar if each.recipe == recipe), next(iter([*same, *older, *similar]), None))

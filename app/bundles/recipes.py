"""Whether a recipe in a bundle is one that somebody could ask for here; export and import agree on it."""

from pydantic import ValidationError

from app.contract.errors import InvalidRecipe
from app.contract.network import NetworkCard
from app.contract.recipe import Recipe, ResolvedRecipe


def require_valid(recipe: ResolvedRecipe, card: NetworkCard, layer: str, unit: int) -> None:
    """Raise InvalidRecipe for values that nobody may choose, and where the layer cannot be computed with them.

    A resolved recipe is checked less than one that somebody chooses: it comes from the database otherwise.
    """
    try:
        Recipe.model_validate(recipe.model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRecipe(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
    recipe.require_fit(card, layer, [unit])

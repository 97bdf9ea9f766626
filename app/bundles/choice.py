"""Which results go into a bundle."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from app.contract.bundle import NEEDED_ROLE
from app.contract.errors import InvalidRecipe, InvalidRequest, closest_names
from app.contract.network import Layer
from app.contract.recipe import RECIPE_FIELD_NAMES, Recipe
from app.contract.recipe_names import RENAMED_FIELDS
from app.contract.result import MediaRole, Visualization


@dataclass(frozen=True)
class Choice:
    """What of a server goes into a bundle; by default all results, and no survey.

    `recipe` has for fields of the recipe the values that a result may have there. `newest` takes of each unit the
    newest result alone at each speed, objective and sign. `left_out_media` are left out of every result.
    """

    networks: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    units: frozenset[int] | None = None
    classes: bool = False
    recipe: Mapping[str, frozenset[Any]] = field(default_factory=dict)
    newest: bool = False
    with_survey: bool = False
    with_videos: bool = False
    left_out_media: frozenset[MediaRole] = frozenset()

    def takes_unit(self, layer: Layer, unit: int) -> bool:
        """Return whether results of a unit are asked for."""
        named = self.layers or self.classes
        of_layer = not named or layer.name in self.layers or (self.classes and layer.is_class)
        return of_layer and (self.units is None or unit in self.units)

    def takes_recipe(self, result: Visualization) -> bool:
        """Return whether results of a recipe like that of this one are asked for."""
        return all(getattr(result.recipe, name) in values for name, values in self.recipe.items())


def newest_only(results: Iterable[Visualization]) -> set[int]:
    """Return the ids of those of the results that are the newest of their unit at a speed, objective, sign and clip."""
    newest: dict[tuple[object, ...], Visualization] = {}
    for result in results:
        recipe = result.recipe
        key = (result.layer, result.unit, recipe.speed, recipe.objective, recipe.sign, recipe.start_clip)
        known = newest.get(key)
        if known is None or (known.created_at, known.recipe_key) < (result.created_at, result.recipe_key):
            newest[key] = result
    return {result.id for result in newest.values()}


def parse_units(text: str) -> frozenset[int]:
    """Return the units in `0,3,8-15`. Raises InvalidRequest."""
    units: set[int] = set()
    for part in text.split(","):
        first, dash, last = (side.strip() for side in part.partition("-"))
        ends = (first, last) if dash else (first, first)
        if not all(end.isdecimal() and len(end) < 8 for end in ends):
            raise InvalidRequest(f"{text!r} is no list of units: write numbers and ranges, such as 0,3,8-15.")
        units |= set(range(int(ends[0]), int(ends[1]) + 1))
    return frozenset(units)


def parse_recipe_values(conditions: Iterable[str]) -> dict[str, frozenset[Any]]:
    """Return the values in `speed=slow`, `speed=fast` and the like, by field of the recipe. Raises InvalidRecipe."""
    current_names = {old: new for new, old in RENAMED_FIELDS.items()}
    values: dict[str, set[Any]] = {}
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if not equals or name not in RECIPE_FIELD_NAMES:
            near = ", ".join(closest_names(name, RECIPE_FIELD_NAMES)) or ", ".join(RECIPE_FIELD_NAMES)
            raise InvalidRecipe(f"{condition!r} is no field=value of a recipe. Fields: {near}.")
        try:
            recipe = Recipe.model_validate({name: value})
        except ValidationError as error:
            raise InvalidRecipe(f"{condition!r}: {error.errors()[0]['msg']}.") from error
        name = current_names.get(name, name)
        values.setdefault(name, set()).add(getattr(recipe, name))
    return {name: frozenset(some) for name, some in values.items()}


def parse_roles(names: Iterable[str]) -> frozenset[MediaRole]:
    """Return the media of these names, which a bundle may be without. Raises InvalidRequest."""
    roles = [role.value for role in MediaRole if role is not NEEDED_ROLE]
    for name in names:
        if name not in roles:
            raise InvalidRequest(f"A bundle cannot be without {name!r}. It can be without {', '.join(roles)}.")
    return frozenset(map(MediaRole, names))

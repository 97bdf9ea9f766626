"""The fields of a recipe as a form shows them, derived from the contract."""

from functools import lru_cache
from typing import Any

from app.contract.network import NetworkCard
from app.contract.recipe import Objective, Recipe, ResolvedRecipe, Speed
from app.web.parts import Field, Preset, VisualizeForm

BASIC = ("speed", "seed")
SCHEMA = Recipe.model_json_schema()
OPEN = {name for name, field in Recipe.model_fields.items() if field.default is None}  # filled in by `resolved`


def fields(recipe: ResolvedRecipe) -> tuple[Field, ...]:
    return tuple(_field(name, _text(getattr(recipe, name))) for name in Recipe.model_fields)


@lru_cache(maxsize=4096)  # a page asks a dozen times
def plain(speed: Speed, seed: int, card: NetworkCard, objective: Objective = "channel") -> ResolvedRecipe:
    """The recipe that says nothing else."""
    return Recipe(speed=speed, seed=seed, objective=objective).resolved(card)


def editable(recipe: ResolvedRecipe, card: NetworkCard) -> tuple[Field, ...]:
    """What is as it would be if left empty is left empty: another objective then brings its own."""
    by_itself = plain(recipe.speed, recipe.seed, card, recipe.objective)

    def field(name: str) -> Field:
        value, own = _text(getattr(recipe, name)), _text(getattr(by_itself, name))
        return _field(name, "" if value == own else value, own) if name in OPEN else _field(name, value)

    return tuple(field(name) for name in Recipe.model_fields)


def visualize_form(
    card: NetworkCard,
    layer: str,
    units: int | str,
    *,
    count: int,
    recipe: Recipe,
    presets: tuple[Preset, ...] = (),
) -> VisualizeForm:
    """`count`: how many units that is."""
    given = recipe.resolved(card)
    every = editable(given, card)
    return VisualizeForm(
        network=card.slug,
        layer=layer,
        units=str(units),
        count=count,
        basic=tuple(field for field in every if field.name in BASIC),
        advanced=tuple(field for field in every if field.name not in BASIC),
        special=differences(given, card),
        presets=presets,
    )


def differences(recipe: ResolvedRecipe, card: NetworkCard) -> str:
    """What sets a recipe apart from the plain one of the same speed and seed: `objective center, kappa 2`."""
    by_itself = plain(recipe.speed, recipe.seed, card, recipe.objective)
    usual = by_itself.model_copy(update={"objective": "channel"})
    changed = (name for name in Recipe.model_fields if getattr(recipe, name) != getattr(usual, name))
    return ", ".join(f"{_label(name).lower()} {_text(getattr(recipe, name))}" for name in changed)


def _field(name: str, value: str, placeholder: str = "") -> Field:
    schema = SCHEMA["properties"][name]
    shape = _shape(schema)
    whole = shape.get("type") == "integer"
    maximum = shape.get("maximum")
    if maximum is None and "exclusiveMaximum" in shape:
        maximum = shape["exclusiveMaximum"] - 1 if whole else shape["exclusiveMaximum"]
    return Field(
        name=name,
        label=_label(name),
        description=schema["description"].replace("`", ""),
        value=value,
        choices=tuple(shape.get("enum", ())),
        minimum=shape.get("minimum", shape.get("exclusiveMinimum")),
        maximum=maximum,
        whole=whole,
        placeholder=placeholder,
    )


def _shape(schema: dict[str, Any]) -> dict[str, Any]:
    """Where the type and bounds are: behind a reference, or beside a null."""
    if "$ref" in schema:
        found: dict[str, Any] = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    return next((each for each in schema.get("anyOf", ()) if each["type"] != "null"), schema)


def _label(name: str) -> str:
    return Recipe.model_fields[name].title or name.replace("_", " ").capitalize()


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

"""The form that asks for a visualization: the fields of a recipe, derived from the contract."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from app.contract.network import NetworkCard
from app.contract.recipe import Recipe, ResolvedRecipe
from app.web.views.parts.presets import Preset
from app.web.views.parts.recipes import DIGEST_FIELDS, default_recipe

DIGEST_LENGTH = 12  # characters that are shown
MAX_SHOWN = 24  # characters of a value beside others
EDITABLE_FIELDS = tuple(name for name in Recipe.model_fields if name not in DIGEST_FIELDS)
BASIC_FIELDS = ("speed", "seed")  # and `sign`, for layers whose units have two
SCHEMA = Recipe.model_json_schema()
OPTIONAL_FIELDS = {name for name, field in Recipe.model_fields.items() if field.default is None}


@dataclass(frozen=True)
class RecipeField:
    """A field of a recipe as a form shows it. `choices` is empty for numbers and text."""

    name: str
    label: str
    description: str
    value: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    is_integer: bool = False
    is_text: bool = False
    placeholder: str = ""


@dataclass(frozen=True)
class VisualizeForm:
    """The form that asks for visualizations of one unit, or of all units of a layer.

    `units` is an index or `all`. The advanced fields are folded away; `unusual_values` says which of them differ from
    the defaults.
    """

    network: str
    layer: str
    units: str
    unit_count: int
    basic_fields: tuple[RecipeField, ...]
    advanced_fields: tuple[RecipeField, ...]
    unusual_values: str
    presets: tuple[Preset, ...] = ()


def visualize_form(
    card: NetworkCard,
    layer: str,
    units: int | str,
    *,
    unit_count: int,
    recipe: Recipe,
    presets: tuple[Preset, ...] = (),
) -> VisualizeForm:
    """Return the form filled in with a recipe; `layer` is empty for units of several layers."""
    resolved = recipe.resolved(card)
    fields = editable_fields(resolved, card)
    has_two_signs = any(each.signed for each in card.layers if each.name == layer or not layer)
    basic = (*BASIC_FIELDS, "sign") if has_two_signs else BASIC_FIELDS
    return VisualizeForm(
        network=card.slug,
        layer=layer,
        units=str(units),
        unit_count=unit_count,
        basic_fields=tuple(field for field in fields if field.name in basic),
        advanced_fields=tuple(field for field in fields if field.name not in basic),
        unusual_values=unusual_values(resolved, card, except_for=basic),
        presets=presets,
    )


def editable_fields(recipe: ResolvedRecipe, card: NetworkCard) -> tuple[RecipeField, ...]:
    """Return the fields of a recipe to edit.

    A field whose value is the default of the network and the objective is left empty, with the default as its
    placeholder: where a person changes the objective, the field follows with the default of the other one.
    """
    default = default_recipe(recipe.speed, recipe.seed, card, recipe.objective, recipe.sign)

    def field(name: str) -> RecipeField:
        value, default_value = _text(getattr(recipe, name)), _text(getattr(default, name))
        if name not in OPTIONAL_FIELDS:
            return _recipe_field(name, value)
        return _recipe_field(name, "" if value == default_value else value, default_value)

    return tuple(field(name) for name in EDITABLE_FIELDS)


def recipe_fields(recipe: ResolvedRecipe) -> tuple[RecipeField, ...]:
    """Return all fields of a recipe with their values, to read; digests of a survey where there are any."""
    fields = tuple(_recipe_field(name, _text(getattr(recipe, name))) for name in EDITABLE_FIELDS)
    digests = {name: getattr(recipe, name)[:DIGEST_LENGTH] for name in DIGEST_FIELDS}
    return (*fields, *(_recipe_field(name, digest) for name, digest in digests.items() if digest))


def unusual_values(recipe: ResolvedRecipe, card: NetworkCard, *, except_for: Collection[str] = ()) -> str:
    """Return what sets a recipe apart from the default one of its speed and seed: `objective center, kappa 2`.

    Fields named in `except_for` are left out.
    """
    default = default_recipe(recipe.speed, recipe.seed, card, recipe.objective)
    usual = default.model_copy(update={"objective": "channel", "sign": "maximize"})
    changed = (name for name in EDITABLE_FIELDS if getattr(recipe, name) != getattr(usual, name))
    told = (name for name in changed if name not in except_for)
    return ", ".join(f"{_label(name).lower()} {_text(getattr(recipe, name))[:MAX_SHOWN]}" for name in told)


def _recipe_field(name: str, value: str, placeholder: str = "") -> RecipeField:
    schema = SCHEMA["properties"][name]
    value_schema = _value_schema(schema)
    is_integer = value_schema.get("type") == "integer"
    maximum = value_schema.get("maximum")
    if maximum is None and "exclusiveMaximum" in value_schema:
        maximum = value_schema["exclusiveMaximum"] - 1 if is_integer else value_schema["exclusiveMaximum"]
    return RecipeField(
        name=name,
        label=_label(name),
        description=schema["description"].replace("`", ""),
        value=value,
        choices=tuple(value_schema.get("enum", ())),
        minimum=value_schema.get("minimum", value_schema.get("exclusiveMinimum")),
        maximum=maximum,
        is_integer=is_integer,
        is_text=value_schema.get("type") in ("string", "array"),
        placeholder=placeholder,
    )


def _value_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a field's JSON schema that has its type and bounds.

    It is the target of a reference, or of several alternatives the one that is not null.
    """
    if "$ref" in schema:
        target: dict[str, Any] = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        return target
    return next((each for each in schema.get("anyOf", ()) if each["type"] != "null"), schema)


def _label(name: str) -> str:
    return Recipe.model_fields[name].title or name.replace("_", " ").capitalize()


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

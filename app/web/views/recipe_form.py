"""The fields of a recipe as a form shows them, derived from the contract."""

from typing import Any

from app.contract.recipe import Recipe
from app.web.parts import Field, Preset, VisualizeForm

BASIC = ("speed", "seed")
SCHEMA = Recipe.model_json_schema()


def fields(recipe: Recipe) -> tuple[Field, ...]:
    return tuple(_field(name, getattr(recipe, name)) for name in Recipe.model_fields)


def visualize_form(
    network: str,
    layer: str,
    units: int | str,
    *,
    count: int,
    recipe: Recipe,
    presets: tuple[Preset, ...] = (),
) -> VisualizeForm:
    """`count`: how many units that is."""
    every = fields(recipe)
    return VisualizeForm(
        network=network,
        layer=layer,
        units=str(units),
        count=count,
        basic=tuple(field for field in every if field.name in BASIC),
        advanced=tuple(field for field in every if field.name not in BASIC),
        presets=presets,
    )


def differences(recipe: Recipe, plain: Recipe) -> str:
    """What sets a recipe apart from the plain one of the same speed and seed: `steps 200, kappa 2`."""
    changed = (name for name in Recipe.model_fields if getattr(recipe, name) != getattr(plain, name))
    return ", ".join(f"{_label(name).lower()} {_text(getattr(recipe, name))}" for name in changed)


def _field(name: str, value: object) -> Field:
    schema = SCHEMA["properties"][name]
    shape = _shape(schema)
    whole = shape.get("type") == "integer"
    maximum = shape.get("maximum")
    if maximum is None and "exclusiveMaximum" in shape:
        maximum = shape["exclusiveMaximum"] - 1 if whole else shape["exclusiveMaximum"]
    return Field(
        name=name,
        label=_label(name),
        description=schema["description"],
        value=_text(value),
        choices=tuple(shape.get("enum", ())),
        minimum=shape.get("minimum", shape.get("exclusiveMinimum")),
        maximum=maximum,
        whole=whole,
        placeholder="automatic" if "anyOf" in schema else "",
    )


def _shape(schema: dict[str, Any]) -> dict[str, Any]:
    """Where the type and bounds are: behind a reference, or beside a null."""
    if "$ref" in schema:
        found: dict[str, Any] = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    return next((each for each in schema.get("anyOf", ()) if each["type"] != "null"), schema)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

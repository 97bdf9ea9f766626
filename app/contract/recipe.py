"""A recipe: everything besides network and unit that determines a result."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import (
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.contract.network import NetworkCard
from app.contract.recipe_defaults import (
    BATCH_NORM_DEFAULTS,
    CENTER_DEFAULTS,
    CLIP_DEFAULTS,
    DEFAULTS,
    FIGURE_DEFAULTS,
    LEGACY_VALUES,
    TIME_WEIGHTS,
)
from app.contract.recipe_fields import (
    DEFAULT_SPEED,
    MAX_FRAMES,
    MAX_SIZE,
    MIN_SIZE,
    Objective,
    Prior,
    RecipeFields,
    Sign,
    Speed,
)
from app.contract.recipe_fit import require_fit, require_group, require_statistics
from app.contract.recipe_names import RENAMED_FIELDS, use_current_names, with_names_as_given

__all__ = [
    "CENTER_VERSION",
    "DEFAULT_SPEED",
    "ENGINE_VERSION",
    "MAX_FRAMES",
    "MAX_SIZE",
    "MIN_SIZE",
    "RECIPE_FIELD_NAMES",
    "REFERENCE_HEIGHT",
    "Objective",
    "Recipe",
    "ResolvedRecipe",
    "Sign",
    "Speed",
]

ENGINE_VERSION = 2  # part of every key: raised when the same recipe would give another stimulus
CENTER_VERSION = 2  # the same for the objective `center` alone: part of its keys
REFERENCE_HEIGHT = 224  # pixels: lengths in a recipe are given for a picture of this height and scale with the real one


class Recipe(RecipeFields):
    """What a person may choose about a visualization; fields that are None are filled in by `resolved`.

    The weights `energy` and `smoothness` are dimensionless: see worker/maximize/objectives.py.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _accept_old_names(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, Mapping):
            return validate(data)
        try:
            return validate(use_current_names(data))
        except ValidationError as error:
            raise with_names_as_given(error, data) from None

    @model_serializer(mode="wrap")
    def _add_old_names(self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        if not info.mode_is_json():
            return fields
        return fields | {old_name: fields[name] for name, old_name in RENAMED_FIELDS.items() if name in fields}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe each field rather than the serializer's plain dictionary, and old names where they are written."""
        fields: Any = schema  # within what validators wrap around them
        while fields["type"] == "function-wrap":
            fields = fields["schema"]
        described = handler({key: value for key, value in fields.items() if key != "serialization"})
        properties = handler.resolve_ref_schema(described)["properties"]
        if handler.mode == "serialization":
            for name, old_name in RENAMED_FIELDS.items():
                properties[old_name] = {**properties[name], "description": f"Old name of `{name}`.", "deprecated": True}
        return described

    @property
    def chi(self) -> float:
        """Return the weight of the squared temporal derivative in R_TV."""
        return self.speed.chi

    @property
    def is_of_one_position(self) -> bool:
        """Return whether one position of the map is maximized, and not their sum."""
        return self.objective != "channel"

    @property
    def shows_unit(self) -> bool:
        """Return whether its results stand for their unit in listings: they raise it, and start from no clip."""
        return self.sign == "maximize" and not self.start_clip

    def resolved(self, card: NetworkCard) -> "ResolvedRecipe":
        """Return the recipe with every open field filled in for a network."""
        defaults = BATCH_NORM_DEFAULTS if card.normalised else DEFAULTS
        if self.is_of_one_position:
            defaults = CENTER_DEFAULTS
        if self.prior == "figure":
            defaults = FIGURE_DEFAULTS
        elif self.start_clip:
            defaults = {**defaults, **CLIP_DEFAULTS}
        own_size = {"size": card.stimulus.height, "frames": card.stimulus.frames}
        chosen = {name: value for name in Recipe.model_fields if (value := getattr(self, name)) is not None}
        fields = {**defaults, **own_size, **chosen}
        fields.setdefault("time_weight", TIME_WEIGHTS[str(fields["time_path"])])
        fields["survey_maxima"] = self.survey_maxima or card.survey_maxima
        has_effect = fields["bn_prior"] and not (self.is_of_one_position or card.normalised)
        fields["feature_statistics"] = (self.feature_statistics or card.feature_statistics) if has_effect else ""
        return ResolvedRecipe.model_validate(fields)


RECIPE_FIELD_NAMES = (*Recipe.model_fields, *RENAMED_FIELDS.values())  # the names that are accepted


class ResolvedRecipe(Recipe):
    """The recipe that a result was made with: no field is open, so its key covers everything that was used."""

    prior: Prior
    steps: int
    step_size: float
    blur: float
    bound: float
    time_weight: float
    time_path: Literal["neutral", "smoothed"]
    bn_prior: float
    frame_equalization: float
    focus: float
    center_bias: float
    size: int
    frames: int

    @classmethod
    def from_storage(cls, fields: Mapping[str, Any]) -> Self:
        """Return a stored recipe; fields added after it was stored get the values that reproduce its result."""
        return cls.model_validate({**LEGACY_VALUES, **use_current_names(fields)})

    def to_storage(self) -> dict[str, Any]:
        """Return the fields as JSON values under the names of version 0.1, as the database stores them."""
        return {name: value for name, value in self.model_dump(mode="json").items() if name not in RENAMED_FIELDS}

    def resolved(self, card: NetworkCard) -> "ResolvedRecipe":
        """Return the recipe itself, which has no open field."""
        return self

    def require_fit(self, card: NetworkCard, layer: str, units: Sequence[int] = ()) -> None:
        """Raise InvalidRecipe where these units of a layer cannot be computed: see `recipe_fit.require_fit`."""
        require_fit(self, card, card.layer(layer), units)

    def require_statistics(self, card: NetworkCard) -> None:
        """Raise InvalidRecipe where its prior needs a survey: see `recipe_fit.require_statistics`."""
        require_statistics(self, card)

    def in_pixels(self, card: NetworkCard, layer: str) -> Self:
        """Return the recipe with its lengths in pixels of the stimulus.

        Lengths are in proportion to the stimulus, so that one recipe suits small and large networks. For one position,
        jitter and last blur are in proportion to the receptive field, which they would otherwise exceed.
        """
        field = card.layer(layer).receptive_field
        seen = min(self.size, max(field.height, field.width)) if self.is_of_one_position else self.size
        lengths = {
            "jitter": round(self.jitter * seen / REFERENCE_HEIGHT),
            "blur": self.blur * self.size / REFERENCE_HEIGHT,
            "blur_end": self.blur_end * seen / REFERENCE_HEIGHT,
        }
        return self.model_copy(update=lengths)

    def key(self) -> str:
        """Return the content hash under which results are stored: 64 hexadecimal digits.

        Keys of stored results must never change. A field in LEGACY_VALUES is therefore hashed only where its value
        differs from the legacy one, and renamed fields are hashed under their old names.
        """
        body = {"engine": ENGINE_VERSION, **self.to_storage()}
        if self.is_of_one_position:
            body["cone"] = CENTER_VERSION
        for name, legacy_value in LEGACY_VALUES.items():
            stored_name = RENAMED_FIELDS.get(name, name)
            if body[stored_name] == legacy_value:
                del body[stored_name]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    def members(self) -> tuple[Self, ...]:
        """Return the recipes of all stimuli that must differ from each other, of which this is one.

        Raises InvalidRecipe where its fields for that contradict each other.
        """
        require_group(self)
        if self.count == 1:
            return (self,)
        first = self.seed - self.member
        return tuple(self.model_copy(update={"seed": first + i, "member": i}) for i in range(self.count))

    def batch_key(self) -> str:
        """Return a key that is equal for recipes that can share a batch.

        These differ in the seed alone, or are those of the stimuli of one group that must differ.
        """
        seed = 0 if self.count == 1 else self.seed - self.member
        return self.model_copy(update={"seed": seed, "member": 0}).key()

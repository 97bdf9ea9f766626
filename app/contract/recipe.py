"""A recipe: everything besides network and unit that determines a result."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
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

from app.contract.model import Model
from app.contract.network import NetworkCard, Sha256
from app.contract.recipe_defaults import (
    BATCH_NORM_DEFAULTS,
    CENTER_DEFAULTS,
    DEFAULTS,
    LEGACY_VALUES,
    TIME_WEIGHTS,
)
from app.contract.recipe_fields import MapPosition, OtherUnits, ParsePosition, ParseUnits
from app.contract.recipe_fit import require_fit, require_group, require_statistics
from app.contract.recipe_names import RENAMED_FIELDS, use_current_names, with_names_as_given

ENGINE_VERSION = 2  # part of every key: raised when the same recipe would give another stimulus
CENTER_VERSION = 2  # the same for the objective `center` alone: part of its keys
MIN_SIZE, MAX_SIZE, MAX_FRAMES = 16, 512, 128  # of a stimulus that a person chooses
REFERENCE_HEIGHT = 224  # pixels: lengths in a recipe are given for a picture of this height and scale with the real one


class Speed(StrEnum):
    """A setting of temporal smoothness, from slow variation alone to no constraint on time."""

    SLOW = "slow"
    MEDIUM = "medium"
    FAST = "fast"
    FREE = "free"

    @property
    def chi(self) -> float:
        """Return the weight of the squared temporal derivative in R_TV."""
        return {Speed.SLOW: 64.0, Speed.MEDIUM: 8.0, Speed.FAST: 1.0, Speed.FREE: 0.0}[self]


Objective = Literal["channel", "center", "position"]
Sign = Literal["maximize", "minimize"]
DEFAULT_SPEED = Speed.MEDIUM  # other networks recognise its class stimuli best: docs/method.md


class Recipe(Model):
    """What a person may choose about a visualization; fields that are None are filled in by `resolved`.

    The weights `energy` and `smoothness` are dimensionless: see worker/maximize/objectives.py.
    """

    speed: Speed = Field(default=DEFAULT_SPEED, description="How fast the stimulus may change over time.")
    seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of the start noise and of the jitter.")
    objective: Objective = Field(
        default="channel",
        description="Sum over the activation map, or its central position alone, or another position that `position` "
        "gives.",
    )
    position: Annotated[MapPosition | None, ParsePosition] = Field(
        default=None,
        description="Frame, row and column of the map, from 0,0,0 on, such as 1,3,4. For the objective `position`.",
    )
    sign: Sign = Field(
        default="maximize",
        description="Whether the stimulus raises the activation or lowers it. Units that no ReLU follows, such as the "
        "channels of a residual stream, mean something at both ends.",
    )
    minus: Annotated[OtherUnits | None, ParseUnits] = Field(
        default=None,
        description="Units of the layer whose mean activation is subtracted, such as 3 or 3,17; `others` for all "
        "others.",
    )
    diversity: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="How much the `count` stimuli of a unit must differ: weight of the mean cosine of their features.",
    )
    count: int = Field(
        default=1, ge=1, le=8, description="Stimuli of a unit that differ, computed together with seeds one apart."
    )
    member: int = Field(default=0, ge=0, lt=8, description="Which of these `count` stimuli it is, from 0 on.")
    contrast: float = Field(
        default=0.75,
        ge=0,
        le=1,
        description="Class units only: subtract this share of the log-sum-exp of the others.",
    )
    prior: Literal["pixel", "pink", "fourier"] | None = Field(
        default=None,
        description="What is optimized: pixels, or a spectrum in decorrelated colour, its power 1/f (pink) or "
        "1/f^2 (fourier). If empty, pink for a network with batch normalisation, pixels for others and for `center`.",
    )
    optimizer: Literal["momentum", "adam"] = Field(
        default="momentum", description="Normalised-gradient momentum with a cosine schedule, or Adam."
    )
    steps: int | None = Field(
        default=None, ge=1, le=2048, description="Gradient steps. If empty, 72, and 36 for `center`."
    )
    tolerance: float = Field(
        default=0.0,
        ge=0,
        le=0.1,
        description="Stop a unit once J gains less than this share of its rise from window to window of steps; "
        "0 takes all steps.",
    )
    step_size: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="First step's RMS, in units of the bound. If empty, 0.3 for a network with batch normalisation and "
        "for `center`, 0.17 for others.",
    )
    weight_decay: float = Field(
        default=0.3,
        ge=0,
        le=0.5,
        description="Share of the stimulus that fades at the first step; it falls evenly.",
    )
    weight_decay_until: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="Share of the run after which nothing fades; long runs pile up contrast where it is early.",
    )
    energy: float = Field(default=0.01, ge=0, le=1000, description="Weight of the bounded energy R_B.")
    alpha: float = Field(default=3.0, ge=1, le=12, description="Exponent of R_B.")
    bound: float | None = Field(
        default=None,
        gt=0,
        le=4,
        description="Hard bound on the local norm, times the stream's own. If empty, 1, and 1.5 for `center`.",
    )
    smoothness: float = Field(default=0.01, ge=0, le=1000, description="Weight of the spatiotemporal smoothness R_TV.")
    kappa: float = Field(default=1.0, ge=0, le=1000, description="Weight of space within R_TV.")
    time_weight: float | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="Weight of time within R_TV, times the chi of the speed: 64, 8, 1 and 0 from slow to free. If "
        "empty, 200 where steps are neutral in time, else 1.",
    )
    time_path: Literal["neutral", "smoothed"] = Field(
        default="smoothed",
        description="Whether steps are smoothed over time as well, so that the speed acts on the path more than on J "
        "(smoothed), or the speed acts through J alone (neutral).",
    )
    motion_size: float | None = Field(
        default=None,
        title="Size of motion",
        gt=0,
        le=80,
        description="Mean length of the flow vectors that the stimulus is held to, in px a frame. If empty, the "
        "activation and the bound decide. For networks with a motion stream.",
    )
    bn_prior: float | None = Field(
        default=None,
        title="Feature statistics prior",
        ge=0,
        le=100,
        description="Weight of R_N: features keep means and variances of data: those of the training data that batch "
        "normalisation remembers, or, without it, those that the newest survey measured in layers of two signs. If "
        "empty, 1 with batch normalisation, 0 without. Nothing to `center`, nor to networks without such layers.",
    )
    survey_maxima: Literal["", "unrecorded"] | Sha256 = Field(
        default="",
        description="sha256 of the survey's a_hat, by which J divides activations. If empty, those of the network's "
        "newest survey; without a survey a_hat is 1.",
    )
    feature_statistics: Literal[""] | Sha256 = Field(
        default="",
        description="sha256 of the survey's means and variances that `bn_prior` holds features to. If empty, those of "
        "the network's newest survey, where `bn_prior` uses them.",
    )
    frame_equalization: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far the gradient's contrast is evened out over the frames, so that none stays dull: 0 not at "
        "all, 1 up to ten times. If empty, 1 for a network with batch normalisation, 0 for others and for `center`.",
    )
    focus: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far steps gather where the gradient is strong, so that one thing is drawn and not its texture "
        "all over: 0 not at all, 1 in proportion. If empty, 1 for a network with batch normalisation, 0 for others "
        "and for `center`.",
    )
    center_bias: float | None = Field(
        default=None,
        ge=0,
        le=4,
        description="How much less a gradient counts to `focus` far from the middle of the frame: 0 no less; with 1, "
        "where an edge is nearest, a seventh. If empty, 1 for a network with batch normalisation, 0 for others and for "
        "`center`.",
    )
    jitter: int = Field(
        default=16, ge=0, le=64, description="Random shift at each step, in pixels of a picture 224 high."
    )
    scale: float = Field(default=0.15, ge=0, le=0.5, description="Random zoom at each step, as a share.")
    rotation: float = Field(default=6.0, ge=0, le=45, description="Random rotation at each step, in degrees.")
    blur: float | None = Field(
        default=None,
        ge=0,
        le=16,
        description="Blur of the gradient at the first step, in such pixels. If empty, 8, and 7 for `center`.",
    )
    blur_end: float = Field(
        default=1.5, ge=0, le=16, description="Blur of the gradient at the last step, in such pixels."
    )
    size: int | None = Field(
        default=None, ge=MIN_SIZE, le=MAX_SIZE, description="Height and width; the network's own if empty."
    )
    frames: int | None = Field(
        default=None, ge=1, le=MAX_FRAMES, description="Length of a clip; the network's own if empty."
    )

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

    def resolved(self, card: NetworkCard) -> "ResolvedRecipe":
        """Return the recipe with every open field filled in for a network."""
        defaults = BATCH_NORM_DEFAULTS if card.normalised else DEFAULTS
        if self.is_of_one_position:
            defaults = CENTER_DEFAULTS
        own_size = {"size": card.stimulus.height, "frames": card.stimulus.frames}
        chosen = {name: value for name in Recipe.model_fields if (value := getattr(self, name)) is not None}
        fields = {**defaults, **own_size, **chosen}
        fields.setdefault("time_weight", TIME_WEIGHTS[self.time_path])
        fields["survey_maxima"] = self.survey_maxima or card.survey_maxima
        has_effect = fields["bn_prior"] and not (self.is_of_one_position or card.normalised)
        fields["feature_statistics"] = (self.feature_statistics or card.feature_statistics) if has_effect else ""
        return ResolvedRecipe.model_validate(fields)


RECIPE_FIELD_NAMES = (*Recipe.model_fields, *RENAMED_FIELDS.values())  # the names that are accepted


class ResolvedRecipe(Recipe):
    """The recipe that a result was made with: no field is open, so its key covers everything that was used."""

    prior: Literal["pixel", "pink", "fourier"]
    steps: int
    step_size: float
    blur: float
    bound: float
    time_weight: float
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

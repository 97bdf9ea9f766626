"""A recipe: everything besides network and unit that determines a result, and the words for its fields."""

import hashlib
import json
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field

from app.contract.model import Model
from app.contract.network import NetworkCard

ENGINE = 2  # raised when the same recipe would give another stimulus
CONE = 2  # the same, for `center` alone: as large as the receptive field since 1, shifted by less since 2
HEIGHT = 224  # lengths are given for a picture so many pixels high, and scale with it
# fields added later, and the value that reproduces the old behaviour
LATER: dict[str, object] = {
    "settle": 0.0,
    "nature": 0.0,
    "even": 0.0,
    "focus": 0.0,
    "middle": 0.0,
    "forget_until": 0.75,
}

# what a recipe leaves open: by objective, and over the map by whether the network has batch normalisation, which
# remembers the training data
PLAIN: dict[str, object] = {
    "prior": "pixel",
    "steps": 72,
    "step_size": 0.17,
    "blur": 8.0,
    "bound": 1.0,
    "nature": 0.0,
    "even": 0.0,
    "focus": 0.0,
    "middle": 0.0,
}
NATURAL = {**PLAIN, "prior": "pink", "step_size": 0.3, "nature": 1.0, "even": 1.0, "focus": 1.0, "middle": 1.0}
CENTER = {**PLAIN, "steps": 36, "step_size": 0.3, "blur": 7.0, "bound": 1.5}  # by time to equal reach: docs/method.md


class Speed(StrEnum):
    """Names of temporal smoothness, from only slow variation to time left free."""

    SLOW = "slow"
    MEDIUM = "medium"
    FAST = "fast"
    FREE = "free"

    @property
    def chi(self) -> float:
        """Weight of the squared temporal derivative in R_TV."""
        return {Speed.SLOW: 64.0, Speed.MEDIUM: 8.0, Speed.FAST: 1.0, Speed.FREE: 0.0}[self]


Objective = Literal["channel", "center"]
USUAL = Speed.MEDIUM  # its class stimuli are those that other networks recognise best: docs/method.md


class Recipe(Model):
    """The weights `energy` and `smoothness` are dimensionless: see worker/maximize/objectives.py."""

    speed: Speed = Field(default=USUAL, description="How fast the stimulus may change over time.")
    seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of the start noise and of the jitter.")
    objective: Objective = Field(
        default="channel", description="Sum over the activation map, or its central position alone."
    )
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
    settle: float = Field(
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
    forget: float = Field(
        default=0.3,
        ge=0,
        le=0.5,
        description="Share of the stimulus forgotten at the first step; it falls evenly.",
    )
    forget_until: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="Share of the run after which nothing is forgotten; long runs pile up contrast where it is early.",
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
    nature: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Weight of R_N: features keep the means and variances of the training data, which batch "
        "normalisation remembers. Nothing to a network without it, nor to `center`.",
    )
    even: float | None = Field(
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
    middle: float | None = Field(
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
    size: int | None = Field(default=None, ge=16, le=512, description="Height and width; the network's own if empty.")
    frames: int | None = Field(default=None, ge=1, le=128, description="Length of a clip; the network's own if empty.")

    @property
    def chi(self) -> float:
        return self.speed.chi

    def resolved(self, card: NetworkCard) -> "ResolvedRecipe":
        """With what is left open filled in."""
        own = CENTER if self.objective == "center" else NATURAL if card.normalised else PLAIN
        size = {"size": card.stimulus.height, "frames": card.stimulus.frames}
        return ResolvedRecipe.model_validate({**own, **size, **self.model_dump(exclude_none=True)})


class ResolvedRecipe(Recipe):
    """What a result was made by and is kept under: nothing is left open, so that the key says all that was used."""

    prior: Literal["pixel", "pink", "fourier"]
    steps: int
    step_size: float
    blur: float
    bound: float
    nature: float
    even: float
    focus: float
    middle: float
    size: int
    frames: int

    def resolved(self, card: NetworkCard) -> "ResolvedRecipe":
        return self

    def in_pixels(self, card: NetworkCard, layer: str) -> Self:
        """The same with its lengths in pixels of the stimulus: what is fine for a small network is fine for a large.

        At one position, shift and last blur are in proportion to the receptive field, which they would else outgrow.
        """
        field = card.layer(layer).receptive_field
        fine = min(self.size, max(field.height, field.width)) if self.objective == "center" else self.size
        lengths = {
            "jitter": round(self.jitter * fine / HEIGHT),
            "blur": self.blur * self.size / HEIGHT,
            "blur_end": self.blur_end * fine / HEIGHT,
        }
        return self.model_copy(update=lengths)

    def key(self) -> str:
        """Content hash. A field added later must leave keys of older recipes as they are: hash it only where
        it differs from the value that reproduces the old behaviour.
        """
        body = {"engine": ENGINE, **self.model_dump(mode="json")}
        if self.objective == "center":
            body["cone"] = CONE
        for name, old in LATER.items():
            if body[name] == old:
                del body[name]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    def batch_key(self) -> str:
        """Equal for recipes that can share a batch: all but the seed."""
        return self.model_copy(update={"seed": 0}).key()

"""The fields of a recipe: their values, defaults and descriptions, and how text of forms and commands is read."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.contract.model import Model
from app.contract.network import Sha256

MIN_SIZE, MAX_SIZE, MAX_FRAMES = 16, 512, 128  # of a stimulus that a person chooses
MAX_OTHER_UNITS = 256


def parse_numbers(value: Any) -> list[int] | None:
    """Return the whole numbers from 0 on in `1,3,4` or in a list; None where it holds anything else."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return None
    texts = [str(part).strip() for part in parts]
    return [int(text) for text in texts] if all(text.isdecimal() and len(text) < 10 for text in texts) else None


def parse_position(value: Any) -> Any:
    """Return the three numbers of a position of the map. Raises ValueError."""
    if value is None:
        return None
    numbers = parse_numbers(value)
    if numbers is None or len(numbers) != 3:
        raise ValueError("give frame, row and column of the map, three numbers from 0 on, such as 1,3,4")
    return tuple(numbers)


def parse_units(value: Any) -> Any:
    """Return units in order and each once, so that the same units give the same key. Raises ValueError."""
    if value is None or value == "others":
        return value
    numbers = parse_numbers(value)
    if not numbers or len(numbers) > MAX_OTHER_UNITS:
        raise ValueError(f"name up to {MAX_OTHER_UNITS} units by number, such as 3 or 3,17, or `others`")
    return tuple(sorted(set(numbers)))


Index = Annotated[int, Field(ge=0)]
MapPosition = tuple[Index, Index, Index]  # frame, row and column
OtherUnits = tuple[Index, ...] | Literal["others"]

ParsePosition = BeforeValidator(parse_position, json_schema_input_type=str | MapPosition | None)
ParseUnits = BeforeValidator(parse_units, json_schema_input_type=str | tuple[Index, ...] | None)


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
Prior = Literal["pixel", "pink", "fourier", "figure"]
DEFAULT_SPEED = Speed.MEDIUM  # no other is better by both judges of its class stimuli: docs/method.md


class RecipeFields(Model):
    """The fields alone; `recipe.Recipe` adds their old names and what the fields that are left open become."""

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
    prior: Prior | None = Field(
        default=None,
        description="What is optimized: pixels, or a spectrum in decorrelated colour, its power 1/f (pink) or "
        "1/f^2 (fourier), or a moving scene of appearance and flow (figure: the figure is assumed; pose, motion "
        "and colours are found). If empty: pink for a network with batch normalisation, pixels for others and "
        "for `center`.",
    )
    optimizer: Literal["momentum", "adam"] = Field(
        default="momentum", description="Normalised-gradient momentum with a cosine schedule, or Adam."
    )
    steps: int | None = Field(
        default=None,
        ge=1,
        le=2048,
        description="Gradient steps. If empty, 72, 36 for `center` and with `start_clip`, and 40 for figures.",
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
        description="Hard bound on the local norm, times the stream's own. If empty, 1, 1.5 for `center`, and 0.5 "
        "for the change of a `start_clip`.",
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
    time_path: Literal["neutral", "smoothed"] | None = Field(
        default=None,
        description="Whether the speed acts through J alone (neutral), or steps are smoothed over time as well, so "
        "that it acts on the path more than on J (smoothed). If empty, smoothed for a network with batch "
        "normalisation, neutral for others and for `center`.",
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
        "newest survey; without a survey a_hat is 1, and penalties are weighed by what the unit gains.",
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
    focus_map: Literal["own", "shared"] = Field(
        default="own",
        description="Whether each stream has a focus of its own, or both share one: the geometric mean of the two, so "
        "that what is seen and what moves gather in one place. `shared` is for `focus` above 0, the objective "
        "`channel`, and layers that see both streams.",
    )
    start_clip: Literal[""] | Sha256 = Field(
        default="",
        description="Accentuate a real clip: sha256 of the video of a clip of a data set. The stimulus is that clip "
        "plus a change, and `energy`, `smoothness`, `bound` and `weight_decay` are those of the change. If empty, the "
        "stimulus starts from noise.",
    )
    start_keeps: Literal["amplitude", "phase", "nothing"] = Field(
        default="amplitude",
        description="What an accentuated clip keeps in each frame: no frequency stronger than it is (amplitude), every "
        "phase (phase), or neither. For `start_clip`.",
    )
    likeness: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="How much the layer's other units must respond to the accentuated clip as to the clip: weight of "
        "their relative squared distance. For `start_clip`.",
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

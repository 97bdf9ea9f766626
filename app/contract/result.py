"""Results: the measurements and the rendered media of a stimulus."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from app.contract.model import Model
from app.contract.network import Extent, Sha256
from app.contract.recipe import ResolvedRecipe


class MediaRole(StrEnum):
    """What a medium shows of its visualization or clip.

    All visualizations have poster, loop and raw; one that came in a bundle may be without loop and raw. Clip networks
    have sheet too; two-stream networks have appearance, flow, flow_direction and flow_xy, and frames too where a scene
    with a figure was rendered; accentuated clips have comparison. A real clip has a video instead of a sheet, and flow
    once a network with a motion stream may be surveyed with it.
    """

    POSTER = "poster"  # still for cards; of two streams appearance and motion side by side (before: an inset)
    LOOP = "loop"  # animated; of two streams the appearance carried along the flow, beside the flow (before: alone)
    APPEARANCE = "appearance"  # still
    SHEET = "sheet"  # every frame of a clip, left to right
    FRAMES = "frames"  # every frame of a scene with a figure, left to right
    FLOW = "flow"  # lossless sheet of u (red) and v (green), 8 bits over [-20, 20] px
    FLOW_DIRECTION = "flow_direction"  # animated: hue on white
    FLOW_XY = "flow_xy"  # animated: x, y, magnitude on mid-grey
    RAW = "raw"  # the arrays, .npz
    VIDEO = "video"  # of a real clip: what the network sees of it, .mp4
    COMPARISON = "comparison"  # animated, of an accentuated clip: the clip, the stimulus, what was added


# media types that the project stores, and the extension each has in addresses
EXTENSIONS = {
    "image/webp": "webp",
    "image/png": "png",
    "image/avif": "avif",
    "video/mp4": "mp4",
    "application/zip": "npz",
}


class RenderedMedia(Model):
    """A rendered picture, video or archive that is not stored yet."""

    role: MediaRole
    type: str
    data: bytes = Field(repr=False)
    width: int = 0
    height: int = 0
    frames: int = 1


class MediaRef(Model):
    """A stored medium without its bytes, which are found by its sha256."""

    role: MediaRole
    sha256: Sha256
    type: str
    size: int
    width: int
    height: int
    frames: int


class Measurements(Model):
    """What was measured on a finished stimulus. Formulas: DESIGN's table of measures, worker/maximize/measures.py."""

    activation: float = Field(
        description="of the finished stimulus: its largest, after a following ReLU; its lowest where it was minimized"
    )
    objective: float = Field(description="J of the finished stimulus")
    objective_without: dict[str, float] = Field(
        default_factory=dict,
        description="J with one stream removed (no motion, or a grey frame), by stream; empty where the unit sees one "
        "stream alone, and for results that were made before this was measured",
    )
    a_hat: float | None = Field(
        default=None,
        description="what the activation was divided by in J: the largest over the survey's clips (minus the lowest "
        "where it was minimized), 1 before a survey; None for results that were made before it was recorded",
    )
    probability: float | None = Field(default=None, description="softmax share; class units only")
    reach: float | None = Field(
        default=None,
        description="activation / a_hat of the newest survey, / a_low where it was minimized; None before one",
    )
    motion_energy: dict[str, float] = Field(description="by stream: mean abs temporal difference, standard units")
    motion_magnitude: float | None = Field(
        default=None,
        description="mean length of the flow vectors in px a frame; None without a motion stream, and for results that "
        "were made before this was measured",
    )
    noise: dict[str, float] = Field(
        description="by stream: share of spectral energy above a quarter of the sampling rate"
    )
    clip_activation: float | None = Field(
        default=None, description="of the real clip that an accentuated stimulus starts from, measured as `activation`"
    )
    clip_probability: float | None = Field(default=None, description="that of the clip; class units only")
    clip_change: dict[str, float] = Field(
        default_factory=dict,
        description="by stream: RMS of what was added to the clip, over the RMS of the clip; empty without a clip",
    )
    trace: tuple[float, ...] = Field(description="J at each step")
    seconds: float
    device: str
    seen: Extent | None = Field(
        default=None, description="frames and pixels that the one position of the objective `center` sees"
    )
    trajectories: dict[str, tuple[tuple[float, float], ...]] = Field(
        default_factory=dict,
        description="of the prior `figure`: x and y of each joint in every frame, px from the upper left corner; empty "
        "for others",
    )
    notes: tuple[str, ...] = Field(default=(), description="sentences on how it was computed that a person should know")


def reach(activation: float | None, a_hat: float | None) -> float | None:
    """Return activation / a_hat; None before a survey, and for a unit that no clip activates."""
    return activation / a_hat if activation is not None and a_hat is not None and a_hat > 0 else None


def reach_below(activation: float, a_low: float | None) -> float | None:
    """Return activation / a_low of a stimulus that lowers its unit; None where no survey found a lowest below zero."""
    return activation / a_low if a_low is not None and a_low < 0 else None


class ImportNote(Model):
    """From where a result was imported that was not computed here."""

    file: str = Field(description="name of the bundle")
    source: str = Field(description="address of the server where the bundle was made; empty where it has none")
    imported_at: datetime


class Visualization(Model):
    """A finished stimulus of a unit: its recipe, its measurements and the media that show it."""

    id: int
    network: str
    layer: str
    unit: int
    recipe: ResolvedRecipe
    recipe_key: str
    measurements: Measurements
    media: tuple[MediaRef, ...]
    created_at: datetime
    imported: ImportNote | None = Field(default=None, description="null for a result that was computed here")

    def medium(self, role: MediaRole) -> MediaRef | None:
        return next((medium for medium in self.media if medium.role is role), None)


class MediaContent(Model):
    """The bytes of a medium and their type."""

    type: str
    data: bytes = Field(repr=False)

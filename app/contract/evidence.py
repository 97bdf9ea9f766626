"""What data says of a network: data sets, their clips, and the evidence that a survey gathers for every unit.

Formulas: DESIGN's table of measures, and worker/evidence/.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from app.contract.catalog import Slug
from app.contract.model import Model
from app.contract.result import MediaRef, Role

SPECIFIC = 0.25  # a unit of fewer effective classes than this share of all is specific
GENERIC = 0.6  # one of more than this share is generic
TOP_CLIPS = 9  # kept for every unit


class UnitRole(StrEnum):
    """By effective classes, exp(entropy of the class responses), as a share of all classes."""

    SPECIFIC = "specific"  # below SPECIFIC
    MIXED = "mixed"
    GENERIC = "generic"  # above GENERIC
    DEAD = "dead"  # no clip ever made it positive

    @classmethod
    def of(cls, a_hat: float, effective_classes: float, classes: int) -> "UnitRole":
        if a_hat <= 0:
            return cls.DEAD
        share = effective_classes / classes
        return cls.SPECIFIC if share < SPECIFIC else cls.GENERIC if share > GENERIC else cls.MIXED


class Dataset(Model):
    """A named set of labelled clips. `classes` are those of its labels, in the set's own order."""

    slug: Slug
    title: str
    summary: str = ""
    classes: tuple[str, ...]
    clips: int


class Clip(Model):
    """A clip as a network sees it: its centre, at the network's frame rate. `name` tells it within its data set."""

    id: int
    dataset: str
    name: str
    label: str
    media: tuple[MediaRef, ...]

    def medium(self, role: Role) -> MediaRef | None:
        return next((medium for medium in self.media if medium.role is role), None)


class TopClip(Model):
    """One of a unit's strongest clips, and where in it the peak was."""

    clip: str = Field(description="name within the data set")
    activation: float
    x: float = Field(ge=0, le=1, description="centre of the peak's receptive field, share of the width")
    y: float = Field(ge=0, le=1)
    time: float = Field(ge=0, le=1, description="share of the clip's length; 0.5 where the map has no time")
    trace: tuple[float, ...] = Field(description="largest activation over positions, by time")


class Synergy(Model):
    """(J - A - M + N) / (|J| + |A| + |M| + |N|): responses to both streams, either alone, neither."""

    stimulus: float | None = Field(default=None, description="for the unit's own stimulus")
    clips: float | None = Field(default=None, description="mean over its top clips")
    swap: float | None = Field(
        default=None,
        description="response to the appearance of one top clip with the motion of a clip of another class, as a "
        "share of the response to the clip itself",
    )


class SpeedTuning(Model):
    """Response to motion replayed at `factors` of its speed, as a share of the largest."""

    factors: tuple[float, ...]
    responses: tuple[float, ...]
    octaves: float = Field(description="width at half height: the invariance to speed")


class DirectionTuning(Model):
    """Response to the motion turned by `degrees`, as a share of the largest."""

    degrees: tuple[float, ...]
    responses: tuple[float, ...]
    selectivity: float = Field(description="|sum r e^(i theta)| / sum r")


class UnitEvidence(Model):
    """All that a survey found of one unit. Lists by class are in the order of the network's classes."""

    layer: str
    unit: int
    a_hat: float
    mean: float = Field(description="over clips, of the largest activation over positions")
    firing_rate: float = Field(description="share of the clips in which it is positive somewhere")
    effective_classes: float
    role: UnitRole
    responses: tuple[float, ...] = Field(description="r_c = mean over the clips of class c, of the maximum / a_hat")
    maxima: tuple[float, ...] = Field(description="largest activation over the clips of each class")
    precision: tuple[float, ...] = Field(description="average precision as a detector of each class")
    top_clips: tuple[TopClip, ...]
    synergy: Synergy | None = None
    speed: SpeedTuning | None = None
    direction: DirectionTuning | None = None
    alike: tuple[tuple[int, float], ...] = Field(
        default=(), description="units of the layer whose responses over clips correlate most, with the correlation"
    )


class Survey(Model):
    """A finished pass of a data set through a network. Visible only when whole."""

    id: int
    network: str
    dataset: str
    clips: int
    skipped: tuple[str, ...] = Field(description="clips that could not be read")
    accuracy: float
    recall: tuple[float, ...] = Field(description="share of the clips of each class that are taken for it")
    confusion: tuple[tuple[int, ...], ...] = Field(description="clips of the row's class taken for the column's")
    seconds: float
    created_at: datetime

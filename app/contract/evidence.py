"""The evidence that a survey measures for every unit of a network.

Formulas: DESIGN's table of measures, and worker/evidence/. What a survey finds of a whole network is in survey.py.
"""

from pydantic import Field

from app.contract.coding import UnitCodingEvidence
from app.contract.interaction import UnitInteraction
from app.contract.invariance import MotionTuning
from app.contract.model import Model
from app.contract.necessity import UnitNecessity
from app.contract.unit import UnitRole, UnitSummary

TOP_CLIPS_PER_UNIT = 9  # stored with each unit: the clips that raise it most; with two signs, as many that lower it
TOP_CLASSES_PER_UNIT = 8  # stored with each unit, to be searched by: the classes that it detects best
CLASS_ATTRIBUTIONS_PER_UNIT = 8  # stored with each unit: the classes whose logits it changes most


class TopClip(Model):
    """One of the clips that raise a unit most, or that lower it most, and where in it the peak was."""

    clip: str = Field(description="name within the data set")
    activation: float
    x: float = Field(ge=0, le=1, description="centre of the peak's receptive field, share of the width")
    y: float = Field(ge=0, le=1)
    time: float = Field(ge=0, le=1, description="share of the clip's length; 0.5 where the map has no time")
    trace: tuple[float, ...] = Field(
        description="largest activation over positions, by time; the lowest for a clip that lowers the unit"
    )


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


class ClassAttribution(Model):
    """What a unit adds to a class's logit, averaged over its strongest clips: worker/evidence/class_attributions.py."""

    class_index: int
    weight: float | None = Field(description="of the last layer before the classes: from the unit to the logit")
    share: float = Field(description="what the unit adds to the logit: gradient x activation, over positions")
    effect: float = Field(description="by how much the logit falls where the unit is silenced")


class UnitEvidence(Model):
    """Everything that a survey measured for one unit; lists by class are in the order of the network's classes.

    In a network without classes these are empty.
    """

    layer: str
    unit: int
    a_hat: float
    mean: float = Field(description="over clips, of the largest activation over positions")
    firing_rate: float = Field(description="share of the clips in which it is positive somewhere")
    effective_classes: float | None = Field(description="null in a network without classes")
    role: UnitRole | None = Field(description="null for a live unit of a network without classes")
    responses: tuple[float, ...] = Field(description="r_c = mean over the clips of class c, of the maximum / a_hat")
    maxima: tuple[float, ...] = Field(description="largest activation over the clips of each class")
    precision: tuple[float, ...] = Field(description="average precision as a detector of each class")
    top_clips: tuple[TopClip, ...]
    a_low: float | None = Field(
        default=None, description="lowest activation over the clips, of units with two signs; else null"
    )
    bottom_clips: tuple[TopClip, ...] = Field(
        default=(), description="the clips that lower it most, lowest first; none for units without two signs"
    )
    synergy: Synergy | None = None
    speed: SpeedTuning | None = None
    direction: DirectionTuning | None = None
    coding: UnitCodingEvidence | None = Field(
        default=None, description="whether it codes what is static, dynamic or both; null where that was not measured"
    )
    motion: MotionTuning | None = Field(
        default=None, description="null in surveys from before this was measured; it takes the place of `speed`"
    )
    class_attributions: tuple[ClassAttribution, ...] = Field(
        alias="feeds", default=(), description="the classes whose logits it changes most, where that was measured"
    )
    interaction: UnitInteraction | None = Field(
        default=None, description="how it puts two streams together; null before they meet and where not measured"
    )
    correlated_units: tuple[tuple[int, float], ...] = Field(
        alias="alike",
        default=(),
        description="units of the layer whose responses over clips correlate most, with the correlation",
    )
    necessity: UnitNecessity | None = Field(
        default=None, description="what silencing it changes, where that was measured"
    )
    label_responses: tuple[float, ...] = Field(
        default=(),
        exclude=True,
        description="of a network without classes: r_c of the data set's labels, for the map; it is not stored",
    )


class UnitOfClass(Model):
    """A unit as a detector of a class."""

    unit: UnitSummary
    precision: float
    response: float


class UnitOfClip(Model):
    """A unit that has a clip among the few that excite it most."""

    unit: UnitSummary
    rank: int = Field(description="of the clip among these, 0 for the strongest")
    activation: float

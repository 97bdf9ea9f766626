"""What units and layers keep when the speed and the direction of motion change, and how abstract they are.

Formulas: worker/evidence/motion_tuning.py, gratings.py, cross_speed.py and best_precision.py.
"""

from typing import Literal

from pydantic import Field

from app.contract.interval import Interval
from app.contract.model import Model


class MotionTuning(Model):
    """How a unit's response depends on the motion in its strongest clips, and in gratings.

    Responses are what motion adds to the response without motion (of a unit that motion lowers, what it takes away).
    A unit that motion moves by less than 10 % has no curves.
    """

    clips: int = Field(description="of its strongest, shown with changed motion")
    motion_share: float | None = Field(
        default=None, description="share of the response that motion adds, from -1 to 1; null where no clip was shown"
    )
    gains: tuple[float, ...] = Field(default=(), description="factors by which the flow is multiplied")
    gain_responses: tuple[float, ...] = Field(default=(), description="as a share of the response to the clip itself")
    gain_slope: Interval | None = Field(
        default=None,
        description="d log response / d log gain: 1 for a linear unit, 0 for one to which the size of motion does not "
        "matter; both ends are the value where fewer than four independent clips give no interval",
    )
    slope_groups: int = Field(default=0, description="independent clips behind the slope")
    rates: tuple[float, ...] = Field(default=(), description="factors by which time is played faster")
    rate_responses: tuple[float | None, ...] = Field(
        default=(), description="as a share of that to rate 1; null where no clip is long enough"
    )
    preferred_rate: float | None = None
    rate_octaves: float | None = Field(default=None, description="width of the rate curve at half height")
    censored_below: bool = Field(
        default=False, description="whether the curve stays above half height down to the lowest rate shown"
    )
    censored_above: bool = False
    direction: float | None = Field(
        default=None, description="preferred direction of gratings, degrees clockwise from the right"
    )
    direction_responses: tuple[float, ...] = Field(
        default=(), description="mean over gratings of each of eight directions, as a share of the largest"
    )
    selectivity: float | None = Field(default=None, description="|sum r e^(i d)| / sum r over directions d of gratings")
    selectivity_p_value: float | None = Field(default=None, description="of as much under shuffled directions")
    grating_speed: float | None = Field(default=None, description="of the speeds shown, that it prefers: px a frame")
    grating_frequency: float | None = Field(default=None, description="of those shown: cycles a frame")

    @property
    def is_moved(self) -> bool:
        """Whether motion moves the unit by 10 % or more, so that it has curves."""
        return bool(self.gain_responses or self.rate_responses)


class SharedUnderChange(Model):
    """What a layer shares between clips and the same clips with changed motion."""

    kind: Literal["speed", "direction"]
    amount: float = Field(description="factor of the speed, or degrees")
    clips: int
    same_class: Interval = Field(
        description="share of changed clips whose nearest unchanged clip, of another group, has the same class"
    )
    within: Interval = Field(description="the same of unchanged clips")
    still: Interval = Field(description="the same of clips without motion: what appearance alone finds")
    beyond_still: Interval = Field(description="same_class less still")
    chance: float = Field(description="same_class on average under shuffled labels")
    chance_high: float = Field(description="95th percentile of that")
    same_clip: Interval = Field(description="share of changed clips whose nearest unchanged clip is the clip itself")
    decoded: Interval = Field(
        description="share of left-out changed clips with the nearest class mean of unchanged ones"
    )
    decoded_within: Interval
    decoded_chance: float
    told_apart: Interval = Field(description="area under the ROC curve that tells changed from unchanged clips")
    cka: float


class LayerGain(Model):
    """How the units of a layer respond to the size and to the rate of motion."""

    live: int = Field(description="units that were shown a clip that makes them positive")
    moved: int = Field(description="of these, units that motion moves by 10 % or more; only they have curves")
    slope: Interval | None = Field(default=None, description="median over these; null without a motion stream")
    prefer_rate: tuple[tuple[float, int], ...] = Field(default=(), description="rates, and units that prefer each")
    octaves: float | None = Field(default=None, description="median width of the rate curves")
    censored: int = Field(default=0, description="units whose rate curve is open at an end: the width is a lower bound")
    direction_selective: int = Field(
        default=0, description="units selective for a direction of gratings, at most 5 % false discoveries"
    )
    grating_excited: int = Field(default=0, description="units that any grating excites")


class LayerAbstraction(Model):
    """How many units of a layer detect a class better than under shuffled labels."""

    live: int
    best: float = Field(description="mean over live units of the best average precision")
    chance: float = Field(description="the same under shuffled labels")
    chance_high: float = Field(description="95th percentile of a unit's best under shuffled labels")
    above: int = Field(description="live units above it")
    detectors: int = Field(description="units that chance does not explain, at most 5 % false discoveries")
    share: Interval = Field(description="of the live units, detectors")


class LayerInvariance(Model):
    """What was measured of one layer, and of the same layer with the network's weights shuffled."""

    layer: str
    stream: str
    units: int
    changes: tuple[SharedUnderChange, ...] = ()
    control_changes: tuple[SharedUnderChange, ...] = ()
    gain: LayerGain | None = None
    control_gain: LayerGain | None = None
    abstraction: LayerAbstraction | None = None
    control_abstraction: LayerAbstraction | None = None


class DepthChange(Model):
    """The difference of a measure between the last and the first layer, and of that from the control."""

    measure: Literal["speed", "direction", "gain", "abstraction", "decoding"]
    first: str
    last: str
    change: Interval = Field(description="last less first")
    control: Interval | None = Field(
        default=None,
        description="the same with the network's weights shuffled; of the gain, of networks with weights drawn anew "
        "and thresholds matched, where there are any",
    )
    beyond_control: Interval | None = None
    p_value: float | None = Field(
        default=None,
        description="of as much beyond the control, one-sided; of the change itself where the control has no value",
    )
    chance: Interval | None = Field(default=None, description="the same under shuffled labels")
    n: int
    counted: str
    kept: tuple[str, ...] = Field(
        default=(), description="names of clips of which the last layer keeps the class when the motion is changed"
    )
    lost: tuple[str, ...] = Field(default=(), description="names of clips of which it does not")


class SpeedPair(Model):
    """How well two classes that differ by speed alone are told apart in a layer: areas under the ROC curve."""

    first: str
    second: str
    layer: str
    clips: int
    separated: Interval
    control: Interval | None = None


class InvarianceFacts(Model):
    """What a network keeps when motion changes, by layer."""

    seed: int
    clips: int = Field(description="whose motion was changed to compare layers")
    classes: int
    groups: int
    compared_groups: int | None = Field(
        default=None,
        description="classes that are drawn where layers are compared, or of fewer than six classes the groups of "
        "clips; null in surveys of earlier versions, which compared clips of all classes",
    )
    resampled: Literal["classes", "groups"] = Field(
        description="what was drawn for intervals: classes, or groups of clips where there are fewer than six classes"
    )
    sees_motion: bool = Field(description="false for a network of single frames, of which only abstraction is measured")
    has_gain: bool = Field(description="whether a motion stream can be shown other displacements at the same rate")
    clipped: tuple[tuple[float, float], ...] = Field(
        default=(), description="gains, and the share of flow vectors that each takes beyond what the data can hold"
    )
    slope_gains: tuple[float, ...] = Field(default=(), description="gains that the slopes are computed from")
    too_short: tuple[tuple[float, int], ...] = Field(
        default=(), description="rates, and clips that were left out because they are too short"
    )
    grid_clips: int = Field(default=0, description="clips that were changed for single units")
    redrawn: int = Field(
        default=0,
        description="networks with weights drawn anew, the control of the gain slope; 0 where weights are shuffled",
    )
    shuffles: int = 0
    draws: int = 0
    layers: tuple[LayerInvariance, ...] = ()
    depth: tuple[DepthChange, ...] = ()
    pairs: tuple[SpeedPair, ...] = ()

    def layer(self, name: str) -> LayerInvariance | None:
        return next((layer for layer in self.layers if layer.layer == name), None)

    def depth_of(self, measure: str) -> DepthChange | None:
        return next((each for each in self.depth if each.measure == measure), None)

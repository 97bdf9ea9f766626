"""Which units a network needs: what silencing them changes. Formulas: worker/evidence/necessity.py."""

from pydantic import Field

from app.contract.interval import Interval
from app.contract.model import Model

MIN_MARGIN_FALL = 0.1  # standard deviations of the margin: less could change no more than 4 % of a class's answers
SEVERAL_CLASSES = 3  # two may be one pair that a unit keeps apart; a network of two classes has no generic units
MIN_CHANGED_GROUPS = 5  # all of them worse has p = 1/32; of four, 1/16, which is never below 5 %


class ClassNeed(Model):
    """What silencing a unit changes for one class."""

    class_index: int
    clips: int
    recall: float = Field(description="share of the class's clips that are classified correctly")
    recall_change: Interval = Field(description="of that share, without the unit less with it")
    margin_change: Interval = Field(
        description="of the mean margin of the class's clips (its logit less the largest other), in standard "
        "deviations of the margin over all clips"
    )
    needed: bool = Field(
        description="whether the margin falls significantly, and by a tenth of a standard deviation at least"
    )
    loses_recall: bool = Field(description="whether the recall falls significantly")


class UnitNecessity(Model):
    """What silencing one unit changes."""

    accuracy_change: Interval = Field(description="of the share of all clips that are classified correctly")
    needed_by: int = Field(description="classes that need it")
    classes: tuple[ClassNeed, ...] = Field(description="those whose margin or recall falls significantly, most first")


class NeedCounts(Model):
    """How many of the silenced units classes need, and how many change what is recognised."""

    one: int = Field(description="units that one class alone needs")
    two: int
    several: int = Field(description="units that three classes or more need: generic units")
    losing_recall: int = Field(description="units without which the recall of some class falls significantly")


class DetectorNeed(Model):
    """What silencing the best detectors of a class costs it, more than silencing as many other units of the layer.

    Means over classes; `size` units are silenced together.
    """

    size: int
    classes: int
    recall: Interval = Field(description="fall of the class's recall, less the fall without the other units")
    margin: Interval = Field(description="the same of its mean margin, in standard deviations")
    p_value: float = Field(description="of a fall of the margin this large where detectors and others are exchanged")
    null: Interval = Field(description="mean and 95 % of the difference of margins where they are exchanged")
    control: Interval | None = Field(default=None, description="the margin's of the network with shuffled weights")


class LayerNecessity(Model):
    """What silencing single units of a layer changes."""

    layer: str
    units: int
    live: int = Field(description="units that some clip moves; the others have no effect")
    measured: int = Field(description="live units that were silenced: all of them, or a random sample")
    counts: NeedCounts
    control: NeedCounts | None = Field(default=None, description="of the same layer with shuffled weights")
    control_measured: int = 0
    detectors: DetectorNeed | None = None
    selectivity_correlation: Interval | None = Field(
        default=None,
        description="over units, rank correlation of selectivity (1 - effective classes / all) with the fall of the "
        "mean margin over all clips",
    )


class NeededUnit(Model):
    """A unit that classes need, and what its silencing costs them."""

    layer: str
    unit: int
    classes: tuple[int, ...] = Field(description="that need it, most first")
    margin_change: float = Field(description="of the first, in standard deviations")
    recall_change: float = Field(description="of the first")


class NeedTest(Model):
    """A number of units, beside what chance and the control give."""

    units: int
    measured: int
    share: Interval = Field(description="of the silenced units")
    null: Interval = Field(description="share of the silenced units by chance: mean, and 95 % of the draws")
    p_value: float
    control: Interval | None = Field(default=None, description="share of the control's silenced units, with interval")
    difference: Interval | None = Field(default=None, description="of the shares, from the control")


class Necessity(Model):
    """What silencing units changes in a network, over all measured layers."""

    clips: int
    groups: int = Field(description="of clips that are not independent of each other")
    classes: int = Field(description="with clips")
    tested_classes: int = Field(description="with five groups at least")
    margin_deviation: float = Field(description="of the margin over all clips, in logits")
    layers: tuple[LayerNecessity, ...] = ()
    not_measured: tuple[str, ...] = Field(default=(), description="layers that cost too many forward passes")
    never_predicted: tuple[int, ...] = Field(
        default=(), description="classes with clips that the network never predicts"
    )
    one_class: NeedTest | None = None
    several_classes: NeedTest | None = None
    recall: NeedTest | None = None
    detectors: DetectorNeed | None = Field(default=None, description="mean over the layers")
    selectivity_correlation: Interval | None = Field(default=None, description="mean over the layers")
    correlation_p_value: float | None = None
    correlation_control: Interval | None = None
    strongest_one: tuple[NeededUnit, ...] = Field(default=(), description="of the units that one class alone needs")
    strongest_several: tuple[NeededUnit, ...] = Field(default=(), description="of the generic units")
    control_measured: int | None = Field(default=None, description="units of the control that were silenced")
    passes: float = Field(default=0.0, description="forward passes for each clip, without the control's")
    seed: int = 0

"""How a network with two streams puts them together: interaction of units by layer, classes that need both streams.

Formulas: worker/evidence/interaction.py and worker/evidence/pair_separation.py.
"""

from typing import Literal

from pydantic import Field

from app.contract.interval import Interval
from app.contract.model import Model


class UnitInteraction(Model):
    """The share of the variance of a unit's response that neither stream explains by itself."""

    share: Interval
    null: float = Field(description="the same of an additive unit behind the same threshold")
    exceeds_control: bool | None = Field(
        description="whether share less null is above that of 95 % of the control's units; null without a control"
    )


class LayerInteraction(Model):
    """How the units of one layer put the two streams together, over real appearances with real motions."""

    layer: str
    units: int = Field(description="units counted: those that vary, and are positive in some of the combinations")
    left_out: int = Field(description="other units of the layer")
    before: float = Field(description="share of interaction before a ReLU, at single positions: 0 where the layer adds")
    adds: bool = Field(description="whether `before` is 0 up to rounding")
    share: Interval = Field(description="of interaction in the variance of a unit's response; mean over units")
    null: Interval = Field(description="the same of additive units behind the same threshold")
    beyond: Interval = Field(description="share less null")
    control: Interval | None = Field(
        default=None, description="the same, with the weights after the streams drawn anew; null where not measured"
    )
    above: Interval | None = Field(
        default=None, description="share of the units whose share less null is above that of 95 % of the control's"
    )
    p_value: float | None = Field(default=None, description="one-sided, that `above` is no more than 5 %")
    shuffled: float | None = Field(
        default=None, description="share less null with all weights shuffled; null where its units do not vary"
    )


class OutputInteraction(Model):
    """The share of interaction in the variance of the class outputs, over all classes."""

    logits: Interval = Field(description="of the logits less their mean over classes; late fusion has 0")
    appearance: Interval = Field(description="share that appearance explains by itself")
    motion: Interval = Field(description="share that motion explains by itself")
    control: Interval | None = Field(default=None, description="of the logits, with weights drawn anew")
    difference: Interval | None = Field(default=None, description="of the logits from the control")
    p_value: float | None = Field(default=None, description="one-sided, of a difference this large")
    probabilities: Interval = Field(description="of the probabilities of the classes")
    late_fusion: Interval = Field(description="of the probabilities where each stream votes by itself")


class StreamAccuracies(Model):
    """Accuracies of both streams, and of each one with the other stream of other clips."""

    clips: int
    groups: int = Field(description="independent groups of clips")
    fused: Interval
    appearance: Interval
    motion: Interval
    late_fusion: Interval = Field(description="of the product of what each stream predicts")
    best_alone: Literal["appearance", "motion", "late_fusion"] = Field(description="the best of the other three")
    gain: Interval = Field(description="of both streams over the best of the other three")
    p_value: float = Field(description="one-sided, that both streams are no better than each of the other three")
    chance: float = Field(description="mean accuracy of the better stream alone under shuffled labels")
    p_appearance: float = Field(
        description="of appearance alone this accurate under shuffled labels, and with outputs assigned to classes at "
        "random; the larger of the two"
    )
    p_motion: float = Field(description="the same of motion alone")
    names: tuple[str, ...] = Field(default=(), description="of some clips that only both streams together get right")


class PairSeparation(Model):
    """How well both streams, and each alone, tell two classes apart; the areas under the ROC curve, 0.5 is chance.

    P-values are corrected for the number of pairs (Benjamini and Hochberg 1995).
    """

    classes: tuple[int, int]
    clips: int
    groups: int
    fused: Interval
    appearance: Interval
    motion: Interval
    gain: Interval = Field(description="of both streams over the better one alone")
    lead: Interval = Field(description="of appearance over motion")
    p_both: float = Field(description="that the two streams' interaction says nothing of the class: labels shuffled")
    p_one: float = Field(description="that the better stream alone says nothing of the class: labels shuffled")
    names: tuple[str, ...] = Field(description="of some of its clips, those with the most interaction first")


class InteractionFacts(Model):
    """What combinations of the appearance of real clips with the motion of others show of a network."""

    reason: str = Field(default="", description="why nothing was measured; empty where something was")
    appearances: int = 0
    motions: int = 0
    groups: int = Field(default=0, description="independent groups of clips behind the combinations")
    redrawn: int = Field(default=0, description="networks whose weights after the streams were drawn anew")
    layers: tuple[LayerInteraction, ...] = ()
    omitted: tuple[str, ...] = Field(default=(), description="layers whose maps are too large to be measured")
    outputs: OutputInteraction | None = None
    accuracies: StreamAccuracies | None = None
    pairs_asked: int = Field(default=0, description="pairs of classes that have enough clips")
    pairs_left_out: int = Field(default=0, description="pairs of a class with too few clips")
    pairs: tuple[PairSeparation, ...] = ()

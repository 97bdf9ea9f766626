"""What units code: what is static in a clip, what is dynamic, both, or neither.

After Kowal, Siam, Islam, Bruce, Wildes and Derpanis, CVPR 2022 (arXiv 2206.02846). Formulas: worker/evidence/coding.py.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from app.contract.interval import Interval
from app.contract.model import Model


class UnitCoding(StrEnum):
    """What two clips must share for a unit to respond alike to them."""

    STATIC = "static"  # appearance: how people and places look
    DYNAMIC = "dynamic"  # motion
    JOINT = "joint"  # either one
    RESIDUAL = "residual"  # neither

    @property
    def meaning(self) -> str:
        """What it says of a unit, as a sentence."""
        return {
            UnitCoding.STATIC: "It responds alike to clips that look alike, and motion matters little.",
            UnitCoding.DYNAMIC: "It responds alike to clips that move alike, and how they look matters little.",
            UnitCoding.JOINT: "Both how clips look and how they move decide its responses.",
            UnitCoding.RESIDUAL: (
                "Neither the look nor the motion of clips alone makes its responses alike: it asks for certain "
                "combinations, or for what neither changes."
            ),
        }[self]


PairKind = Literal["exact", "swapped", "restyled"]  # given by the data set; streams swapped; clips changed


class UnitCorrelation(Model):
    """How alike a unit responds to pairs of clips that share something, beside pairs that do not share it."""

    shared: float = Field(description="correlation over the pairs that share it")
    not_shared: float = Field(description="correlation over pairs of the same kind that do not share it: the null")
    difference: Interval = Field(description="of the two, with the interval from resampled groups of clips")
    p_value: float = Field(description="of a difference this large, where the two pairs of each clip are exchanged")


class UnitCodingEvidence(Model):
    """What one unit codes, and the correlations that say so."""

    kind: UnitCoding
    static: UnitCorrelation
    dynamic: UnitCorrelation
    pairs: int = Field(description="clips with their partners")
    pair_kind: PairKind | None = Field(default=None, description="how pairs were made, as in NetworkCoding.pairs")


class CodingShares(Model):
    """The shares of a layer's live units by what they code."""

    static: Interval
    dynamic: Interval
    joint: Interval
    residual: Interval


class ChanceShares(Model):
    """The same on average where the pairs of each clip are exchanged at random."""

    static: float
    dynamic: float
    joint: float


class LayerCoding(Model):
    """What the live units of a layer code, beside chance and a network without training."""

    layer: str
    units: int
    live: int = Field(description="units whose responses differ between clips; shares are of these")
    is_counted: bool = Field(
        default=False, description="whether it is among the hidden layers that are counted together"
    )
    by_architecture: bool = Field(
        description="whether the layer sees one of two streams alone, so that swapping them can show nothing else"
    )
    shares: CodingShares
    chance: ChanceShares
    control: CodingShares | None = Field(
        default=None, description="of the network with its weights shuffled; null where not measured"
    )
    control_live: int | None = None
    joint_difference: Interval | None = Field(default=None, description="of the joint share, from the control")
    joint_p_value: float | None = Field(default=None, description="of a difference this large, one-sided")
    control_lean: Interval | None = Field(default=None, description="static share less dynamic share of the control")
    lean_difference: Interval | None = Field(
        default=None, description="of the static share less the dynamic one, from the control"
    )
    lean_p_value: float | None = Field(default=None, description="of a difference this far from zero, two-sided")
    lean: Interval = Field(description="static share less dynamic share")
    static_correlation: float = Field(description="mean over the live units: pairs that share what is static")
    dynamic_correlation: float = Field(description="mean over the live units: pairs that share what is dynamic")
    published: tuple[float, float, float, float] | None = Field(
        default=None,
        description="shares static, dynamic, joint and residual by the published rule: correlations above 0.5, no null",
    )


class NetworkCoding(Model):
    """What the units of a network code, by layer and over all layers that could have come out otherwise."""

    pairs: PairKind | None = Field(
        description="how pairs were made: given by the data set, by swapping streams, or by changing clips"
    )
    clips: int
    groups: int
    seed: int
    controls: int = Field(default=1, description="networks with weights shuffled apart; 1 in surveys made before")
    layers: tuple[LayerCoding, ...] = ()
    hidden: LayerCoding | None = Field(
        default=None,
        description="all hidden layers together that see both what is static and what is dynamic; null without any",
    )
    examples: tuple[str, ...] = Field(default=(), description="names of some of the clips that have partners")
    reason: str | None = Field(default=None, description="why nothing could be measured")

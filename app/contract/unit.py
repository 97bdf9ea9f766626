"""Units of a network: their roles, and how listings and drawings show them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from app.contract.coding import UnitCoding
from app.contract.model import Model
from app.contract.network import Sha256

SPECIFIC_BELOW = 0.25  # share of all classes: a unit with fewer effective classes is specific
GENERIC_ABOVE = 0.6  # share of all classes: a unit with more effective classes is generic
MIN_DETECTION_PRECISION = 0.5  # average precision: with less for its best class, a unit detects no class
FEW_CLASSES = 5  # with fewer, a quarter of the classes is not even one, and half the precision is close to chance


def specific_below(classes: int) -> float:
    """Return the share of the classes that the effective classes of a specific unit stay below.

    One of fewer than five classes is more than a quarter of them: a unit is specific below 1.25 effective classes.
    """
    return max(SPECIFIC_BELOW, 1.25 / max(1, classes))


def generic_above(classes: int) -> float:
    """Return the share of the classes that the effective classes of a generic (unselective) unit exceed.

    Of fewer than five classes, 60 % of the way from one class to all: 1.6 effective classes of two.
    """
    return GENERIC_ABOVE if classes >= FEW_CLASSES else (1 + GENERIC_ABOVE * (classes - 1)) / max(1, classes)


def min_detection_precision(classes: int) -> float:
    """Return the average precision from which on a unit detects a class.

    Of fewer than five classes, half way from chance (one clip in `classes` is of it) to 1.
    """
    return MIN_DETECTION_PRECISION if classes >= FEW_CLASSES else (1 + 1 / max(1, classes)) / 2


class UnitRole(StrEnum):
    """The role of a unit, by its effective classes, exp(entropy of the class responses), as a share of all classes."""

    SPECIFIC = "specific"  # below `specific_below`
    MIXED = "mixed"
    GENERIC = "generic"  # above `generic_above`; pages say "unselective", for classes need not need such a unit
    DEAD = "dead"  # no clip ever made it positive

    @property
    def label(self) -> str:
        """The role in words."""
        return "unselective" if self is UnitRole.GENERIC else self.value

    @classmethod
    def of(cls, a_hat: float, effective_classes: float, classes: int) -> "UnitRole | None":
        """Return the role of a unit; `classes` is the number of classes that have clips; None where there are none."""
        if a_hat <= 0:
            return cls.DEAD
        if not classes:
            return None
        share = effective_classes / classes
        if share < specific_below(classes):
            return cls.SPECIFIC
        return cls.GENERIC if share > generic_above(classes) else cls.MIXED


class UnitSummary(Model):
    """A unit in a listing. `label` is the class name for units of the layer `class`, else empty.

    What a survey measures is None before the first survey.
    """

    network: str
    layer: str
    stream: str
    index: int
    label: str
    a_hat: float | None
    a_low: float | None = Field(default=None, description="lowest activation over data, of layers with two signs")
    role: UnitRole | None = None
    effective_classes: float | None = None
    coding: UnitCoding | None = Field(default=None, description="whether it codes appearance, motion, both or neither")
    needed_by: int | None = Field(default=None, description="number of classes that need it; null where not measured")
    detects: int | None = Field(
        default=None,
        description=f"number of its best class, where its average precision is at least {MIN_DETECTION_PRECISION}",
    )
    precision: float | None = Field(default=None, description="average precision for that class, in listings")
    reach: float | None = Field(default=None, description="activation of its strongest stimulus / a_hat")
    map_x: float | None = Field(
        default=None, description="position on the map, in [0, 1]: similar units lie close together"
    )
    map_y: float | None = None
    activation: float | None = Field(default=None, description="of its strongest stimulus")
    visualizations: int
    poster: Sha256 | None
    loop: Sha256 | None
    clip: Sha256 | None = Field(
        default=None,
        description="in listings, for a unit without poster: still picture of the clip that excites it most",
    )


class Thumbnail(NamedTuple):
    """A unit's still picture and its animated one."""

    poster: Sha256 | None
    loop: Sha256 | None


@dataclass(frozen=True)
class UnitThumbnail:
    """A unit with its thumbnail, as a drawing of its layer shows it."""

    layer: str
    index: int
    label: str
    poster: Sha256 | None
    loop: Sha256 | None


class MapPoint(NamedTuple):
    """A unit as a point of the map; a plain tuple, because a map has thousands and none is sent as JSON."""

    layer: str
    unit: int
    label: str
    stream: str
    role: str | None
    x: float
    y: float
    poster: Sha256 | None
    coding: str | None = None


class UnitMap(NamedTuple):
    """The units that pass the filters and have a position on the map, or every `one_of`-th of each layer."""

    points: tuple[MapPoint, ...]
    one_of: int

"""Confusions of classes, and the units that respond to both classes of a pair.

Computed by app/analysis/confusions.py and app/store/surveys.
"""

from pydantic import Field

from app.contract.model import Model
from app.contract.unit import UnitSummary

SIMILAR_RESPONSE_RATIO = 0.8  # two responses are similar where the smaller is at least this share of the larger
MIN_RESPONSE = 0.05  # a unit responds to a class where its response is at least this


class Confusion(Model):
    """How many clips of one class are taken for another."""

    actual: str
    predicted: str
    clips: int
    total: int = Field(description="clips of the class")

    @property
    def rate(self) -> float:
        return self.clips / self.total if self.total else 0.0


class ConfusedPair(Model):
    """Two classes that are taken for each other. `forward` is the direction of the larger share."""

    forward: Confusion
    reverse: Confusion

    @property
    def clips(self) -> int:
        return self.forward.clips + self.reverse.clips

    @property
    def rate(self) -> float:
        """Return the mean of the two shares."""
        return (self.forward.rate + self.reverse.rate) / 2


class UnitOfPair(Model):
    """A unit's responses `a` and `b` to two classes, as shares of its largest activation."""

    unit: UnitSummary
    a: float
    b: float

    @property
    def difference(self) -> float:
        return self.a - self.b


class LayerOfPair(Model):
    """How a layer responds to two classes.

    It counts the units whose response to either class is at least MIN_RESPONSE of their largest activation.
    """

    layer: str
    stream: str
    units: int = Field(description="number compared: of large layers every n-th")
    responding: int = Field(alias="answering")
    similar: int = Field(
        alias="alike",
        description=f"of these, those whose smaller response is {SIMILAR_RESPONSE_RATIO} of the larger or more",
    )
    usual_share: float | None = Field(
        alias="usual", description="mean share of similar units, for the first class and each of some other classes"
    )
    median_ratio: float | None = Field(alias="smaller", description="smaller response / larger response, median")


class Pair(Model):
    """The units that separate two classes, those that respond to both, and how whole layers respond to them."""

    separating: tuple[UnitOfPair, ...] = Field(description="largest |r_a - r_b| first")
    shared: tuple[UnitOfPair, ...] = Field(
        description="both high and similar: largest 2 min(r_a, r_b) - max(r_a, r_b) first"
    )
    layers: tuple[LayerOfPair, ...] = Field(
        default=(), description="the last layer before the classes, then the last of each stream"
    )


class SharedUnit(Model):
    """A generic unit that responds to a class. `others` are the indices of other classes that it detects best."""

    unit: UnitSummary
    response: float
    others: tuple[int, ...]

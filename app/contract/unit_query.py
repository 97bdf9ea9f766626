"""The filters and the order of the explorer, and the page of units that they give."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from app.contract.model import Model, Paginated
from app.contract.necessity import SEVERAL_CLASSES
from app.contract.unit import UnitSummary


def parse_region(region: str) -> tuple[float, float, float, float]:
    """Return x0, y0, x1, y1 of a part of the map, in [0, 1]. Raises ValueError."""
    try:
        x0, y0, x1, y1 = (float(number) for number in region.split(","))
    except ValueError as error:
        raise ValueError("write x0,y0,x1,y1, such as 0.2,0.3,0.5,0.6") from error
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise ValueError("x0 < x1 and y0 < y1 lie between 0 and 1: the left, upper, right and lower edge")
    return x0, y0, x1, y1


def validate_region(region: str) -> str:
    """Return the region unchanged. Raises ValueError where it is not one."""
    parse_region(region)
    return region


Region = Annotated[str, StringConstraints(max_length=100), AfterValidator(validate_region)]


NeededBy = Literal["one", "two", "several"]  # classes; several are SEVERAL_CLASSES or more


def needed_by_choice(classes: int | None) -> NeededBy | None:
    """Return how many classes need a unit as the filter says it; None for a unit that none needs, or not measured."""
    if classes is None or classes < 1:
        return None
    return "several" if classes >= SEVERAL_CLASSES else "one" if classes == 1 else "two"


class UnitSort(StrEnum):
    ORDER = "order"  # layer by layer, unit by unit
    NAME = "name"
    RECENT = "recent"  # latest visualization first
    ACTIVATION = "activation"  # strongest stimulus first
    REACH = "reach"  # farthest beyond the strongest real clip first
    SPECIFIC = "specific"  # fewest effective classes first
    GENERIC = "generic"  # most effective classes first
    NEEDED = "needed"  # needed by most classes first


class UnitQuery(Model):
    """The filters of the explorer; field names are those of the address (`class` is a Python keyword).

    `after` and `before` are cursors that an earlier page gave: pages read from them cost the same however far into the
    listing they are. With `page` alone the database skips all units before the page, which is slow for far pages.
    """

    layer: str | None = Field(default=None, max_length=200)
    stream: Literal["appearance", "motion", "clip", "fusion"] | None = None
    class_: str | None = Field(default=None, alias="class", max_length=200)
    detects: str | None = Field(default=None, max_length=200, description="the class that units detect best")
    role: Literal["specific", "mixed", "generic", "dead"] | None = None
    coding: Literal["static", "dynamic", "joint", "residual"] | None = Field(
        default=None, description="what units code: appearance, motion, both or neither"
    )
    needed_by: NeededBy | None = Field(
        default=None, description=f"how many classes need the unit; several are {SEVERAL_CLASSES} or more"
    )
    needed_by_class: str | None = Field(default=None, max_length=200, description="a class that needs the unit")
    min_reach: float | None = Field(default=None, ge=0, le=1e6, description="least activation of a stimulus / a_hat")
    state: Literal["visualized", "missing"] | None = None
    q: str | None = Field(default=None, max_length=200)
    region: Region | None = Field(default=None, description="a part of the map: x0,y0,x1,y1 in [0, 1]")
    sort: UnitSort = UnitSort.ORDER
    view: Literal["grid", "list", "map"] = Field(default="grid", description="how the page shows them; no filter")
    colour: Literal["stream", "role", "coding"] | None = Field(
        default=None, description="what paints the map; no filter"
    )
    page: int = Field(default=1, ge=1, le=100_000)
    after: str | None = Field(default=None, max_length=300)
    before: str | None = Field(default=None, max_length=300)
    per_page: int = Field(default=48, ge=1, le=200)


class UnitListing(Paginated[UnitSummary]):
    """A page of units. Where `capped` is true, counting stopped at a bound and there are more than `total` units."""

    capped: bool = False
    left_out: tuple[str, ...] = Field(default=(), description="words of `q` that mean nothing here")
    after: str | None = Field(default=None, description="cursor of the last unit here, if more follow")
    before: str | None = Field(default=None, description="cursor of the first unit here, if others come before")


class FacetCounts(Model):
    """How many units each choice of a filter would leave if the other filters stay as they are.

    Empty where there are too many to count.
    """

    layer: dict[str, int] = Field(default_factory=dict)
    stream: dict[str, int] = Field(default_factory=dict)
    role: dict[str, int] = Field(default_factory=dict)
    state: dict[str, int] = Field(default_factory=dict)
    coding: dict[str, int] = Field(default_factory=dict)
    needed_by: dict[str, int] = Field(default_factory=dict)

"""What there is to look at: networks with their streams, layers, units and classes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.contract.errors import UnknownClass, UnknownLayer, UnknownUnit
from app.contract.model import Model, Page


def not_reserved(slug: str) -> str:
    if slug == "api":
        raise ValueError("`api` is the address of the JSON API; choose another slug")
    return slug


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$"), AfterValidator(not_reserved)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

CLASS_LAYER = "class"  # the layer whose units are the class outputs
SPECIFIC = 0.25  # a unit of fewer effective classes than this share of all is specific
GENERIC = 0.6  # one of more than this share is generic
DETECTS = 0.5  # average precision from which on a unit is said to detect a class


def folded(name: str) -> str:
    """What stays of a name without case, spaces and punctuation: data sets and networks spell classes differently."""
    return "".join(filter(str.isalnum, name.casefold())) or name


class StreamName(StrEnum):
    APPEARANCE = "appearance"  # one RGB frame
    MOTION = "motion"  # L optical-flow fields, 2L channels
    CLIP = "clip"  # T RGB frames


class Stream(Model):
    """One input of a network.

    Values are in standard units at the door of every network, which normalises inside: RGB in [-1, 1],
    flow in px / 20 (so that [-1, 1] is the data sets' own [-20, 20] px).
    """

    name: StreamName
    frames: int = Field(ge=1, description="T: 1 for appearance, L for motion, the length of a clip")
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    bound: float = Field(default=1.0, gt=0, description="B: largest local norm of a stimulus, standard units")
    covariance: tuple[tuple[float, ...], ...] | None = Field(
        default=None,
        description="D x D, of the values of a position over the data; of natural colours, or none, if not known",
    )

    @property
    def depth(self) -> int:
        """D: values per position: 3 (R, G, B) or 2 (u, v)."""
        return 2 if self.name is StreamName.MOTION else 3


class Extent(Model):
    """A size in frames and pixels."""

    frames: int
    height: int
    width: int


class Layer(Model):
    """A named, ordered place in a network. `receptive_field` is what one position sees of each stream,
    at most the whole input (`None` where the stream does not reach the layer)."""

    index: int
    name: str
    stream: Literal["appearance", "motion", "clip", "fusion"]
    units: int = Field(ge=1)
    map: Extent
    receptive_field: Extent

    @property
    def is_class(self) -> bool:
        return self.name == CLASS_LAYER


class NetworkCard(Model):
    """A trained network as the catalogue knows it. `checksum` is the sha256 of its weights."""

    slug: Slug
    title: str = Field(min_length=1, max_length=120)
    family: str
    checksum: Sha256
    summary: str = ""
    streams: tuple[Stream, ...]
    layers: tuple[Layer, ...]
    classes: tuple[str, ...]
    class_sentences: tuple[str, ...] = Field(default=(), description="what each class is; empty where nobody says")
    parameters: int
    normalised: bool = False  # its batch normalisation remembers the data that it was trained on
    stimulus: Extent = Field(description="size of a stimulus where the recipe does not say")

    @model_validator(mode="after")
    def every_class_or_none(self) -> Self:
        if self.class_sentences and len(self.class_sentences) != len(self.classes):
            raise ValueError(f"{len(self.class_sentences)} sentences for {len(self.classes)} classes")
        return self

    def layer(self, name: str) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise UnknownLayer(name, [layer.name for layer in self.layers])

    def unit(self, layer: str, unit: int) -> tuple[Layer, int]:
        """The layer and the checked unit index."""
        found = self.layer(layer)
        if not 0 <= unit < found.units:
            raise UnknownUnit(layer, unit, found.units)
        return found, unit

    def class_index(self, name: str) -> int:
        if name not in self.classes:
            raise UnknownClass(name, self.classes)
        return self.classes.index(name)

    def match_class(self, label: str) -> int:
        """The class that a data set's label names. Raises UnknownClass where it names none."""
        found = self.find_class(label)
        if found is None:
            raise UnknownClass(label, self.classes)
        return found

    def find_class(self, label: str) -> int | None:
        """The same name, or the only one that differs in nothing but case, spaces and punctuation."""
        if label in self.classes:
            return self.classes.index(label)
        alike = self._by_folded_name.get(folded(label), [])
        return alike[0] if len(alike) == 1 else None

    @cached_property
    def _by_folded_name(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for index, name in enumerate(self.classes):
            found.setdefault(folded(name), []).append(index)
        return found

    def sentence(self, index: int) -> str:
        """What the class is, in a sentence; empty where nobody says."""
        return self.class_sentences[index] if self.class_sentences else ""

    def __hash__(self) -> int:
        return hash((self.slug, self.checksum))

    @property
    def units(self) -> int:
        return sum(layer.units for layer in self.layers)


class NetworkSummary(Model):
    """A card with what the database counts beside it."""

    card: NetworkCard
    visualizations: int
    visualized_units: int
    registered_at: datetime


class LayerSummary(Model):
    layer: Layer
    visualized_units: int


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


def region_box(region: str) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of a part of the map, in [0, 1]; ValueError says what is wrong."""
    try:
        x0, y0, x1, y1 = (float(number) for number in region.split(","))
    except ValueError as error:
        raise ValueError("write x0,y0,x1,y1, such as 0.2,0.3,0.5,0.6") from error
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise ValueError("x0 < x1 and y0 < y1 lie between 0 and 1: the left, upper, right and lower edge")
    return x0, y0, x1, y1


def is_region(region: str) -> str:
    region_box(region)
    return region


Region = Annotated[str, StringConstraints(max_length=100), AfterValidator(is_region)]


class UnitSummary(Model):
    """A unit in a listing. `label` is the class name for units of the layer `class`, else empty.

    What data says of it (`a_hat` and below) is None before a survey."""

    network: str
    layer: str
    stream: str
    index: int
    label: str
    a_hat: float | None
    role: UnitRole | None = None
    effective_classes: float | None = None
    detects: int | None = Field(
        default=None, description=f"number of its best class, where its average precision is at least {DETECTS}"
    )
    precision: float | None = Field(default=None, description="average precision for that class, in listings")
    reach: float | None = Field(default=None, description="activation of its strongest stimulus / a_hat")
    map_x: float | None = Field(default=None, description="place on the map, in [0, 1]: like units lie together")
    map_y: float | None = None
    activation: float | None = Field(default=None, description="of its strongest stimulus")
    visualizations: int
    poster: Sha256 | None
    loop: Sha256 | None
    clip: Sha256 | None = Field(
        default=None, description="in listings, where it has no poster: a still of the real clip that excites it most"
    )


class Still(NamedTuple):
    """A unit's picture alone, and the same in motion."""

    poster: Sha256 | None
    loop: Sha256 | None


@dataclass(frozen=True)
class Pictured:
    """A unit with a picture, as far as a drawing of its layer shows it."""

    layer: str
    index: int
    label: str
    poster: Sha256 | None
    loop: Sha256 | None


class UnitSort(StrEnum):
    ORDER = "order"  # layer by layer, unit by unit
    NAME = "name"
    RECENT = "recent"  # latest visualization first
    ACTIVATION = "activation"  # strongest stimulus first
    REACH = "reach"  # farthest beyond the strongest real clip first
    SPECIFIC = "specific"  # fewest effective classes first
    GENERIC = "generic"  # most effective classes first


class UnitQuery(Model):
    """The filters of the explorer; field names are those of the address (`class` is a Python keyword).

    `after` and `before` are places in the listing, as an earlier page gave them: pages that follow cost the same
    however far they are. `page` alone counts from the start, which is dear for far pages.
    """

    layer: str | None = Field(default=None, max_length=200)
    stream: Literal["appearance", "motion", "clip", "fusion"] | None = None
    class_: str | None = Field(default=None, alias="class", max_length=200)
    detects: str | None = Field(default=None, max_length=200, description="the class that units tell best")
    role: Literal["specific", "mixed", "generic", "dead"] | None = None
    min_reach: float | None = Field(default=None, ge=0, le=1e6, description="least activation of a stimulus / a_hat")
    state: Literal["visualized", "missing"] | None = None
    q: str | None = Field(default=None, max_length=200)
    region: Region | None = Field(default=None, description="a part of the map: x0,y0,x1,y1 in [0, 1]")
    sort: UnitSort = UnitSort.ORDER
    view: Literal["grid", "list", "map"] = Field(default="grid", description="how the page shows them; no filter")
    colour: Literal["stream", "role"] | None = Field(default=None, description="what paints the map; no filter")
    page: int = Field(default=1, ge=1, le=100_000)
    after: str | None = Field(default=None, max_length=300)
    before: str | None = Field(default=None, max_length=300)
    per_page: int = Field(default=48, ge=1, le=200)


class UnitListing(Page[UnitSummary]):
    """A page of units. Counting stops at a bound: then there are more than `total`, and `capped` says so."""

    capped: bool = False
    left_out: tuple[str, ...] = Field(default=(), description="words of `q` that mean nothing here")
    after: str | None = Field(default=None, description="place of the last unit here, if more follow")
    before: str | None = Field(default=None, description="place of the first unit here, if others come before")


class MapPoint(NamedTuple):
    """A unit as a point of the map. A plain tuple: there are thousands, and no one sends them."""

    layer: str
    unit: int
    label: str
    stream: str
    role: str | None
    x: float
    y: float
    poster: Sha256 | None


class UnitMap(NamedTuple):
    """Units that pass the filters, by where they lie. `points` are all that have a place, or one of so many."""

    points: tuple[MapPoint, ...]
    one_of: int


class Tally(Model):
    """How many units each choice of a filter would leave, the other filters staying as they are.
    Empty where there are too many to count."""

    layer: dict[str, int] = Field(default_factory=dict)
    stream: dict[str, int] = Field(default_factory=dict)
    role: dict[str, int] = Field(default_factory=dict)
    state: dict[str, int] = Field(default_factory=dict)

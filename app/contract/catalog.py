"""What there is to look at: networks with their streams, layers, units and classes."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from app.contract.errors import UnknownClass, UnknownLayer, UnknownUnit
from app.contract.model import Model


def not_reserved(slug: str) -> str:
    if slug == "api":
        raise ValueError("`api` is the address of the JSON API; choose another slug")
    return slug


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$"), AfterValidator(not_reserved)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

CLASS_LAYER = "class"  # the layer whose units are the class outputs


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
    parameters: int
    stimulus: Extent = Field(description="size of a stimulus where the recipe does not say")

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


class UnitSummary(Model):
    """A unit in a listing. `label` is the class name for units of the layer `class`, else empty."""

    network: str
    layer: str
    stream: str
    index: int
    label: str
    a_hat: float | None
    visualizations: int
    poster: Sha256 | None
    loop: Sha256 | None


class UnitSort(StrEnum):
    ORDER = "order"  # layer by layer, unit by unit
    NAME = "name"
    RECENT = "recent"  # latest visualization first
    ACTIVATION = "activation"  # strongest stimulus first


class UnitQuery(Model):
    """The filters of the explorer; field names are those of the address (`class` is a Python keyword)."""

    layer: str | None = Field(default=None, max_length=200)
    stream: Literal["appearance", "motion", "clip", "fusion"] | None = None
    class_: str | None = Field(default=None, alias="class", max_length=200)
    state: Literal["visualized", "missing"] | None = None
    q: str | None = Field(default=None, max_length=200)
    sort: UnitSort = UnitSort.ORDER
    page: int = Field(default=1, ge=1, le=100_000)
    per_page: int = Field(default=48, ge=1, le=200)

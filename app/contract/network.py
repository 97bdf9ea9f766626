"""Networks with their streams, layers and classes."""

import re
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.contract.dictionary import Dictionary
from app.contract.errors import NoClasses, UnknownClass, UnknownLayer, UnknownUnit
from app.contract.model import Model


def refuse_reserved(slug: str) -> str:
    if slug == "api":
        raise ValueError("`api` is the address of the JSON API; choose another slug")
    return slug


def make_slug(name: str) -> str:
    """Return the name of a file, directory or repository as a name of a network in URLs; it may be empty."""
    return re.sub("[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:63]


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$"), AfterValidator(refuse_reserved)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

CLASS_LAYER = "class"  # the layer whose units are the class outputs
MIN_STATISTICS_POSITIONS = 16  # of a map: the variance over fewer positions says little


def normalize_name(name: str) -> str:
    """Return a name without case, spaces and punctuation, in which data sets and networks differ."""
    return "".join(filter(str.isalnum, name.casefold())) or name


def escape_layer(name: str) -> str:
    """Return a layer's name without slashes, which would divide it into parts of an address, as JSON pointers do it."""
    return name.replace("~", "~0").replace("/", "~1")


class StreamName(StrEnum):
    APPEARANCE = "appearance"  # one RGB frame
    MOTION = "motion"  # L optical-flow fields, 2L channels
    CLIP = "clip"  # T RGB frames


class Stream(Model):
    """One input of a network.

    Values enter every network in standard units, and the network normalises them itself. RGB is in [-1, 1], flow in
    px / 20, so that [-1, 1] stands for the [-20, 20] px of the data sets.
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


Range = tuple[int, int]  # with both ends


class Extent(Model):
    """A size in frames and pixels."""

    frames: int
    height: int
    width: int

    @property
    def positions(self) -> int:
        return self.frames * self.height * self.width


class Layer(Model):
    """A named layer of a network; `index` counts the layers in the network's order, then dictionaries as they came.

    `receptive_field` is the part of the input that one position sees, at most the whole input.
    """

    index: int
    name: str
    stream: Literal["appearance", "motion", "clip", "fusion"]
    units: int = Field(ge=1)
    map: Extent
    receptive_field: Extent
    sizes: tuple[Range, ...] | None = Field(
        default=None,
        description="heights of a stimulus that it can be computed from; empty where only trying tells, null in cards "
        "that were made before this was measured",
    )
    lengths: tuple[Range, ...] | None = Field(default=None, description="the same for the frames of a clip")
    signed: bool = Field(
        default=False,
        description="whether its units have two signs: activations below zero reach the layers that follow. False in "
        "cards that were made before this was measured",
    )
    dictionary: Dictionary | None = Field(
        default=None, description="where the units are directions in the activations of another layer"
    )

    @property
    def is_class(self) -> bool:
        return self.name == CLASS_LAYER

    def direction_name(self, unit: int) -> str:
        """Return the name of a direction; empty where it has none, and for units of the network itself."""
        return self.dictionary.names[unit] if self.dictionary and self.dictionary.names else ""


class OmittedModule(Model):
    """A module of a network that is no layer of its card, and why it is not."""

    module: str
    reason: str
    shape: tuple[int, ...] = Field(
        default=(), description="of its output for a batch of two clips; empty where it is not run, or not known"
    )


class Origin(Model):
    """Where a network was fetched from: a package of an index, or a repository of a hub at one revision."""

    kind: Literal["package", "hub"]
    name: str = Field(description="name and version of the package, or owner/name on the hub")
    revision: str = Field(default="", description="hash of the hub's commit")
    licence: str = Field(default="", description="as the source states it; empty where it does not")


class NetworkCard(Model):
    """A trained network as the catalogue knows it. `checksum` is the sha256 of its weights.

    Layers are in the order in which they are computed, a dictionary after the layer that it reads.
    """

    slug: Slug
    title: str = Field(min_length=1, max_length=120)
    family: str
    checksum: Sha256
    summary: str = ""
    streams: tuple[Stream, ...]
    layers: tuple[Layer, ...]
    omitted: tuple[OmittedModule, ...] = ()
    origin: Origin | None = Field(default=None, description="where it was fetched from; null for one of a local file")
    classes: tuple[str, ...] = Field(description="in the order of the outputs; empty for an encoder, which has none")
    class_sentences: tuple[str, ...] = Field(
        default=(), description="a sentence for each class that says what it is, or none at all"
    )
    parameters: int
    memory: int | None = Field(
        default=None, description="bytes that one unit needs, estimated from shapes; null where that was not done"
    )
    normalised: bool = False  # has batch normalisation, whose statistics describe the training data
    feature_statistics: Literal[""] | Sha256 = Field(
        default="",
        description="sha256 of the means and variances of features that the newest survey measured; empty where there "
        "are none",
    )
    survey_maxima: Literal[""] | Sha256 = Field(
        default="", description="sha256 of the a_hat that the newest survey measured; empty before a survey"
    )
    stimulus: Extent = Field(description="size of a stimulus where the recipe leaves it open")
    short_side: int | None = Field(
        default=None,
        description="pixels that a video's shorter side is scaled to before the crop; the family's if null",
    )

    @model_validator(mode="after")
    def every_class_or_none(self) -> Self:
        if self.class_sentences and len(self.class_sentences) != len(self.classes):
            raise ValueError(f"{len(self.class_sentences)} sentences for {len(self.classes)} classes")
        return self

    def layer(self, name: str) -> Layer:
        """Return a layer by its name. Raises UnknownLayer, and NoClasses for the classes of an encoder."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        if name == CLASS_LAYER:
            self.require_classes()
        raise UnknownLayer(name, [layer.name for layer in self.layers])

    def layer_at(self, index: int) -> Layer:
        """Return the layer with this index, which is not always its place: a dictionary may have been removed."""
        return self._layers_by_index[index]

    @cached_property
    def _layers_by_index(self) -> dict[int, Layer]:
        return {layer.index: layer for layer in self.layers}

    @property
    def own_layers(self) -> tuple[Layer, ...]:
        """The layers of the network itself, without dictionaries."""
        return tuple(layer for layer in self.layers if layer.dictionary is None)

    @property
    def statistics_layers(self) -> tuple[Layer, ...]:
        """The layers of which a survey measures the means and variances that the feature statistics prior uses.

        None in a network with batch normalisation, which has its own; otherwise those of units of two signs.
        """
        layers = () if self.normalised else self.own_layers
        return tuple(each for each in layers if each.signed and each.map.positions >= MIN_STATISTICS_POSITIONS)

    def sees_everything(self, layer: Layer) -> bool:
        """Return whether every position of the layer sees the whole input, as attention does."""
        seen = layer.receptive_field
        sizes = [(s.frames, s.height, s.width) for s in self.streams if layer.stream in (s.name.value, "fusion")]
        return (seen.frames, seen.height, seen.width) == tuple(max(sides) for sides in zip(*sizes, strict=True))

    def unit(self, layer: str, unit: int) -> tuple[Layer, int]:
        """Return the layer and the checked unit index. Raises UnknownLayer and UnknownUnit."""
        card_layer = self.layer(layer)
        if not 0 <= unit < card_layer.units:
            raise UnknownUnit(layer, unit, card_layer.units)
        return card_layer, unit

    def require_classes(self) -> None:
        """Raise NoClasses for a network without classes."""
        if not self.classes:
            raise NoClasses(self.slug)

    def class_index(self, name: str) -> int:
        """Return the index of the class of exactly this name. Raises UnknownClass and NoClasses."""
        self.require_classes()
        if name not in self.classes:
            raise UnknownClass(name, self.classes)
        return self.classes.index(name)

    def match_class(self, label: str) -> int:
        """Return the index of the class that a label means. Raises UnknownClass where it means none, and NoClasses."""
        self.require_classes()
        index = self.find_class(label)
        if index is None:
            raise UnknownClass(label, self.classes)
        return index

    def find_class(self, label: str) -> int | None:
        """Return the index of the class of this name, or of the only one that is equal after normalisation, or None."""
        if label in self.classes:
            return self.classes.index(label)
        indices = self._classes_by_normalized_name.get(normalize_name(label), [])
        return indices[0] if len(indices) == 1 else None

    @cached_property
    def _classes_by_normalized_name(self) -> dict[str, list[int]]:
        indices: dict[str, list[int]] = {}
        for index, name in enumerate(self.classes):
            indices.setdefault(normalize_name(name), []).append(index)
        return indices

    def sentence(self, index: int) -> str:
        """Return a sentence that says what a class is; empty where none is known."""
        return self.class_sentences[index] if self.class_sentences else ""

    def __hash__(self) -> int:
        return hash((self.slug, self.checksum))

    @property
    def units(self) -> int:
        return sum(layer.units for layer in self.layers)


class NetworkSummary(Model):
    """A network's card, with how many visualizations it has and how many of its units have any."""

    card: NetworkCard
    visualizations: int
    visualized_units: int
    registered_at: datetime


class LayerSummary(Model):
    """A layer, with how many of its units have a visualization."""

    layer: Layer
    visualized_units: int

"""Bundles: results of one server in a file, which another server takes in."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from app.contract.dataset import MAX_CLIP_NAME_LENGTH, MAX_TITLE_LENGTH
from app.contract.evidence import UnitEvidence
from app.contract.model import Model
from app.contract.network import NetworkCard, Origin, Sha256, Slug
from app.contract.recipe import CENTER_VERSION, ENGINE_VERSION
from app.contract.result import EXTENSIONS, ImportNote, Measurements, MediaRef, MediaRole
from app.contract.survey import SurveyFacts

BUNDLE_FORMAT = 1  # raised when older versions could not read a bundle, or would read it wrongly
NEEDED_ROLE = MediaRole.POSTER  # without it nothing of a result can be shown; other media may be left out of a bundle

MAX_NUMBER = 2**31  # that the database has for a count

Count = Annotated[int, Field(ge=0, lt=MAX_NUMBER)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class BundleFile(Model):
    """A file of a bundle that is not a medium. The name of a medium is its sha256."""

    name: str
    sha256: Sha256
    size: Count


class BundledSurvey(Model):
    """A survey without the rows of its clips, units and predictions, whose numbers it tells."""

    dataset: Slug
    title: str = Field(min_length=1, max_length=MAX_TITLE_LENGTH)
    summary: str
    measured_at: datetime = Field(description="when it was finished where it was made, in whole seconds")
    clips: Count
    units: Count
    predictions: Count
    feature_statistics: Sha256 | None = None
    facts: SurveyFacts


class BundledNetwork(Model):
    """A network of a bundle, by which the server that takes it in knows its own, and what there is of it.

    Neither weights nor card are in the bundle.
    """

    slug: Slug
    title: str
    family: str
    checksum: Sha256 = Field(description="sha256 of its weights")
    classes: tuple[str, ...]
    origin: Origin | None = None
    results: Count
    survey: BundledSurvey | None = None

    def is_same(self, card: NetworkCard) -> bool:
        """Return whether a registered network is this one, whatever its slug."""
        return (self.checksum, self.family, self.classes) == (card.checksum, card.family, card.classes)


class Manifest(Model):
    """The first file of a bundle: which engine made its results, of which networks, and the checksums of its files."""

    format: int
    version: str = Field(description="of Kinetoscope, where the bundle was made")
    engine: int
    center_engine: int = Field(description="of the objective `center`")
    source: str = Field(description="public address of the server where it was made; empty where it has none")
    networks: tuple[BundledNetwork, ...]
    files: tuple[BundleFile, ...]

    @property
    def is_of_this_engine(self) -> bool:
        """Whether the same recipe would give the same stimuli here."""
        return (self.engine, self.center_engine) == (ENGINE_VERSION, CENTER_VERSION)


class BundledMedia(Model):
    """A base of what has media: each role once, and each of a type that the project stores."""

    media: tuple[MediaRef, ...]

    @model_validator(mode="after")
    def check_media(self) -> Self:
        roles = [medium.role for medium in self.media]
        if len(set(roles)) < len(roles):
            raise ValueError("a role has two media")
        for medium in self.media:
            if medium.type not in EXTENSIONS:
                raise ValueError(f"no medium here has the type {medium.type!r}")
            if not all(0 <= side < MAX_NUMBER for side in (medium.size, medium.width, medium.height, medium.frames)):
                raise ValueError("a medium has a size that none has")
        return self


class BundledResult(BundledMedia):
    """A finished visualization. `recipe` has every field, under the names with which recipes are stored."""

    layer: str
    unit: Count
    recipe: dict[str, Any]
    recipe_key: Sha256
    measurements: Measurements
    created_at: datetime


class BundledClip(BundledMedia):
    """A clip of the data set of a survey."""

    name: str = Field(min_length=1, max_length=MAX_CLIP_NAME_LENGTH)
    label: Name
    source: str | None = None
    group: str | None = Field(default=None, min_length=1)


class BundledUnit(Model):
    """What a survey measured on a unit, and its position on the map of its network."""

    evidence: UnitEvidence
    position: tuple[float, float] | None = None


class Import(ImportNote):
    """A bundle that was imported, who did it, and how much came with it and is there still."""

    id: int
    sha256: Sha256 = Field(description="of the bundle's file")
    imported_by: str = Field(description="account of the machine where the command was run")
    results: Count = 0
    surveys: Count = 0

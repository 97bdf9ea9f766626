"""Dictionaries: layers whose units are directions in the activations of another layer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.contract.interval import Interval
from app.contract.model import Model

SEPARATOR = "~"  # between a layer and the dictionary over it, in the name of the dictionary's layer
MAX_DIRECTIONS = 16_384  # of a dictionary; each is a unit of the network

DictionaryName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Method = Literal["pca", "nmf", "kmeans", "sae", "probe", "file"]

METHOD_NAMES: dict[Method, str] = {
    "pca": "principal components",
    "nmf": "non-negative matrix factorization",
    "kmeans": "k-means",
    "sae": "sparse autoencoder",
    "probe": "linear probe of the classes",
    "file": "from a file",
}


class Dictionary(Model):
    """What makes a layer a dictionary: the layer whose activations it reads, and how its directions were found."""

    base: str
    method: Method
    names: tuple[str, ...] = Field(
        default=(), description="of the directions, in their order; none where they have none"
    )


class DictionaryMeasures(Model):
    """How well a dictionary describes the layer on clips that it was not learned from, beside what chance gives."""

    clips: int = Field(description="held out")
    positions: int = Field(description="of these clips, measured")
    explained: Interval = Field(description="share of the activations' variance that the directions reconstruct")
    random_explained: float = Field(description="the same for as many random directions, by least squares")
    channels_explained: float = Field(description="the same for as many channels, those of the largest variance")
    active: float = Field(description="L0: mean number of directions at a position whose code is not zero")
    channels_active: float = Field(description="mean number of channels at a position that are not zero")
    dead: int = Field(description="directions whose code is zero at every position")
    encoder_error: float | None = Field(
        default=None, description="of codes from fixed iterations: squared error beyond the least, as a share of |a|^2"
    )


class ProbeMeasures(Model):
    """How well linear probes tell the classes of clips that they were not fitted to."""

    clips: int = Field(description="held out")
    accuracy: Interval
    chance: float = Field(description="mean accuracy with the labels of the held-out clips permuted")
    p_value: float = Field(description="share of permutations that reach the accuracy, the probe's own among them")


class DictionaryFacts(Model):
    """What a dictionary was learned from, and what was measured of it."""

    dataset: str | None = Field(description="whose clips it was learned from or measured with; null for none")
    settings: dict[str, int | float | str] = Field(description="seed, positions and what else it was learned with")
    measures: DictionaryMeasures | None = None
    probe: ProbeMeasures | None = None


class DictionarySummary(DictionaryFacts):
    """A dictionary of a network, as its page, the API and the command show it."""

    network: str
    layer: str = Field(description="the name of the dictionary's layer")
    base: str
    method: Method
    size: int
    created_at: datetime

"""The four observations of the paper, as far as a survey supports them on one network."""

from pydantic import Field

from app.contract.model import Model
from app.contract.unit import UnitSummary


class Figure(Model):
    """A number that a sentence stands on."""

    words: str
    value: float


class LayerDistribution(Model):
    """A measure over the units of a layer that have it: lowest, quartiles, highest."""

    layer: str
    count: int
    low: float
    first_quartile: float = Field(alias="first")
    median: float
    third_quartile: float = Field(alias="third")
    high: float
    mean: float


class UnitStatistics(Model):
    """What a survey's units come to: reading a hundred thousand of them for each page would take a second."""

    distributions: dict[str, tuple[LayerDistribution, ...]] = Field(
        alias="spreads", description="of each measure, layer by layer"
    )
    live: int = Field(description="units that answer to any class")
    specific: int
    generic: int


class Series(Model):
    """One chart: a measure by layer, in the network's order."""

    words: str
    layers: tuple[LayerDistribution, ...]


class Example(Model):
    """A unit behind a finding, and its measure."""

    unit: UnitSummary
    words: str
    value: float


class NamedPair(Model):
    """Two classes by name."""

    first: str
    second: str
    words: str


class Finding(Model):
    """`pairs` and `classes` are those that the sentences name, in the order of their strength."""

    name: str
    title: str
    claim: str = Field(description="the observation on such networks, which this one supports or does not")
    supported: bool
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    series: tuple[Series, ...] = ()
    examples: tuple[Example, ...] = ()
    together: tuple[NamedPair, ...] = ()
    appearance: tuple[NamedPair, ...] = Field(default=(), alias="pictures")
    motion: tuple[NamedPair, ...] = ()
    confusions: tuple[NamedPair, ...] = ()
    suspects: tuple[str, ...] = ()


class Findings(Model):
    network: str
    dataset: str
    clips: int
    findings: tuple[Finding, ...]

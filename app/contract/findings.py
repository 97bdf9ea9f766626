"""The four observations of the paper, as far as a survey supports them on one network."""

from enum import StrEnum

from pydantic import Field

from app.contract.model import Model
from app.contract.survey import LayerSelectivity
from app.contract.unit import UnitSummary


class Figure(Model):
    """A number behind the sentences of a finding."""

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
    """Statistics of a survey's units, stored because a page would need a second to read 100,000 of them."""

    distributions: dict[str, tuple[LayerDistribution, ...]] = Field(
        alias="spreads", description="by measure, in the order of the layers"
    )
    live: int = Field(description="units that answer to any class")
    specific: int
    generic: int


class Verdict(StrEnum):
    """What a survey says of a claim on one network."""

    SUPPORTED = "supported"
    PARTLY = "partly supported"
    NOT_SUPPORTED = "not supported"
    CANNOT_BE_TOLD = "cannot be told from these clips"


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
    """One observation of the paper, and whether a network supports it.

    The pairs of classes and the suspected classes are those that the sentences name, the strongest first.
    """

    name: str
    title: str
    claim: str = Field(description="the observation on such networks, which this one supports or does not")
    verdict: Verdict
    supported: bool = Field(description="whether the verdict is `supported`")
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    series: tuple[Series, ...] = ()
    selectivity: tuple[LayerSelectivity, ...] = Field(
        default=(), description="units that answer to few classes, by layer, beside chance and shuffled weights"
    )
    examples: tuple[Example, ...] = ()
    together: tuple[NamedPair, ...] = ()
    appearance: tuple[NamedPair, ...] = Field(default=(), alias="pictures")
    motion: tuple[NamedPair, ...] = ()
    confusions: tuple[NamedPair, ...] = ()
    suspects: tuple[str, ...] = ()


class Findings(Model):
    """The findings of a network, from its newest survey."""

    network: str
    dataset: str
    clips: int
    findings: tuple[Finding, ...]

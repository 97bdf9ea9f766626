"""The four observations of the paper, as far as a survey supports them on one network."""

from enum import StrEnum

from pydantic import Field

from app.contract.coding import NetworkCoding
from app.contract.interval import Interval
from app.contract.model import Model
from app.contract.protocol import Protocol
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
    unit: str = Field(default="", description="of the measure, or its range where it has no unit")
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


class Claim(Model):
    """One statement about a network, with what it was compared with: it could have come out otherwise.

    The effect, the null and the control are the same measure, in the same unit: of the network, by chance, and of a
    network with the same architecture that was not trained. Thresholds are justified in docs/evidence.md.
    """

    name: str = Field(description="finding and claim, such as `fusion.pairs`; part of its address")
    class_name: str = Field(
        default="", description="the class that it is about, whose number is in its name; empty where it is about none"
    )
    sentence: str = Field(description="what was found, with its numbers")
    verdict: Verdict
    measure: str = Field(default="", description="what the effect is, with its unit: `share of live units`")
    effect: Interval | None = None
    null: Interval | None = Field(default=None, description="what chance gives")
    null_words: str = Field(default="", description="what chance means here: `labels shuffled over videos`")
    control: Interval | None = Field(default=None, description="of a network with the same architecture, untrained")
    control_words: str = Field(default="weights shuffled", description="how the weights of the control are made")
    p_value: float | None = Field(default=None, description="one-sided, corrected for the number of questions asked")
    n: int = 0
    counted: str = Field(default="", description="what n counts: `clips`, `live units of fc6`")
    groups: int | None = Field(default=None, description="independent groups behind the interval, where it has one")
    threshold: str = Field(default="", description="what the verdict takes: `at least 5 % more than the control`")
    caveat: str = ""
    paper: str = Field(default="", description="where the paper says so: `section 4.2`, `figure 5`")
    source: str = Field(default="", description="arXiv number of another paper that the measure is from")
    clips: tuple[str, ...] = Field(default=(), description="names of clips behind it, the most telling first")
    units: tuple[UnitSummary, ...] = ()


class Finding(Model):
    """One observation of the paper, and whether a network supports it.

    The pairs of classes and the suspected classes are those that the sentences name, the strongest first.
    """

    name: str
    title: str
    claim: str = Field(description="the observation on such networks, which this one supports or does not")
    verdict: Verdict = Field(description="follows from the claims, where there are any")
    claims: tuple[Claim, ...] = ()
    supported: bool = Field(description="whether the verdict is `supported`")
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    series: tuple[Series, ...] = ()
    selectivity: tuple[LayerSelectivity, ...] = Field(
        default=(), description="units that answer to few classes, by layer, beside chance and shuffled weights"
    )
    coding: NetworkCoding | None = Field(default=None, description="what units code of appearance and motion, by layer")
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
    limits: tuple[str, ...] = Field(default=(), description="what the clips of the survey cannot tell, and what to add")
    protocol: Protocol | None = Field(default=None, description="what determines them, to make them again")
    findings: tuple[Finding, ...]

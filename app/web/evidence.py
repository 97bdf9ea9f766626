"""What pages show of evidence: the parts of their objects that surveys fill."""

from dataclasses import dataclass
from typing import NamedTuple

from app.analysis.findings import is_suspect
from app.contract.confusion import Confusion, SharedUnit
from app.contract.evidence import (
    AnsweredClip,
    Clip,
    Feed,
    MaskedClass,
    PictureBias,
    SurveySummary,
    TopClip,
    UnitEvidence,
    UnitOfClass,
)
from app.contract.job import SurveyJob
from app.contract.recipe import Speed
from app.contract.result import Visualization
from app.contract.unit import GENERIC, SPECIFIC, UnitRole, UnitSummary
from app.web.charts.plots import Mark, Plot


@dataclass(frozen=True)
class Surveying:
    """The surveys of a network that wait or run, and whether anybody computes."""

    network: str
    live: tuple[SurveyJob, ...]
    workers_alive: bool


class Bar(NamedTuple):  # there are hundreds
    """A class with a number from 0 to 1; `is_own`: the class that the page is about."""

    words: str
    href: str
    value: float
    is_own: bool = False


@dataclass(frozen=True)
class Peak:
    """A strong clip of a unit, with the moment it was strongest."""

    top: TopClip
    clip: Clip
    has_place: bool  # whether the layer tells places of the picture apart
    trace: Plot
    highest: Mark | None  # of the trace


@dataclass(frozen=True)
class Alike:
    unit: UnitSummary
    correlation: float


@dataclass(frozen=True)
class Fed:
    """A class that a unit feeds. `bar` is its effect as a length, from -1 to 1, the largest of the unit being 1."""

    label: str
    href: str
    found: Feed
    bar: float


@dataclass(frozen=True)
class UnitFacts:
    """What the newest survey says of a unit. `responses` and `detects` have the largest first;
    `detects` leaves out what a unit that knows nothing would find as well.
    """

    evidence: UnitEvidence
    survey: SurveySummary
    classes: int
    peaks: tuple[Peak, ...]
    responses: tuple[Bar, ...]
    detects: tuple[Bar, ...]
    feeds: tuple[Fed, ...]
    speed: Plot | None
    direction: Plot | None
    alike: tuple[Alike, ...]

    @property
    def is_dead(self) -> bool:
        return self.evidence.role is UnitRole.DEAD

    @property
    def specific_below(self) -> float:
        """Effective classes."""
        return SPECIFIC * self.classes

    @property
    def generic_above(self) -> float:
        return GENERIC * self.classes


@dataclass(frozen=True)
class Shared:
    """A generic unit of a class, with the other classes it answers to."""

    found: SharedUnit
    others: tuple[str, ...]


@dataclass(frozen=True)
class ClassFacts:
    """What the newest survey says of a class. Confusions are both ways: `taken_for` others, and others for it.
    `missed`: some of its clips that are taken for others. `bias` and `masked`: what decides whether it is recognised,
    by swapped pictures and by grey ones, where that was measured.
    """

    survey: SurveySummary
    recall: float
    clips: int
    taken_for: tuple[Confusion, ...]
    taken: tuple[Confusion, ...]
    missed: tuple[AnsweredClip, ...]
    layers: tuple[tuple[str, tuple[UnitOfClass, ...]], ...]  # its detectors, deepest first
    best: tuple[UnitOfClass, ...]  # of these, but for its own unit
    shared: tuple[Shared, ...]
    bias: PictureBias | None = None
    masked: MaskedClass | None = None

    @property
    def is_suspect(self) -> bool:
        return self.bias is not None and is_suspect(self.bias)


@dataclass(frozen=True)
class Shown:
    """A class's stimulus at a speed, if there is one, and where to see more of it."""

    speed: Speed
    href: str
    visualization: Visualization | None


@dataclass(frozen=True)
class Side:
    """One of two classes: its stimulus by speed, how many of its clips are `taken` for the other, and some of these
    (`failing`), as a survey says; and some of its clips as data sets have them.
    """

    name: str
    unit: UnitSummary
    stimuli: tuple[Shown, ...]
    taken: Confusion | None
    failing: tuple[AnsweredClip, ...]
    clips: tuple[Clip, ...]


@dataclass(frozen=True)
class Cell:
    """Of a matrix of confusions: the share of the row's clips taken for the column."""

    confusion: Confusion
    href: str | None  # none on the diagonal

    @property
    def heat(self) -> int:
        """0 to 10, which style sheets have colours for."""
        return 0 if not self.confusion.clips else max(1, round(self.confusion.rate * 10))


@dataclass(frozen=True)
class Matrix:
    classes: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]

"""What each page shows: one frozen object per page, and nothing else reaches its template."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from app.contract.catalog import (
    Layer,
    LayerSummary,
    NetworkCard,
    NetworkSummary,
    UnitQuery,
    UnitSummary,
)
from app.contract.job import Job, JobState, Link
from app.contract.model import Page as Listing
from app.contract.recipe import Speed
from app.contract.result import Visualization
from app.web.chart import Chart

View = Literal["direction", "xy"]  # encodings of flow


@dataclass(frozen=True)
class Crumb:
    """A step of the way here; the last one is the page itself and has no address."""

    words: str
    href: str | None = None


@dataclass(frozen=True)
class Share:
    """What a link to this view says of it. Addresses are absolute."""

    address: str
    title: str
    description: str
    image: str | None = None


@dataclass(frozen=True)
class Frame:
    """What is around every page."""

    title: str
    crumbs: tuple[Crumb, ...] = ()
    share: Share | None = None
    reload_seconds: int | None = None  # for browsers without JavaScript, while work goes on


@dataclass(frozen=True, kw_only=True)
class Page:
    template: ClassVar[str]
    frame: Frame


@dataclass(frozen=True)
class NetworkEntry:
    summary: NetworkSummary
    posters: tuple[Visualization, ...]


@dataclass(frozen=True, kw_only=True)
class NetworksPage(Page):
    template: ClassVar[str] = "networks.html"
    networks: tuple[NetworkEntry, ...]


@dataclass(frozen=True)
class Tower:
    """The layers of one stream, highest first."""

    stream: str
    layers: tuple[LayerSummary, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkPage(Page):
    """`head` is the tower above the fusion, or the only one; `legs` the streams that meet in it."""

    template: ClassVar[str] = "network.html"
    summary: NetworkSummary
    head: Tower
    legs: tuple[Tower, ...]
    recent: tuple[Visualization, ...]
    class_layer: bool


@dataclass(frozen=True)
class PageLink:
    number: int
    href: str | None  # None for the page shown


@dataclass(frozen=True)
class Pager:
    """Pages of a listing: `links` are those near the one shown, with first and last."""

    previous: str | None
    next: str | None
    links: tuple[PageLink, ...]


@dataclass(frozen=True)
class Field:
    """A field of a recipe as a form shows it. `choices` is empty for numbers."""

    name: str
    label: str
    description: str
    value: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    placeholder: str = ""


@dataclass(frozen=True)
class VisualizeForm:
    """`units` is an index or `all`; `count` how many that is. `basic` are the fields in sight."""

    network: str
    layer: str
    units: str
    count: int
    basic: tuple[Field, ...]
    advanced: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class UnitsPage(Page):
    """The explorer, and the units of one layer (`layer` set): then the layer is not a filter."""

    template: ClassVar[str] = "units.html"
    card: NetworkCard
    layer: Layer | None
    query: UnitQuery
    units: Listing[UnitSummary]
    pager: Pager
    streams: tuple[str, ...]
    sorts: tuple[str, ...]  # all but the order of the network, which needs no saying
    is_filtered: bool
    form: VisualizeForm | None
    workers_alive: bool


@dataclass(frozen=True)
class SpeedCell:
    """One speed of the strip: its result, its live job, or the job that ended without one."""

    speed: Speed
    href: str
    key: str
    is_shown: bool
    visualization: Visualization | None
    live: Job | None
    ended: Job | None


@dataclass(frozen=True)
class Choice:
    words: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class Neighbour:
    words: str
    href: str


@dataclass(frozen=True)
class Stimulus:
    """A unit with what was chosen of it: the part that unit page and class page share."""

    card: NetworkCard
    layer: Layer
    unit: UnitSummary
    address: str  # of exactly this view
    shown: SpeedCell
    strip: tuple[SpeedCell, ...]
    seed: int
    seeds: tuple[Choice, ...]
    variants: tuple[Choice, ...]  # results of recipes that differ in more than speed and seed
    views: tuple[Choice, ...]  # encodings of flow; empty for clip networks
    view: View
    chart: Chart | None
    recipe: tuple[Field, ...]  # of the result shown
    form: VisualizeForm
    workers_alive: bool

    @property
    def name(self) -> str:
        return self.unit.label or f"unit {self.unit.index}"


@dataclass(frozen=True, kw_only=True)
class UnitPage(Page):
    template: ClassVar[str] = "unit.html"
    stimulus: Stimulus
    previous: Neighbour | None
    next: Neighbour | None


@dataclass(frozen=True, kw_only=True)
class ClassPage(Page):
    template: ClassVar[str] = "class.html"
    stimulus: Stimulus
    previous: Neighbour | None
    next: Neighbour | None


@dataclass(frozen=True, kw_only=True)
class ClassesPage(Page):
    template: ClassVar[str] = "classes.html"
    card: NetworkCard
    q: str
    classes: Listing[UnitSummary]
    pager: Pager


@dataclass(frozen=True)
class StateFilter:
    words: str
    count: int
    href: str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class JobsPage(Page):
    template: ClassVar[str] = "jobs.html"
    address: str
    state: JobState | None
    filters: tuple[StateFilter, ...]
    jobs: Listing[Job]
    pager: Pager
    workers_alive: bool


@dataclass(frozen=True, kw_only=True)
class JobPage(Page):
    template: ClassVar[str] = "job.html"
    job: Job
    address: str
    chart: Chart | None
    recipe: tuple[Field, ...]
    result: Visualization | None
    workers_alive: bool


@dataclass(frozen=True, kw_only=True)
class LinkPage(Page):
    template: ClassVar[str] = "link.html"
    link: Link


@dataclass(frozen=True, kw_only=True)
class ErrorPage(Page):
    template: ClassVar[str] = "error.html"
    status: int
    kind: str
    detail: str
    near: tuple[Crumb, ...]

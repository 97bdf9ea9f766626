"""What each page shows: one frozen object per page, and nothing else reaches its template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from app.contract.catalog import (
    Layer,
    LayerSummary,
    NetworkCard,
    NetworkSummary,
    Stream,
    UnitListing,
    UnitQuery,
    UnitSummary,
)
from app.contract.confusion import Confusion, Pair
from app.contract.evidence import Clip, Dataset, OwnClip, SurveySummary, UnitOfClip
from app.contract.findings import Findings
from app.contract.job import Estimate, Job, JobState, Link, VisualizeJob
from app.contract.model import Page as Listing
from app.contract.recipe import Speed
from app.contract.result import Visualization
from app.web.chart import Chart
from app.web.evidence import ClassFacts, Matrix, Side, UnitFacts
from app.web.shares import SharesOfLogit
from app.web.spread import SpreadChart

View = Literal["direction", "xy"]  # encodings of flow
Theme = Literal["auto", "light", "dark"]


@dataclass(frozen=True)
class Look:
    """How a player shows things, by the names that addresses have for it."""

    view: View = "direction"
    arrows: bool = False
    rate: Literal["0.25", "0.5", "1", "2"] = "1"
    again: Literal["bounce", "loop", "once"] = "bounce"

    @property
    def choices(self) -> dict[str, str]:
        """What differs from the defaults, for addresses."""
        chosen = {"view": self.view, "arrows": "1" if self.arrows else "", "rate": self.rate, "again": self.again}
        return {name: value for name, value in chosen.items() if value and value != getattr(self.defaults, name)}

    @property
    def defaults(self) -> "Look":
        return type(self)()


@dataclass(frozen=True)
class ClipLook(Look):
    """Of a real clip, which has a beginning and an end."""

    again: Literal["bounce", "loop", "once"] = "loop"


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
    is_wide: bool = False  # the picture was composed for links
    embed: str | None = None  # the bare view, for other sites to frame


@dataclass(frozen=True)
class Frame:
    """What is around every page."""

    title: str
    crumbs: tuple[Crumb, ...] = ()
    share: Share | None = None
    reload_seconds: int | None = None  # for browsers without JavaScript, while work goes on
    theme: Theme = "auto"


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
class Storey:
    """A layer as it is drawn: a slab whose face grows with the map and whose depth with the units."""

    summary: LayerSummary
    units: tuple[UnitSummary, ...]  # some that have a picture
    face: float
    depth: float


@dataclass(frozen=True)
class Tower:
    """The layers of one stream, highest first; at its foot the input, where the stream begins with one."""

    stream: str
    storeys: tuple[Storey, ...]
    foot: tuple[Stream, ...] = ()


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
class Preset:
    """A recipe by what it shows. `made` is the address of its result, where it is already there; `fills` that of a
    form filled in with it, where one press would be rash."""

    name: str
    sentence: str
    fields: tuple[tuple[str, str], ...]
    made: str | None = None
    fills: str | None = None


@dataclass(frozen=True)
class VisualizeForm:
    """`units` is an index or `all`; `count` how many that is. `basic` are the fields in sight."""

    network: str
    layer: str
    units: str
    count: int
    basic: tuple[Field, ...]
    advanced: tuple[Field, ...]
    presets: tuple[Preset, ...] = ()


@dataclass(frozen=True)
class FilterChoice:
    """`value` is empty for "any". `count` is how many units it would leave, where that was counted."""

    value: str
    words: str
    count: int | None
    is_chosen: bool


@dataclass(frozen=True)
class Filter:
    """A question of the explorer. One of few choices lays them open, one of many is a list to open."""

    name: str
    words: str
    choices: tuple[FilterChoice, ...]

    @property
    def is_long(self) -> bool:
        return len(self.choices) > 6


@dataclass(frozen=True, kw_only=True)
class UnitsPage(Page):
    """The explorer, and the units of one layer (`layer` set): then the layer is not a filter."""

    template: ClassVar[str] = "units.html"
    card: NetworkCard
    layer: Layer | None
    query: UnitQuery
    units: UnitListing
    pager: Pager
    filters: tuple[Filter, ...]
    sorts: tuple[str, ...]  # all but the order of the network, which needs no saying
    surveyed: bool  # whether a survey has told the units' roles
    is_filtered: bool
    form: VisualizeForm | None
    estimate: Estimate | None  # for the whole layer, with the recipe as it is by itself
    workers_alive: bool


@dataclass(frozen=True, kw_only=True)
class SelectionPage(Page):
    """What it would take to visualize some units. `hidden` names them again, for the form."""

    template: ClassVar[str] = "selection.html"
    card: NetworkCard
    units: tuple[UnitSummary, ...]  # the first of them
    count: int
    capped: bool
    layers: tuple[str, ...]
    hidden: tuple[tuple[str, str], ...]
    form: VisualizeForm
    estimate: Estimate
    workers_alive: bool


@dataclass(frozen=True)
class Compared:
    """A unit among others: what there is of it under the recipe that all are shown under."""

    unit: UnitSummary
    name: str
    href: str
    without: str  # the address of the comparison without it
    visualization: Visualization | None
    live: Job | None


@dataclass(frozen=True, kw_only=True)
class ComparePage(Page):
    template: ClassVar[str] = "compare.html"
    card: NetworkCard
    compared: tuple[Compared, ...]
    look: Look
    speeds: tuple["Choice", ...]
    speed: Speed
    seed: int
    missing: tuple[str, ...]  # addresses of the units that nobody has visualized so
    most: int
    workers_alive: bool


@dataclass(frozen=True)
class SpeedCell:
    """One speed of the strip: its result, its live job, or the job that ended without one."""

    speed: Speed
    href: str
    key: str
    is_shown: bool
    visualization: Visualization | None
    live: VisualizeJob | None
    ended: VisualizeJob | None


@dataclass(frozen=True)
class Choice:
    words: str
    href: str
    is_chosen: bool
    value: str = ""  # as the address has it, where an element changes it in place


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
    look: Look
    chart: Chart | None
    recipe: tuple[Field, ...]  # of the result shown
    form: VisualizeForm
    workers_alive: bool

    @property
    def name(self) -> str:
        return self.unit.label or f"unit {self.unit.index}"

    @property
    def most_energy(self) -> float:
        """The largest motion energy of the strip, which its bars are measured by."""
        there = (cell.visualization for cell in self.strip)
        return max((value for each in there if each for value in each.measurements.motion_energy.values()), default=0)


@dataclass(frozen=True, kw_only=True)
class UnitPage(Page):
    template: ClassVar[str] = "unit.html"
    stimulus: Stimulus
    evidence: UnitFacts | None
    previous: Neighbour | None
    next: Neighbour | None


@dataclass(frozen=True, kw_only=True)
class ClassPage(Page):
    template: ClassVar[str] = "class.html"
    stimulus: Stimulus
    evidence: ClassFacts | None
    clips: tuple[Clip, ...]
    previous: Neighbour | None
    next: Neighbour | None


@dataclass(frozen=True, kw_only=True)
class ClassesPage(Page):
    template: ClassVar[str] = "classes.html"
    card: NetworkCard
    q: str
    classes: Listing[UnitSummary]
    examples: Mapping[str, Clip]  # a real clip, by class, where there is one
    pager: Pager


@dataclass(frozen=True, kw_only=True)
class ConfusionsPage(Page):
    """`survey` is None before one; `matrix` has the classes that are confused most, where there are many."""

    template: ClassVar[str] = "confusions.html"
    card: NetworkCard
    survey: SurveySummary | None
    confused: tuple[Confusion, ...]  # the largest
    count: int
    matrix: Matrix


@dataclass(frozen=True, kw_only=True)
class ConfusionPage(Page):
    """Two classes, whichever is taken for the other. `pair` is None before a survey."""

    template: ClassVar[str] = "confusion.html"
    card: NetworkCard
    survey: SurveySummary | None
    sides: tuple[Side, Side]
    look: Look
    pair: Pair | None
    other_way: str  # the address of the page with the classes in the other order


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
    mine: bool
    whose: tuple[Choice, ...]
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


@dataclass(frozen=True)
class DatasetEntry:
    dataset: Dataset
    clips: tuple[Clip, ...]  # some of them, for its card


@dataclass(frozen=True, kw_only=True)
class DatasetsPage(Page):
    template: ClassVar[str] = "datasets.html"
    datasets: tuple[DatasetEntry, ...]


@dataclass(frozen=True)
class LabelChoice:
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class DatasetPage(Page):
    template: ClassVar[str] = "dataset.html"
    dataset: Dataset
    labels: tuple[LabelChoice, ...]
    label: str | None
    clips: Listing[Clip]
    pager: Pager
    surveys: tuple[SurveySummary, ...]


@dataclass(frozen=True, kw_only=True)
class ClipPage(Page):
    """`classes`: those of registered networks that the clip's label names; `explainers`: where each network is asked
    about the clip. `excites`: where surveys say so."""

    template: ClassVar[str] = "clip.html"
    dataset: Dataset
    clip: Clip
    look: Look
    views: tuple[Choice, ...]
    classes: tuple[Neighbour, ...]
    explainers: tuple[Neighbour, ...]
    excites: tuple[UnitOfClip, ...]
    previous: Neighbour | None
    next: Neighbour | None


@dataclass(frozen=True, kw_only=True)
class SurveysPage(Page):
    template: ClassVar[str] = "surveys.html"
    card: NetworkCard
    surveys: tuple[SurveySummary, ...]
    live: tuple[Job, ...]
    datasets: tuple[Dataset, ...]
    workers_alive: bool


@dataclass(frozen=True, kw_only=True)
class ExplainPage(Page):
    """The form that asks about a clip: a file, or `clip` of a data set. `picks` are clips to try it with."""

    template: ClassVar[str] = "explain.html"
    card: NetworkCard
    clip: Clip | None
    expected: str
    picks: tuple[tuple[Clip, str], ...]  # with the address of this form for each
    limit: int  # bytes
    workers_alive: bool


@dataclass(frozen=True, kw_only=True)
class OwnClipPage(Page):
    """`shown`: the logits taken apart. `rivals`: the classes whose contrast with the predicted one is there."""

    template: ClassVar[str] = "own_clip.html"
    card: NetworkCard
    clip: OwnClip
    look: Look
    views: tuple[Choice, ...]
    shown: tuple[SharesOfLogit, ...]
    against: str | None
    rivals: tuple[str, ...]
    workers_alive: bool


@dataclass(frozen=True, kw_only=True)
class FindingsPage(Page):
    """`charts` by the name of their finding. Both are empty before a survey."""

    template: ClassVar[str] = "findings.html"
    card: NetworkCard
    findings: Findings | None
    charts: Mapping[str, tuple[SpreadChart, ...]]


@dataclass(frozen=True, kw_only=True)
class FindingsExport(Page):
    """The same as one file that needs nothing else; `base` is where its links lead."""

    template: ClassVar[str] = "findings_export.html"
    card: NetworkCard
    findings: Findings
    charts: Mapping[str, tuple[SpreadChart, ...]]
    style: str
    base: str


@dataclass(frozen=True, kw_only=True)
class LinkPage(Page):
    template: ClassVar[str] = "link.html"
    link: Link


@dataclass(frozen=True, kw_only=True)
class SavedPage(Page):
    template: ClassVar[str] = "saved.html"
    address: str
    links: Listing[Link]
    pager: Pager


@dataclass(frozen=True, kw_only=True)
class EmbedPage(Page):
    """A stimulus alone, for other sites to frame. `address` is that of its whole page."""

    template: ClassVar[str] = "embed.html"
    stimulus: Stimulus
    address: str


@dataclass(frozen=True, kw_only=True)
class ErrorPage(Page):
    template: ClassVar[str] = "error.html"
    status: int
    kind: str
    detail: str
    near: tuple[Crumb, ...]

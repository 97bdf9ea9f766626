"""What each page shows: one frozen object per page, and nothing else reaches its template."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.contract.confusion import Mutual, Pair
from app.contract.evidence import (
    Answer,
    Clip,
    Dataset,
    SurveySummary,
    UnitOfClip,
)
from app.contract.explanation import OwnClip
from app.contract.findings import Findings
from app.contract.job import Estimate, Job, JobState
from app.contract.link import Link
from app.contract.model import Page as Listing
from app.contract.network import Layer, NetworkCard, NetworkSummary
from app.contract.recipe import Speed
from app.contract.result import Visualization
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitListing, UnitQuery
from app.web.charts.box_plot import SpreadChart
from app.web.charts.line_chart import Chart
from app.web.charts.map_drawing import MapSheet
from app.web.evidence import ClassFacts, Matrix, Side, Surveying, UnitFacts
from app.web.parts import (
    Choice,
    Compared,
    Crumb,
    DatasetEntry,
    Field,
    Filter,
    LabelChoice,
    Look,
    Neighbour,
    NetworkEntry,
    Page,
    Pager,
    PairLook,
    StateFilter,
    Stimulus,
    Tower,
    VisualizeForm,
)
from app.web.search import Search
from app.web.shares import SharesOfLogit


@dataclass(frozen=True, kw_only=True)
class NetworksPage(Page):
    template: ClassVar[str] = "networks.html"
    networks: tuple[NetworkEntry, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkPage(Page):
    """`head` is the tower above the fusion, or the only one; `legs` the streams that meet in it."""

    template: ClassVar[str] = "network.html"
    summary: NetworkSummary
    head: Tower
    legs: tuple[Tower, ...]
    recent: tuple[Visualization, ...]
    class_layer: bool
    units: str  # the address of all its units, those with pictures first
    map: str


@dataclass(frozen=True, kw_only=True)
class UnitsPage(Page):
    """The explorer, and the units of one layer (`layer` set): then the layer is not a filter."""

    template: ClassVar[str] = "units.html"
    card: NetworkCard
    layer: Layer | None
    query: UnitQuery
    units: UnitListing
    search: Search | None  # what its words were taken for
    pager: Pager
    filters: tuple[Filter, ...]
    map: MapSheet | None  # where the units are shown so
    whole_map: str  # the address without the region
    sorts: tuple[str, ...]  # all but the order of the network, which needs no saying
    surveyed: bool  # whether a survey has told the units' roles
    unsurveyed: Surveying | None  # where the map waits for one
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


@dataclass(frozen=True, kw_only=True)
class UnitPage(Page):
    template: ClassVar[str] = "unit.html"
    stimulus: Stimulus
    around: str | None  # the address of the part of the map that it lies in
    evidence: UnitFacts | None
    unsurveyed: Surveying | None  # instead of evidence
    previous: Neighbour | None
    next: Neighbour | None


@dataclass(frozen=True, kw_only=True)
class ClassPage(Page):
    template: ClassVar[str] = "class.html"
    stimulus: Stimulus
    evidence: ClassFacts | None
    unsurveyed: Surveying | None  # instead of evidence
    is_by_layer: bool  # whether the detectors of every layer are unfolded
    clips: tuple[Clip, ...]
    previous: Neighbour | None
    next: Neighbour | None


@dataclass(frozen=True, kw_only=True)
class ClassesPage(Page):
    template: ClassVar[str] = "classes.html"
    card: NetworkCard
    q: str
    search: Search | None
    classes: Listing[UnitSummary]
    examples: Mapping[str, Clip]  # a real clip, by class, where there is one
    unseen: str | None  # where those without a stimulus can be visualized
    pager: Pager


@dataclass(frozen=True, kw_only=True)
class ConfusionsPage(Page):
    """`survey` is None before one; `matrix` has the classes that are confused most, where there are many."""

    template: ClassVar[str] = "confusions.html"
    card: NetworkCard
    survey: SurveySummary | None
    unsurveyed: Surveying | None
    confused: tuple[Mutual, ...]  # the pairs confused most
    count: int  # of all pairs
    matrix: Matrix


@dataclass(frozen=True, kw_only=True)
class ConfusionPage(Page):
    """Two classes, whichever is taken for the other. `pair` is None before a survey."""

    template: ClassVar[str] = "confusion.html"
    card: NetworkCard
    survey: SurveySummary | None
    unsurveyed: Surveying | None
    sides: tuple[Side, Side]
    look: PairLook
    views: tuple[Choice, ...]
    pair: Pair | None
    reasons: tuple[str, ...]  # why they are confused, as far as the survey tells
    other_way: str  # the address of the page with the classes in the other order


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
    others: int  # that wait for the same layer under the same recipe, while it is alive
    address: str
    chart: Chart | None
    recipe: tuple[Field, ...]
    result: Visualization | None
    workers_alive: bool


@dataclass(frozen=True, kw_only=True)
class DatasetsPage(Page):
    template: ClassVar[str] = "datasets.html"
    datasets: tuple[DatasetEntry, ...]


@dataclass(frozen=True, kw_only=True)
class DatasetPage(Page):
    template: ClassVar[str] = "dataset.html"
    dataset: Dataset
    labels: tuple[LabelChoice, ...]
    label: str | None
    clips: Listing[Clip]
    answers: Mapping[int, tuple[Answer, ...]]  # of networks surveyed with it, by clip
    pager: Pager
    surveys: tuple[SurveySummary, ...]


@dataclass(frozen=True, kw_only=True)
class ClipPage(Page):
    """`classes`: those of registered networks that the clip's label names; `explainers`: where each network is asked
    about the clip. `answers` and `excites`: where surveys say so.
    """

    template: ClassVar[str] = "clip.html"
    dataset: Dataset
    clip: Clip
    look: Look
    views: tuple[Choice, ...]
    classes: tuple[Neighbour, ...]
    answers: tuple[Answer, ...]
    explainers: tuple[Neighbour, ...]
    excites: tuple[UnitOfClip, ...]
    previous: Neighbour | None
    next: Neighbour | None


@dataclass(frozen=True, kw_only=True)
class SurveysPage(Page):
    template: ClassVar[str] = "surveys.html"
    card: NetworkCard
    surveys: tuple[SurveySummary, ...]
    surveying: Surveying
    datasets: tuple[Dataset, ...]


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
    """By the name of their finding, its `charts`, and where those of its units can be visualized that nobody has
    seen (`unseen`). All are empty before a survey.
    """

    template: ClassVar[str] = "findings.html"
    card: NetworkCard
    findings: Findings | None
    unsurveyed: Surveying | None
    charts: Mapping[str, tuple[SpreadChart, ...]]
    unseen: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class FindingsExport(Page):
    """The same as one file that needs nothing else; `base` is where its links lead, `kept` its pictures by sha256."""

    template: ClassVar[str] = "findings_export.html"
    card: NetworkCard
    findings: Findings
    charts: Mapping[str, tuple[SpreadChart, ...]]
    unseen: Mapping[str, str | None]
    kept: Mapping[str, str]
    style: str
    base: str
    saved_at: datetime


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

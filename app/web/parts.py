"""What pages are made of: frozen objects that several templates, or parts of one, are given."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple

from fastapi import Query

from app.contract.evidence import Clip, Dataset
from app.contract.job import VisualizeJob
from app.contract.network import Layer, LayerSummary, NetworkCard, NetworkSummary, Stream
from app.contract.recipe import Speed
from app.contract.result import Visualization
from app.contract.unit import Pictured, Still, UnitSummary
from app.web.charts.line_chart import Chart

View = Literal["direction", "xy"]  # encodings of flow
StillAt = Annotated[int | None, Query(ge=1, le=100_000)]
Theme = Literal["auto", "light", "dark"]


@dataclass(frozen=True)
class Look:
    """How a player shows things, by the names that addresses have for it."""

    view: View = "direction"
    arrows: bool = False
    rate: Literal["0.25", "0.5", "1", "2"] = "1"
    again: Literal["bounce", "loop", "once"] = "bounce"
    frame: StillAt = None  # that it stands still at, counted from 1

    @property
    def choices(self) -> dict[str, str]:
        """What differs from the defaults, for addresses."""
        chosen = {"frame": str(self.frame or ""), "view": self.view, "arrows": "1" if self.arrows else ""}
        chosen |= {"rate": self.rate, "again": self.again}
        return {name: value for name, value in chosen.items() if value and value != getattr(self.defaults, name)}

    @property
    def defaults(self) -> "Look":
        return type(self)()


@dataclass(frozen=True)
class ClipLook(Look):
    """Of a real clip, which has a beginning and an end."""

    again: Literal["bounce", "loop", "once"] = "loop"


@dataclass(frozen=True)
class PairLook(Look):
    """Of two classes side by side: their stimuli have one clock, their clips another."""

    clip_frame: StillAt = None

    @property
    def choices(self) -> dict[str, str]:
        return super().choices | ({"clip_frame": str(self.clip_frame)} if self.clip_frame else {})


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
    newest: tuple[Still, ...]  # of its units, those visualized last; none of the first network
    playing: tuple[Visualization, ...]  # the newest results, of the first network alone


@dataclass(frozen=True)
class Storey:
    """A layer as it is drawn: a slab whose face grows with the map and whose depth with the units."""

    summary: LayerSummary
    units: tuple[Pictured, ...]
    face: float
    depth: float


@dataclass(frozen=True)
class Tower:
    """The layers of one stream, highest first; at its foot the input, where the stream begins with one."""

    stream: str
    storeys: tuple[Storey, ...]
    foot: tuple[Stream, ...] = ()


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
    form filled in with it, where one press would be rash.
    """

    name: str
    sentence: str
    fields: tuple[tuple[str, str], ...]
    made: str | None = None
    fills: str | None = None


@dataclass(frozen=True)
class VisualizeForm:
    """`units` is an index or `all`; `count` how many that is. `basic` are the fields in sight, `special` says what is
    unusual among the others.
    """

    network: str
    layer: str
    units: str
    count: int
    basic: tuple[Field, ...]
    advanced: tuple[Field, ...]
    special: str
    presets: tuple[Preset, ...] = ()


class FilterChoice(NamedTuple):  # of the classes of a network there are hundreds
    """`value` is empty for "any". `left` is how many units it would leave, where that was counted."""

    value: str
    words: str
    left: int | None
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


@dataclass(frozen=True)
class Compared:
    """A unit among others: what there is of it under the recipe that all are shown under."""

    unit: UnitSummary
    name: str
    href: str
    without: str  # the address of the comparison without it
    visualization: Visualization | None
    live: VisualizeJob | None


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


@dataclass(frozen=True)
class StateFilter:
    words: str
    count: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class DatasetEntry:
    dataset: Dataset
    clips: tuple[Clip, ...]  # some of them, for its card


@dataclass(frozen=True)
class LabelChoice:
    label: str
    count: int
    is_chosen: bool

"""A request for work and its life.

queued ──claim──> running ──> done
  ^                 │ ├─────> failed      (error, or 3 deaths of a worker that computed it alone)
  └──worker died────┘ └─────> cancelled   (flag seen within one step)
     or released

failed, cancelled ──retry──> queued
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from app.contract.model import Model, Paginated
from app.contract.network import NetworkCard, Sha256, Slug
from app.contract.network_source import HubId
from app.contract.recipe import Recipe, ResolvedRecipe
from app.contract.survey_part import SurveyPart

NetworkPlace = Literal["source", "hub", "path"]  # where a network to add comes from

MAX_DEATHS = 3  # of workers while they compute a job alone; with the last it fails
MAX_UNITS_PER_REQUEST = 65_536


class JobKind(StrEnum):
    VISUALIZE = "visualize"  # a unit's stimulus
    SURVEY = "survey"  # a data set through a network
    EXPLAIN = "explain"  # a person's own clip through a network
    ADD_NETWORK = "add_network"  # a published network, downloaded and registered


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_live(self) -> bool:
        return self in (JobState.QUEUED, JobState.RUNNING)


class Priority:
    """Priorities of jobs: clicks are served before sweeps, sweeps before background work."""

    CLICK = 100
    SWEEP = 10
    BACKGROUND = 0


class VisualizeRequest(Model):
    """Body of POST /api/visualizations."""

    network: str = Field(min_length=1, max_length=63)
    layer: str = Field(min_length=1, max_length=200)
    units: list[int] | Literal["all"] = Field(description="unit indices, or all units of the layer")
    recipe: Recipe = Recipe()

    @field_validator("units")
    @classmethod
    def not_empty(cls, units: list[int] | str) -> list[int] | str:
        if isinstance(units, list) and not 1 <= len(units) <= MAX_UNITS_PER_REQUEST:
            raise ValueError(f"name 1 to {MAX_UNITS_PER_REQUEST} units, or 'all'")
        return units

    def unit_indices(self, card: NetworkCard) -> list[int]:
        """Return the indices of the requested units, each once and in order.

        Raises UnknownLayer and UnknownUnit.
        """
        layer = card.layer(self.layer)
        if self.units == "all":
            return list(range(layer.units))
        return [card.unit(self.layer, unit)[1] for unit in dict.fromkeys(self.units)]


class SurveyRequest(Model):
    """Body of POST /api/surveys."""

    network: str = Field(min_length=1, max_length=63)
    dataset: str = Field(min_length=1, max_length=63)
    parts: tuple[SurveyPart, ...] | None = Field(
        default=None,
        min_length=1,
        description="only these, which are added to the survey that is there if the data set has no new clips; "
        "null for a new survey with all parts",
    )


class ExplainRequest(Model):
    """A question about one clip: why the network classifies it as it does.

    Without `dataset` and `clip`, the clip comes with the request as a file.
    """

    network: str = Field(min_length=1, max_length=63)
    expected: str | None = Field(default=None, min_length=1, max_length=200, description="the class you expected")
    dataset: str | None = Field(default=None, min_length=1, max_length=63)
    clip: str | None = Field(default=None, min_length=1, max_length=200, description="its name within the data set")

    @model_validator(mode="after")
    def both_or_neither(self) -> Self:
        if (self.dataset is None) != (self.clip is None):
            raise ValueError("name the data set and its clip, or send a file")
        return self


class AddNetworkRequest(Model):
    """Body of POST /api/networks: one of `source`, `hub` and `path`, and how the network is called here."""

    source: str | None = Field(
        default=None, min_length=1, max_length=63, description="name of a published network, see /api/sources"
    )
    hub: HubId | None = Field(default=None, description="id on the hub of the worker, as owner/name")
    path: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="directory or checkpoint below the worker's KINETOSCOPE_NETWORK_DIRECTORY",
    )
    slug: Slug | None = None
    title: str | None = Field(default=None, min_length=1, max_length=120)
    labels: str | None = Field(default=None, max_length=200_000, description="names of the outputs, one a line")
    flow_scale: float | None = Field(
        default=None, gt=0, le=1e6, description="by how much the input grows with one pixel a frame, for optical flow"
    )

    @model_validator(mode="after")
    def one_place(self) -> Self:
        if sum(each is not None for each in (self.source, self.hub, self.path)) != 1:
            raise ValueError("name one of `source`, `hub` and `path`")
        return self

    @property
    def place(self) -> NetworkPlace:
        """Where the network comes from."""
        return "hub" if self.hub else "path" if self.path else "source"

    @property
    def name(self) -> str:
        """Its name in that place."""
        return self.source or self.hub or self.path or ""


class PlannedPart(Model):
    """A part of a survey that is under way: how long it may take, or how long it took."""

    part: SurveyPart
    passes: int | None = Field(default=None, description="forward passes of clips; null before it can be told")
    most_passes: int | None = Field(
        default=None, description="that it takes of any number of clips; null where they grow with the clips"
    )
    estimate: float | None = Field(default=None, description="seconds that it may take")
    seconds: float | None = Field(default=None, description="seconds that it took, once it has ended")


class Progress(Model):
    """How far a running job is, in steps, or in passes of the survey's present `stage`.

    `seconds_left` are those of the present stage. `trace` is the objective J at each step so far, thinned to at most
    200 values.
    """

    stage: str = ""
    step: int
    steps: int
    seconds_left: float | None = None
    trace: tuple[float, ...] = ()
    parts: tuple[PlannedPart, ...] = Field(default=(), description="of a survey, in their order")


class JobError(Model):
    kind: str
    detail: str


class BaseJob(Model):
    """What jobs of every kind have."""

    id: int
    state: JobState
    network: str = Field(description="the network that it is about; of one to add, the slug that it gets")
    priority: int
    attempts: int = Field(description="how often a worker claimed it")
    deaths: int = Field(description=f"workers that died while they computed it alone; it fails with the {MAX_DEATHS}rd")
    batch_limit: int | None = Field(description="size of its batches at most, since a worker died with a larger one")
    cancel_requested: bool
    progress: Progress | None
    error: JobError | None
    worker: str | None
    revision: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    # Who asked for it, and from which address. Whoever knows an owner can pretend to be it, so no answer has them.
    owner: str | None = Field(default=None, exclude=True, repr=False)
    address: str | None = Field(default=None, exclude=True, repr=False)

    @property
    def can_be_retried(self) -> bool:
        """Whether the job ended without a result and everything that it needs is still stored."""
        return self.state in (JobState.FAILED, JobState.CANCELLED)


class VisualizeJob(BaseJob):
    """A request for the stimulus of one unit under one recipe."""

    kind: Literal[JobKind.VISUALIZE] = JobKind.VISUALIZE
    layer: str
    unit: int
    label: str = Field(description="name of the class for units of the layer `class`, else empty")
    recipe: ResolvedRecipe
    asked_recipe: Sha256 | None = Field(
        default=None,
        description="key of the recipe that was asked for, where a newer survey changed it while it waited",
    )
    visualization: int | None = Field(description="id of the result, once the job is done")
    preview_step: int | None = Field(description="step of the newest preview, while the job runs")
    poster: Sha256 | None = Field(description="still picture of the result")


class SurveyJob(BaseJob):
    """A request to pass a data set through a network and record evidence for every unit."""

    kind: Literal[JobKind.SURVEY] = JobKind.SURVEY
    dataset: str
    parts: tuple[SurveyPart, ...] | None = Field(default=None, description="null for all parts")
    answer: dict[str, Any] | None = Field(description="number of clips, number skipped and accuracy, once it is done")


class ExplainJob(BaseJob):
    """A request to explain what a network predicts for one clip."""

    kind: Literal[JobKind.EXPLAIN] = JobKind.EXPLAIN
    dataset: str | None = Field(description="data set that holds the clip; None for an uploaded file")
    clip_name: str = Field(description="name of the uploaded file, or of the clip in its data set")
    expected: str | None = Field(description="the class that the person expected")
    answer: dict[str, Any] | None = Field(description="the most probable prediction, once the job is done")

    @property
    def can_be_retried(self) -> bool:
        """Whether the job can run again: an uploaded file is deleted when its job ends."""
        return super().can_be_retried and self.dataset is not None


class AddNetworkJob(BaseJob):
    """A request to fetch a network and to register it; until it is done there is no such network."""

    kind: Literal[JobKind.ADD_NETWORK] = JobKind.ADD_NETWORK
    source: str = Field(description="name of the published network, id on the hub, or path")
    place: NetworkPlace = "source"
    title: str | None = None
    flow_scale: float | None = None
    labels: str | None = Field(default=None, exclude=True, repr=False)
    answer: dict[str, Any] | None = Field(description="number of layers, units and classes, once it is done")


Job = Annotated[VisualizeJob | SurveyJob | ExplainJob | AddNetworkJob, Field(discriminator="kind")]
JobT = TypeVar("JobT", bound=BaseJob)


def jobs_of_kind(kind: type[JobT], jobs: Iterable[BaseJob]) -> list[JobT]:
    """Return those of the jobs that are of one kind, in their order."""
    return [job for job in jobs if isinstance(job, kind)]


class JobListing(Paginated[Job]):
    """A page of jobs. `after` and `before` are cursors, with which a request continues among the finished jobs."""

    after: str | None = Field(default=None, description="cursor of the last job here, if it has ended and more follow")
    before: str | None = Field(default=None, description="cursor of the first job here, if it has ended")


class CachedResult(Model):
    """A requested unit that has a result already: its number, and the id of the visualization."""

    unit: int
    visualization: int


class EnqueueResult(Model):
    """The answer to a request: cached results, and the jobs (new or joined) for the other units."""

    jobs: tuple[VisualizeJob, ...]
    cached: tuple[CachedResult, ...]


class Estimate(Model):
    """What a request would cost.

    `seconds` is the time that one worker needs for everything that is not cached; None where no similar result exists.
    """

    count: int
    cached: int
    seconds: float | None
    basis: int = Field(description="number of earlier results that the estimate is based on")


class WorkerInfo(Model):
    """A worker process that was alive within the last day."""

    id: str
    host: str
    pid: int
    device: str
    started_at: datetime
    seen_at: datetime
    alive: bool
    paused: str | None = Field(description="kind of the error that it waits to pass, such as `disk_full`")

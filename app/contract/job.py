"""A request for work and its life.

queued ──claim──> running ──> done
  ^                 │ ├─────> failed      (error, or 3 attempts used up)
  └──lease ran out──┘ └─────> cancelled   (flag seen within one step)
     or handed back

failed, cancelled ──retry──> queued
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field, field_validator

from app.contract.catalog import NetworkCard, Sha256
from app.contract.model import Model
from app.contract.recipe import Recipe

MAX_ATTEMPTS = 3


class JobKind(StrEnum):
    VISUALIZE = "visualize"


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
    """A person's click is served before a sweep, and a sweep before what nobody asked for."""

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
        if isinstance(units, list) and not 1 <= len(units) <= 65536:
            raise ValueError("name 1 to 65536 units, or 'all'")
        return units

    def unit_indices(self, card: NetworkCard) -> list[int]:
        """The units asked for, checked against the network, each once and in order."""
        layer = card.layer(self.layer)
        if self.units == "all":
            return list(range(layer.units))
        return [card.unit(self.layer, unit)[1] for unit in dict.fromkeys(self.units)]


class Progress(Model):
    """Where a running job is. `trace` is J at each step so far, thinned to at most 200 values."""

    step: int
    steps: int
    seconds_left: float | None = None
    trace: tuple[float, ...] = ()


class JobError(Model):
    kind: str
    detail: str


class Job(Model):
    id: int
    kind: JobKind
    state: JobState
    network: str
    layer: str
    unit: int
    label: str
    recipe: Recipe
    priority: int
    attempts: int
    cancel_requested: bool
    progress: Progress | None
    error: JobError | None
    worker: str | None
    visualization: int | None
    preview_step: int | None
    poster: Sha256 | None = None  # of the result
    revision: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class CachedResult(Model):
    unit: int
    visualization: int


class Enqueued(Model):
    """Answer to a request: what is already there, and the jobs (new or joined) for the rest."""

    jobs: tuple[Job, ...]
    cached: tuple[CachedResult, ...]


class WorkerInfo(Model):
    id: str
    host: str
    pid: int
    device: str
    started_at: datetime
    seen_at: datetime
    alive: bool


class Link(Model):
    """A short link to a view: `url` is a path of this dashboard."""

    slug: str
    url: str
    title: str
    description: str
    preview: str | None
    created_at: datetime

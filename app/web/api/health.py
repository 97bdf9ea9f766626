"""The health check, for containers, for `kinetoscope up`, and for people whose jobs do not start."""

from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from app.contract.job import JobState, WorkerInfo
from app.contract.model import Model
from app.store.jobs import listing, workers
from app.web.api.error_bodies import errors
from app.web.deps import StoreDep

router = APIRouter(prefix="/api", tags=["health"])

try:
    VERSION = version("kinetoscope")
except PackageNotFoundError:  # run from a checkout that is not installed
    VERSION = "unknown"


class Health(Model):
    status: Literal["ok"]
    version: str
    database: str = Field(examples=["sqlite", "postgresql"])
    workers: tuple[WorkerInfo, ...]
    jobs: dict[JobState, int]


@router.get("/health", summary="Status, version, workers, and how full the queue is", responses=errors())
def health(store: StoreDep) -> Health:
    with store.session() as session:  # within this one call, so it need not wait in line (app/web/serving/admission.py)
        return Health(
            status="ok",
            version=VERSION,
            database=store.dialect,
            workers=tuple(workers.list_workers(session)),
            jobs=listing.count_by_state(session),
        )

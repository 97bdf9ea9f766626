"""The health check, for containers, for `kinetoscope up`, and for people whose jobs do not start."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from app.contract.job import JobState, WorkerInfo
from app.contract.model import Model
from app.contract.version import VERSION
from app.store.jobs import listing, workers
from app.web.api.error_bodies import errors
from app.web.deps import StoreDep

router = APIRouter(prefix="/api", tags=["health"])


class Health(Model):
    """How the dashboard is. It answers with status 200 also where it is degraded: the web host itself serves."""

    status: Literal["ok", "degraded"]
    detail: str = Field(description="why it is degraded, and what to do")
    version: str
    database: str = Field(examples=["sqlite", "postgresql"])
    workers: tuple[WorkerInfo, ...]
    jobs: dict[JobState, int]


@router.get("/health", summary="Status, version, workers, and how full the queue is", responses=errors())
def health(store: StoreDep) -> Health:
    with store.session() as session:  # within this one call, so it need not wait in line (app/web/serving/admission.py)
        known = workers.list_workers(session)
        detail = _degradation(known)
        return Health(
            status="degraded" if detail else "ok",
            detail=detail,
            version=VERSION,
            database=store.dialect,
            workers=tuple(known),
            jobs=listing.count_by_state(session),
        )


def _degradation(known: list[WorkerInfo]) -> str:
    """Return in words why no worker computes, empty where one does."""
    if not any(worker.alive for worker in known):
        return "No worker is running: jobs wait until one is started with `kinetoscope-worker run`."
    pause = workers.common_pause(known)
    return f"All workers are paused ({pause}): they go on by themselves when that has passed." if pause else ""

"""Data sets and their clips."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.contract.model import Paginated
from app.store import datasets
from app.store.surveys import predictions
from app.web.api.shapes import ClipDetail, ClipOut, DatasetOut, errors
from app.web.deps import Reading

router = APIRouter(prefix="/api/datasets", tags=["data sets"])


@router.get("", summary="All data sets", responses=errors())
def list_datasets(session: Reading) -> list[DatasetOut]:
    return [DatasetOut.of(found) for found in datasets.list_datasets(session)]


@router.get("/{dataset}", summary="One data set", responses=errors(404, 422))
def get_dataset(session: Reading, dataset: str) -> DatasetOut:
    return DatasetOut.of(datasets.get_dataset(session, slug=dataset))


@router.get("/{dataset}/clips", summary="Clips of a data set, label by label", responses=errors(404, 422))
def list_clips(
    session: Reading,
    dataset: str,
    label: Annotated[str | None, Query(max_length=200, description="only clips of this label")] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=200)] = 48,
) -> Paginated[ClipOut]:
    found = datasets.list_clips(session, slug=dataset, label=label or None, page=page, per_page=per_page)
    return Paginated(items=tuple(ClipOut.of(clip) for clip in found.items), total=found.total, next=found.next)


@router.get(
    "/{dataset}/clips/{name:path}",
    summary="One clip with its media, and what networks take it for",
    responses=errors(404, 422),
)
def get_clip(session: Reading, dataset: str, name: str) -> ClipDetail:
    clip = datasets.get_clip(session, slug=dataset, name=name)
    found = predictions.predictions_by_clip(session, clips=[clip.id]).get(clip.id, ())
    return ClipDetail(**vars(ClipOut.of(clip)), answers=found)

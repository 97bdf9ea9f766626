"""Data sets and their clips."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.contract.dataset import Clip, Dataset
from app.contract.model import Paginated
from app.contract.result import MediaRole
from app.contract.survey import ClipPrediction
from app.store import datasets
from app.store.surveys import predictions
from app.web import api_urls, urls
from app.web.api.error_bodies import errors
from app.web.api.media import MediaOut
from app.web.deps import ReadSession

router = APIRouter(prefix="/api/datasets", tags=["data sets"])


class ClipOut(Clip):
    href: str
    page: str
    media: tuple[MediaOut, ...]
    flow: MediaOut | None = Field(description="its flow, which is in `media` too; null where it is not computed yet")

    @classmethod
    def of(cls, clip: Clip) -> Self:
        flow = clip.medium(MediaRole.FLOW)
        return cls(
            **{**vars(clip), "media": tuple(MediaOut.of(ref) for ref in clip.media)},
            flow=MediaOut.of(flow) if flow else None,
            href=api_urls.clip(clip.dataset, clip.name),
            page=urls.clip(clip.dataset, clip.name),
        )


class ClipDetail(ClipOut):
    answers: tuple[ClipPrediction, ...] = Field(description="what networks surveyed with its data set take it for")


class DatasetOut(Dataset):
    href: str
    page: str

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        return cls(**vars(dataset), href=api_urls.dataset(dataset.slug), page=urls.dataset(dataset.slug))


@router.get("", summary="All data sets", responses=errors())
def list_datasets(session: ReadSession) -> list[DatasetOut]:
    return [DatasetOut.of(dataset) for dataset in datasets.list_datasets(session)]


@router.get("/{dataset}", summary="One data set", responses=errors(404, 422))
def get_dataset(session: ReadSession, dataset: str) -> DatasetOut:
    return DatasetOut.of(datasets.get_dataset(session, slug=dataset))


@router.get("/{dataset}/clips", summary="Clips of a data set, label by label", responses=errors(404, 422))
def list_clips(
    session: ReadSession,
    dataset: str,
    label: Annotated[str | None, Query(max_length=200, description="only clips of this label")] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=200)] = 48,
) -> Paginated[ClipOut]:
    listing = datasets.list_clips(session, slug=dataset, label=label or None, page=page, per_page=per_page)
    return Paginated(items=tuple(ClipOut.of(clip) for clip in listing.items), total=listing.total, next=listing.next)


@router.get(
    "/{dataset}/clips/{name:path}",
    summary="One clip with its media, and what networks take it for",
    responses=errors(404, 422),
)
def get_clip(session: ReadSession, dataset: str, name: str) -> ClipDetail:
    clip = datasets.get_clip(session, slug=dataset, name=name)
    answers = predictions.predictions_by_clip(session, clips=[clip.id]).get(clip.id, ())
    return ClipDetail(**vars(ClipOut.of(clip)), answers=answers)

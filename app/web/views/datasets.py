"""The data sets, and one data set with its clips."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.contract.dataset import Clip, Dataset
from app.contract.model import Paginated as Listing
from app.contract.result import MediaRole
from app.contract.survey import ClipPrediction, SurveySummary
from app.store import datasets
from app.store.surveys import evidence, predictions
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.pagination import Pagination, numbered_pagination

router = APIRouter(prefix="/-/datasets")

CLIPS_PER_PAGE = 48
CLIPS_PER_DATASET = 4  # on the page of all data sets


@dataclass(frozen=True)
class DatasetEntry:
    """A data set in the list, with some of its clips."""

    dataset: Dataset
    clips: tuple[Clip, ...]


@dataclass(frozen=True, kw_only=True)
class DatasetsPage(Page):
    template: ClassVar[str] = "datasets.html"
    datasets: tuple[DatasetEntry, ...]


@dataclass(frozen=True)
class LabelChoice:
    """A label of the data set that its clips can be filtered by."""

    label: str
    clip_count: int
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class DatasetPage(Page):
    template: ClassVar[str] = "dataset.html"
    dataset: Dataset
    label_choices: tuple[LabelChoice, ...]
    clips: Listing[Clip]
    predictions: Mapping[int, tuple[ClipPrediction, ...]]  # by clip, of the networks surveyed with the data set
    pagination: Pagination
    surveys: tuple[SurveySummary, ...]


def datasets_crumb() -> Crumb:
    return Crumb("Data sets", urls.datasets())


@router.get("")
def datasets_page(request: Request, session: ReadSession) -> HTMLResponse:
    page = DatasetsPage(
        layout=page_layout(
            request,
            title="Data sets · Kinetoscope",
            address=urls.datasets(),
            description="The labelled clips that networks are surveyed with.",
            crumbs=(home_crumb(), Crumb("Data sets")),
        ),
        datasets=tuple(
            DatasetEntry(dataset, datasets.list_clips(session, slug=dataset.slug, per_page=CLIPS_PER_DATASET).items)
            for dataset in datasets.list_datasets(session)
        ),
    )
    return render(page)


@router.get("/{slug}")
def dataset_page(
    request: Request,
    session: ReadSession,
    slug: str,
    label: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    dataset = datasets.get_dataset(session, slug=slug)
    clips = datasets.list_clips(
        session, slug=slug, label=label or None, page=page, per_page=CLIPS_PER_PAGE, roles=datasets.CARD_MEDIA
    )

    def href(number: int) -> str:
        return urls.dataset(slug, label=label, page=number if number > 1 else None)

    return render(
        DatasetPage(
            layout=page_layout(
                request,
                title=f"{label or 'Clips'} · {dataset.title}",
                address=href(page),
                description=dataset.summary or f"{dataset.clips:,} clips of {len(dataset.classes):,} classes.",
                crumbs=(home_crumb(), datasets_crumb(), Crumb(dataset.title)),
                image=next((poster for poster in map(clip_poster, clips.items) if poster), None),
            ),
            dataset=dataset,
            label_choices=tuple(
                LabelChoice(each, count, each == label)
                for each, count in datasets.label_counts(session, slug=slug).items()
            ),
            clips=clips,
            predictions=predictions.predictions_by_clip(session, clips=[clip.id for clip in clips.items]),
            pagination=numbered_pagination(page, CLIPS_PER_PAGE, clips.total, href),
            surveys=tuple(evidence.list_surveys(session, dataset=slug)),
        )
    )


def clip_poster(clip: Clip) -> str | None:
    medium = clip.medium(MediaRole.POSTER)
    return medium.sha256 if medium else None

"""What the API answers: the contract's own objects, each with the addresses that lead on from it."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from app.contract.confusion import Confusion, Pair
from app.contract.evidence import (
    Clip,
    ClipPrediction,
    Dataset,
    PredictedClip,
    SurveySummary,
    UnitEvidence,
)
from app.contract.explanation import Explanation, OwnClip
from app.contract.job import ExplainJob, Job, JobError, JobKind, JobState, Progress, VisualizeJob
from app.contract.model import Model, Paginated
from app.contract.network import Extent, Layer, LayerSummary, NetworkSummary, Sha256, Slug, Stream, StreamName
from app.contract.recipe import ResolvedRecipe
from app.contract.result import MediaRef, Visualization
from app.contract.unit import UnitSummary
from app.web import urls

NetworkSlug = Annotated[str, Path(examples=["i3d"])]
LayerName = Annotated[str, Path(examples=["class"])]
UnitIndex = Annotated[int, Path(ge=0, lt=2**31, examples=[171])]
JobId = Annotated[int, Path(ge=1, lt=2**63, examples=[1])]


class JobOut(Model):
    """A job, with where to ask again, what to show meanwhile, and where its result is."""

    # Jobs of all kinds have all fields here; those that a kind does not have are null or empty.
    id: int
    kind: JobKind
    state: JobState
    network: str
    layer: str | None = None
    unit: int | None = None
    label: str = ""
    recipe: ResolvedRecipe | None = None
    dataset: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    priority: int
    attempts: int
    cancel_requested: bool
    progress: Progress | None
    error: JobError | None
    worker: str | None
    visualization: int | None
    answer: dict[str, Any] | None = Field(default=None, description="what came out, of kinds without pictures")
    preview_step: int | None
    poster: Sha256 | None = None  # of the result
    revision: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    href: str
    page: str = Field(description="where its result is shown: a page of the unit, or of the network")
    preview: str | None = Field(description="newest picture of the growing stimulus")
    result: str | None = Field(description="the finished visualization")

    @classmethod
    def of(cls, job: Job) -> Self:
        fields: dict[str, Any] = {"visualization": None, "preview_step": None, **vars(job)}
        if isinstance(job, ExplainJob):
            fields["parameters"] = {"name": fields.pop("clip_name"), "expected": fields.pop("expected")}
        preview = result = None
        if isinstance(job, VisualizeJob):
            preview = None if job.preview_step is None else urls.job_preview(job.id, job.preview_step)
            result = None if job.visualization is None else urls.api_visualization(job.visualization)
        return cls(**fields, href=urls.api_job(job.id), page=urls.work(job), preview=preview, result=result)


class MediaOut(MediaRef):
    href: str

    @classmethod
    def of(cls, ref: MediaRef) -> Self:
        return cls(**vars(ref), href=urls.medium(ref))


class VisualizationOut(Visualization):
    href: str
    page: str = Field(description="the unit's page")
    media: tuple[MediaOut, ...]

    @classmethod
    def of(cls, found: Visualization) -> Self:
        return cls(
            **{**vars(found), "media": tuple(MediaOut.of(ref) for ref in found.media)},
            href=urls.api_visualization(found.id),
            page=urls.unit(found.network, found.layer, found.unit),
        )


class UnitOut(UnitSummary):
    href: str
    page: str = Field(description="the unit's page")
    poster_href: str | None
    loop_href: str | None

    @classmethod
    def of(cls, unit: UnitSummary) -> Self:
        return cls(
            **vars(unit),
            href=urls.api_unit(unit.network, unit.layer, unit.index),
            page=urls.unit(unit.network, unit.layer, unit.index),
            poster_href=unit.poster and urls.media(unit.poster),
            loop_href=unit.loop and urls.media(unit.loop),
        )


class UnitListingOut(Paginated[UnitOut]):
    """A page of units. `total` is where counting stopped if `capped`. To go on, repeat the query with `after`."""

    capped: bool
    left_out: tuple[str, ...] = Field(description="words of `q` that mean nothing here: it was searched for the others")
    after: str | None = Field(description="place of the last unit here, if more follow")
    before: str | None = Field(description="place of the first unit here, if others come before")


class ClipOut(Clip):
    href: str
    page: str
    media: tuple[MediaOut, ...]

    @classmethod
    def of(cls, clip: Clip) -> Self:
        return cls(
            **{**vars(clip), "media": tuple(MediaOut.of(ref) for ref in clip.media)},
            href=urls.api_clip(clip.dataset, clip.name),
            page=urls.clip(clip.dataset, clip.name),
        )


class ClipDetail(ClipOut):
    answers: tuple[ClipPrediction, ...] = Field(description="what networks surveyed with its data set take it for")


class AnsweredClipOut(PredictedClip):
    clip: ClipOut

    @classmethod
    def of(cls, found: PredictedClip) -> Self:
        return cls(clip=ClipOut.of(found.clip), answer=found.answer)


class DatasetOut(Dataset):
    href: str
    page: str

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        return cls(**vars(dataset), href=urls.api_dataset(dataset.slug), page=urls.dataset(dataset.slug))


class SurveyOut(SurveySummary):
    href: str = Field(description="recall of each class and confusions too")
    page: str

    @classmethod
    def of(cls, survey: SurveySummary) -> Self:
        return cls(
            **vars(survey),
            href=urls.api_survey(survey.network, survey.dataset),
            page=urls.surveys(survey.network),
        )


class OwnClipOut(Model):
    """A clip that was asked about; its job says how far it is, or why it failed."""

    job: JobOut
    name: str = Field(description="of the file, or of the clip in its data set")
    expected: str | None = Field(description="the class that the person expected")
    media: tuple[MediaOut, ...]
    explanation: Explanation | None = None
    href: str
    page: str

    @classmethod
    def of(cls, clip: OwnClip) -> Self:
        return cls(
            **{**vars(clip), "job": JobOut.of(clip.job), "media": tuple(MediaOut.of(ref) for ref in clip.media)},
            href=urls.api_own_clip(clip.job.id),
            page=urls.own_clip(clip.job.id),
        )


class ConfusionOut(Confusion):
    share: float = Field(description="of the clips of the class")
    href: str = Field(description="the two classes, and the units that separate them or do not")
    page: str

    @classmethod
    def of(cls, network: str, found: Confusion) -> Self:
        return cls(
            **vars(found),
            share=found.rate,
            href=urls.api_confusion(network, found.actual, found.predicted),
            page=urls.confusion(network, found.actual, found.predicted),
        )


class PairOut(Pair):
    """Responses `a` and `b` are those to the classes of the query."""

    a_for_b: ConfusionOut
    b_for_a: ConfusionOut
    reasons: tuple[str, ...] = Field(description="why they are confused, as far as the survey tells")


class UnitDetail(Model):
    """A unit with its evidence, its visualizations and its jobs.

    The evidence is that of the newest survey, the visualizations are newest first, and the jobs are those that wait,
    run, or ended without a visualization.
    """

    unit: UnitOut
    evidence: UnitEvidence | None = None
    visualizations: tuple[VisualizationOut, ...]
    jobs: tuple[JobOut, ...]


class LayerOut(Layer):
    visualized_units: int
    href: str = Field(description="the layer's units")
    page: str

    @classmethod
    def of(cls, network: str, summary: LayerSummary) -> Self:
        name = summary.layer.name
        return cls(
            **vars(summary.layer),
            visualized_units=summary.visualized_units,
            href=urls.path("api", "networks", network, "units", query={"layer": name}),
            page=urls.layer(network, name),
        )


class NetworkOut(Model):
    """A network in the list: its card in short, and counts."""

    slug: Slug
    title: str
    family: str
    summary: str
    streams: tuple[StreamName, ...]
    layers: int
    units: int
    classes: int
    parameters: int
    visualizations: int
    visualized_units: int
    href: str
    page: str

    @classmethod
    def of(cls, network: NetworkSummary) -> Self:
        card = network.card
        return cls(
            slug=card.slug,
            title=card.title,
            family=card.family,
            summary=card.summary,
            streams=tuple(stream.name for stream in card.streams),
            layers=len(card.layers),
            units=card.units,
            classes=len(card.classes),
            parameters=card.parameters,
            visualizations=network.visualizations,
            visualized_units=network.visualized_units,
            href=urls.api_network(card.slug),
            page=urls.network(card.slug),
        )


class NetworkDetail(Model):
    """The card of a network, its layers in order, its classes."""

    slug: Slug
    title: str
    family: str
    summary: str
    checksum: str
    streams: tuple[Stream, ...]
    layers: tuple[LayerOut, ...]
    classes: tuple[str, ...]
    class_sentences: tuple[str, ...] = Field(description="what each class is; empty where nobody says")
    units: int
    parameters: int
    normalised: bool = Field(description="its batch normalisation remembers the data that it was trained on")
    stimulus: Extent
    visualizations: int
    visualized_units: int
    page: str

    @classmethod
    def of(cls, network: NetworkSummary, layers: list[LayerSummary]) -> Self:
        card = network.card
        return cls(
            **{name: getattr(card, name) for name in type(card).model_fields if name != "layers"},
            layers=tuple(LayerOut.of(card.slug, layer) for layer in layers),
            units=card.units,
            visualizations=network.visualizations,
            visualized_units=network.visualized_units,
            page=urls.network(card.slug),
        )


class ErrorBody(BaseModel):
    """The one body of every error; some kinds add fields of their own, such as `near` or `fields`."""

    model_config = ConfigDict(extra="allow")

    error: str = Field(description="snake_case kind", examples=["unknown_layer"])
    detail: str = Field(
        description="what is wrong and what to do",
        examples=["There is no layer 'fusion.conv4'. Near: fusion.conv5."],
    )


MEANINGS = {
    400: "The request cannot be read",
    403: "Refused: the request asks for another host, or comes from another site",
    404: "No such thing; `near` lists names that may have been meant",
    409: "The thing is in a state that does not allow this",
    413: "The body is too large",
    415: "The body is of another type than is read here",
    422: "A field is wrong; `fields` lists each",
    429: "The queue is full",
    503: "The database does not answer, is not migrated, or is full; or too many requests wait (see `Retry-After`)",
}


POSSIBLE_EVERYWHERE = (400, 403, 503)


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors of an endpoint for its documentation; those that any may have need not be named."""
    wanted = sorted({*statuses, *POSSIBLE_EVERYWHERE})
    return {status: {"model": ErrorBody, "description": MEANINGS[status]} for status in wanted}


def errors_as_json(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the same for an endpoint whose own answers are not JSON."""
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    return {
        status: {"description": described["description"], "content": body}
        for status, described in errors(*statuses).items()
    }

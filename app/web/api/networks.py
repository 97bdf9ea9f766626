"""Networks: the list, one with its layers and classes, and a request to add a published one."""

from typing import Annotated, Self

from fastapi import APIRouter, Body
from pydantic import Field

from app.contract.job import AddNetworkRequest
from app.contract.model import Model
from app.contract.network import (
    Extent,
    Layer,
    LayerSummary,
    NetworkSummary,
    OmittedModule,
    Origin,
    Slug,
    Stream,
    StreamName,
)
from app.store.catalog import networks
from app.store.jobs import requests
from app.web import api_urls, url_path, urls
from app.web.api.error_bodies import errors, write_errors
from app.web.api.jobs import JobOut
from app.web.api.parameters import NetworkSlug
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.requests.network_directory import check_path
from app.web.requests.visitor import VisitorDep, requester

router = APIRouter(prefix="/api/networks", tags=["networks"])


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
            href=url_path.path("api", "networks", network, "units", query={"layer": name}),
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
            href=api_urls.network(card.slug),
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
    origin: Origin | None = Field(description="where it was fetched from, and under which licence; null for a file")
    memory: int | None = Field(description="bytes that one unit needs, estimated from shapes; null where unknown")
    omitted: tuple[OmittedModule, ...] = Field(description="modules that are no layers, and why")
    classes: tuple[str, ...]
    class_sentences: tuple[str, ...] = Field(description="what each class is; empty where nobody says")
    units: int
    parameters: int
    normalised: bool = Field(description="its batch normalisation remembers the data that it was trained on")
    feature_statistics: str = Field(
        description="sha256 of the means and variances of features that its newest survey measured; empty without"
    )
    survey_maxima: str = Field(description="sha256 of the a_hat that its newest survey measured; empty before one")
    stimulus: Extent
    short_side: int | None = Field(description="pixels that a video's shorter side is scaled to before the crop")
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


@router.get("", summary="All networks", responses=errors())
def list_networks(session: ReadSession) -> list[NetworkOut]:
    return [NetworkOut.of(network) for network in networks.list_networks(session)]


@router.post(
    "",
    summary="Ask for a network to be fetched and registered: one of /api/sources, of the hub, or of the worker's disk",
    status_code=202,
    responses=write_errors(403, 404, 409, 413, 415, 422),
)
def add_network(
    session: WriteSession,
    settings: SettingsDep,
    visitor: VisitorDep,
    request: Annotated[AddNetworkRequest, Body(examples=[{"source": "i3d"}])],
) -> JobOut:
    """Join the job that adds the same network where it is under way."""
    check_path(request, settings)
    asked_by = requester(visitor, settings)
    return JobOut.of(requests.enqueue_network(session, request=request, limit=settings.queue_limit, requester=asked_by))


@router.get("/{network}", summary="One network: card, layers in order, classes", responses=errors(404, 422))
def get_network(session: ReadSession, network: NetworkSlug) -> NetworkDetail:
    summary = networks.get_network(session, slug=network)
    return NetworkDetail.of(summary, networks.layer_summaries(session, card=summary.card))

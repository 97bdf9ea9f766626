"""Published networks, which `POST /api/networks` adds."""

from typing import Self

from fastapi import APIRouter
from pydantic import Field

from app.contract.network_source import ON_HUB, PACKAGES, HubSource, NetworkSource
from app.store.catalog import networks
from app.web import api_urls
from app.web.api.error_bodies import errors
from app.web.deps import ReadSession

router = APIRouter(prefix="/api/sources", tags=["networks"])


class PackageSourceOut(NetworkSource):
    network: str | None = Field(description="address of the network, where one of this name is registered")

    @classmethod
    def of(cls, source: NetworkSource, *, is_registered: bool) -> Self:
        return cls(**vars(source), network=api_urls.network(source.name) if is_registered else None)


class HubSourceOut(HubSource):
    network: str | None = Field(description="address of the network, where one of this name is registered")

    @classmethod
    def of(cls, source: HubSource, *, is_registered: bool) -> Self:
        return cls(**vars(source), network=api_urls.network(source.name) if is_registered else None)


@router.get(
    "",
    summary="Published networks that can be added: those in packages, with checksums, and those on the hub; licences",
    responses=errors(),
)
def list_sources(session: ReadSession) -> list[PackageSourceOut | HubSourceOut]:
    registered = {card.slug for card in networks.list_cards(session)}
    return [
        *(PackageSourceOut.of(source, is_registered=source.name in registered) for source in PACKAGES),
        *(HubSourceOut.of(source, is_registered=source.name in registered) for source in ON_HUB),
    ]

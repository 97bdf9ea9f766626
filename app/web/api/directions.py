"""Dictionaries of a network: what each was learned from, and what was measured of it."""

from typing import Self

from fastapi import APIRouter
from pydantic import Field

from app.contract.dictionary import DictionarySummary
from app.store.catalog import dictionaries, networks
from app.web import url_path, urls
from app.web.api.error_bodies import errors
from app.web.api.parameters import NetworkSlug
from app.web.deps import ReadSession

router = APIRouter(prefix="/api/networks/{network}", tags=["networks"])


class DictionaryOut(DictionarySummary):
    names: tuple[str, ...] = Field(description="of the directions; empty where they have none")
    href: str = Field(description="the directions, as units")
    page: str

    @classmethod
    def of(cls, summary: DictionarySummary, names: tuple[str, ...]) -> Self:
        return cls(
            **vars(summary),
            names=names,
            href=url_path.path("api", "networks", summary.network, "units", query={"layer": summary.layer}),
            page=urls.layer(summary.network, summary.layer),
        )


@router.get("/directions", summary="Dictionaries over the layers of a network", responses=errors(404, 422))
def list_directions(session: ReadSession, network: NetworkSlug) -> list[DictionaryOut]:
    card = networks.get_card(session, slug=network)
    found = dictionaries.list_dictionaries(session, card=card)
    described = ((each, card.layer(each.layer).dictionary) for each in found)
    return [DictionaryOut.of(each, dictionary.names if dictionary else ()) for each, dictionary in described]

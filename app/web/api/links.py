"""Short links to views. What a link says of itself is found here, not believed from the client."""

import re
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from fastapi import APIRouter
from pydantic import Field, field_validator

from app.contract.catalog import CLASS_LAYER, NetworkCard
from app.contract.errors import InvalidRequest
from app.contract.job import Link
from app.contract.model import Model
from app.contract.result import Role, Visualization
from app.store import Session, catalog, links, visualizations
from app.web import urls
from app.web.api.shapes import errors
from app.web.deps import Base, Writing

router = APIRouter(prefix="/links", tags=["links"])

UNSAFE = re.compile(r"[\x00-\x20\x7f\\]|%00")  # spaces, controls, and what browsers take for a slash


class LinkRequest(Model):
    url: str = Field(
        min_length=1,
        max_length=2000,
        description="a page of this dashboard: its path, or its whole address",
        examples=["/i3d/class/175?speed=slow"],
    )
    title: str = Field(min_length=1, max_length=200, examples=["juggling soccer ball, slow"])

    @field_validator("title")
    @classmethod
    def one_line(cls, title: str) -> str:
        if not title.strip() or not title.isprintable():
            raise ValueError("write one line of plain text")
        return title.strip()


class LinkOut(Link):
    href: str = Field(description="path of the short link")
    address: str = Field(description="the short link with its host, to be copied")


@router.post("", summary="A short link to a view", responses=errors(404, 413, 415, 422))
def create_link(session: Writing, base: Base, request: LinkRequest) -> LinkOut:
    url = local(request.url, base)
    description, preview = describe(session, url)
    link = links.create_link(session, url=url.geturl(), title=request.title, description=description, preview=preview)
    href = urls.link(link.slug)
    return LinkOut(**dict(link), href=href, address=urls.absolute(base, href))


def local(url: str, base: str) -> SplitResult:
    """The path and query of an address of this dashboard; a link must never lead to another site."""
    wrong = InvalidRequest(
        f"{url[:200]!r} is not a page of this dashboard. Give its path, such as /network/layer/unit.",
        fields=[{"field": "url", "detail": "Give a path of this dashboard."}],
    )
    if UNSAFE.search(url):
        raise wrong
    try:
        split = urlsplit(url.removeprefix(base) if url.startswith(f"{base}/") else url)
    except ValueError as error:
        raise wrong from error
    if split.scheme or split.netloc or not split.path.startswith("/") or split.path.startswith("//"):
        raise wrong
    if split.path.startswith(("/api/", "/-/s/", "/-/media/", "/-/assets/")):
        raise wrong
    return split


def describe(session: Session, url: SplitResult) -> tuple[str, str | None]:
    """A sentence on what the view shows, and the poster it shows first."""
    match [unquote(part) for part in url.path.split("/") if part]:
        case [network, "-", "classes", *name] if name:
            card = catalog.get_network(session, slug=network).card
            return _unit(session, card, CLASS_LAYER, card.class_index("/".join(name)), url.query)
        case [network, layer, unit] if network != "-" and layer != "-" and unit.isdecimal():
            card = catalog.get_network(session, slug=network).card
            return _unit(session, card, layer, int(unit), url.query)
        case [network, *rest] if network != "-":
            card = catalog.get_network(session, slug=network).card
            if len(rest) == 1:
                return f"Layer {card.layer(rest[0]).name} of {card.title}", None
            return card.title, None
    return "See what a video network has learned.", None


def _unit(session: Session, card: NetworkCard, layer: str, unit: int, query: str) -> tuple[str, str | None]:
    found = catalog.get_unit(session, slug=card.slug, layer=layer, unit=unit)
    shown = visualizations.for_unit(session, slug=card.slug, layer=layer, unit=unit)
    chosen = {name: values[-1] for name, values in parse_qs(query).items()}
    matching = [each for each in shown if _is_chosen(each, chosen)]
    poster = matching[0].medium(Role.POSTER) if matching else None
    name = f"{found.label}, unit {unit}" if found.label else f"Unit {unit}"
    return f"{name} of layer {layer} of {card.title}", poster.sha256 if poster else found.poster


def _is_chosen(shown: Visualization, chosen: dict[str, str]) -> bool:
    recipe = shown.recipe
    return chosen.get("speed", recipe.speed) == recipe.speed and chosen.get("seed", str(recipe.seed)) == str(
        recipe.seed
    )

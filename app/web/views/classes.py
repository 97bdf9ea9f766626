"""The list of a network's classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.contract.dataset import Clip
from app.contract.model import Paginated as Listing
from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitQuery
from app.store import datasets
from app.store.catalog import networks
from app.store.catalog.search import search_units
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.pagination import Pagination, numbered_pagination
from app.web.views.parts.search_interpretation import SearchInterpretation, interpret_search

router = APIRouter()

CLASSES_PER_PAGE = 60


@dataclass(frozen=True, kw_only=True)
class ClassesPage(Page):
    template: ClassVar[str] = "classes.html"
    card: NetworkCard
    q: str
    search: SearchInterpretation | None
    classes: Listing[UnitSummary]
    example_clips: Mapping[str, Clip]  # a real clip by class name; classes without one are left out
    visualize_missing_href: str | None  # None where every class has a stimulus
    pagination: Pagination


@router.get("/{network:slug}/-/classes")
def classes_page(
    request: Request,
    session: ReadSession,
    network: str,
    q: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    card.require_classes()
    query = UnitQuery(layer=CLASS_LAYER, q=q or None, page=page, per_page=CLASSES_PER_PAGE)
    units = search_units(session, card=card, query=query)

    def href(number: int) -> str:
        return urls.classes(network, q=q, page=number if number > 1 else None)

    missing = UnitQuery(layer=CLASS_LAYER, q=q or None, state="missing")
    return render(
        ClassesPage(
            layout=page_layout(
                request,
                title=f"Classes · {card.title}",
                address=href(page),
                description=f"The {len(card.classes):,} classes that {card.title} tells apart.",
                crumbs=network_crumbs(card, Crumb("Classes")),
                image=next((unit.poster for unit in units.items if unit.poster), None),
            ),
            card=card,
            q=q,
            search=interpret_search(card, q, units),
            classes=units,
            visualize_missing_href=urls.selection(card.slug, missing)
            if any(not unit.poster for unit in units.items)
            else None,
            example_clips=datasets.example_clips(session, names=[unit.label for unit in units.items]),
            pagination=numbered_pagination(page, CLASSES_PER_PAGE, units.total, href),
        )
    )

"""What people named: rates with intervals by network, class, recipe and seed, and the answers as CSV and JSON."""

import json
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from app.contract.naming import Misnaming, NamedRate, NamingReport
from app.contract.network import NetworkCard
from app.contract.recipe import ResolvedRecipe
from app.store.catalog import networks
from app.web import urls
from app.web.csv_table import csv_table
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.name_it import SHOWN_TEXTS
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.naming_rates import AnswerRow, NamingData, ReportFilters, load_naming
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.recipe_form import unusual_values

router = APIRouter()

MAX_MISNAMINGS = 100  # that the page lists
SURVEY_TEXTS = {"": "before a survey", "unrecorded": "a_hat not recorded"}  # by the recipe's `survey_maxima`


@dataclass(frozen=True)
class RateRow:
    """A rate in a table, with the name of its group."""

    text: str
    href: str | None
    rate: NamedRate


@dataclass(frozen=True)
class RateTable:
    """Rates side by side; `key` makes its id."""

    key: str
    title: str
    group: str  # what its rows are
    rows: tuple[RateRow, ...]


@dataclass(frozen=True, kw_only=True)
class NamingReportPage(Page):
    """`tables` has the networks first; classes, recipes and seeds only where one network is chosen."""

    template: ClassVar[str] = "naming_report.html"
    report: NamingReport
    filters: ReportFilters
    cards: tuple[NetworkCard, ...]
    tables: tuple[RateTable, ...]
    misnamings: tuple[Misnaming, ...]  # the most frequent
    shown_texts: tuple[tuple[str, str], ...]
    csv_href: str
    json_href: str


@router.get(urls.naming_report())
def report_page(
    request: Request,
    session: ReadSession,
    filters: Annotated[ReportFilters, Depends(ReportFilters)],
    export: Annotated[Literal["csv", "json"] | None, Query()] = None,
) -> Response:
    data = load_naming(session, filters)
    if export is not None:
        return _export(data, export)
    report = data.report()
    params = filters.query_params
    return render(
        NamingReportPage(
            layout=page_layout(
                request,
                title="What people named",
                address=urls.naming_report(**params),
                description="How often people name the stimuli of classes, beside chance and controls.",
                crumbs=(home_crumb(), Crumb("Name stimuli", urls.name_it()), Crumb("What people named")),
            ),
            report=report,
            filters=filters,
            cards=tuple(each for each in networks.list_cards(session) if each.classes),
            tables=_tables(report, data, filters),
            misnamings=report.misnamings[:MAX_MISNAMINGS],
            shown_texts=tuple((each.value, text) for each, text in SHOWN_TEXTS.items()),
            csv_href=urls.naming_report(**params, export="csv"),
            json_href=urls.naming_report(**params, export="json"),
        )
    )


def _export(data: NamingData, kind: Literal["csv", "json"]) -> Response:
    rows = [each.model_dump(mode="json") for each in data.rows()]
    if kind == "csv":
        body, media_type = csv_table(tuple(AnswerRow.model_fields), rows), "text/csv; charset=utf-8"
    else:
        body, media_type = json.dumps(rows, indent=1, ensure_ascii=False), "application/json"
    headers = {"Content-Disposition": f'attachment; filename="naming.{kind}"', "Cache-Control": "no-cache"}
    return Response(body, media_type=media_type, headers=headers)


def _tables(report: NamingReport, data: NamingData, filters: ReportFilters) -> tuple[RateTable, ...]:
    def network_row(each: NamedRate) -> RateRow:
        assert each.shown is not None
        assert each.answers is not None
        how = f"{SHOWN_TEXTS[each.shown]}; {'from the list' if each.answers == 'list' else 'free words'}"
        href = urls.naming_report(**{**filters.query_params, "network": each.network})
        return RateRow(f"{data.cards[each.network].title}: {how}", None if filters.network else href, each)

    tables = [RateTable("networks", "By network", "Network", tuple(map(network_row, report.networks)))]
    if not filters.network or not report.networks:
        return tuple(tables)
    card = data.cards[filters.network]
    recipes = {recipe.model_copy(update={"seed": 0}).key(): recipe for recipe in data.recipes.values()}

    def recipe_text(key: str) -> str:
        recipe = recipes[key]
        unusual = unusual_values(recipe, card)
        return ", ".join(filter(None, (recipe.speed.value, unusual, survey_text(recipe))))

    def survey_text(recipe: ResolvedRecipe) -> str:
        """Return of which survey the a_hat of a recipe is, where it is not the newest's."""
        if recipe.survey_maxima == card.survey_maxima:
            return ""
        return SURVEY_TEXTS.get(recipe.survey_maxima, "a_hat of an older survey")

    rows = {
        "classes": tuple(RateRow(each.group, urls.class_(card.slug, each.group), each) for each in report.classes),
        "recipes": tuple(RateRow(recipe_text(each.group), None, each) for each in report.recipes),
        "seeds": tuple(
            RateRow(each.group, None, each) for each in sorted(report.seeds, key=lambda each: int(each.group))
        ),
    }
    tables += [
        RateTable("classes", "By class", "Class", rows["classes"]),
        RateTable("recipes", "By recipe", "Recipe", rows["recipes"]),
        RateTable("seeds", "By seed", "Seed", rows["seeds"]),
    ]
    return tuple(tables)

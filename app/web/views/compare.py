"""Up to eight units side by side, under one recipe and one clock."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from app.contract.errors import InvalidRequest
from app.contract.job import VisualizeJob
from app.contract.network import NetworkCard
from app.contract.recipe import ResolvedRecipe, Speed
from app.contract.result import MediaRole, Visualization
from app.contract.unit import UnitSummary
from app.store import Session
from app.store.catalog import networks, search
from app.store.jobs import listing, workers
from app.store.results import visualizations
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Choice, Crumb
from app.web.views.parts.player import PlayerSettings, flow_encoding_choices
from app.web.views.parts.recipes import default_recipe, result_for_recipe
from app.web.views.parts.stimulus import StimulusParams
from app.web.views.parts.stream_sentence import stream_sentence
from app.web.views.parts.unit_names import parse_unit_name, unit_name

router = APIRouter()

MAX_COMPARED_UNITS = 8


@dataclass(frozen=True)
class ComparedUnit:
    """One of the units side by side, with its result or live job under the common recipe."""

    unit: UnitSummary
    name: str
    href: str
    remove_href: str  # the comparison without this unit
    visualization: Visualization | None
    live_job: VisualizeJob | None

    def without_sentence(self, stream: str) -> str:
        """Return what removing a stream from the stimulus does to its J, in words."""
        return stream_sentence(self.visualization.measurements, stream) if self.visualization else ""


@dataclass(frozen=True, kw_only=True)
class ComparePage(Page):
    template: ClassVar[str] = "compare.html"
    card: NetworkCard
    units: tuple[ComparedUnit, ...]
    player_settings: PlayerSettings
    flow_encodings: tuple[Choice, ...]  # empty where no stimulus has motion
    speed_choices: tuple[Choice, ...]
    speed: Speed
    seed: int
    missing_count: int  # units with neither a visualization nor a live job
    max_units: int
    workers_alive: bool


@router.get("/{network:slug}/-/compare")
def compare_page(
    request: Request,
    session: ReadSession,
    network: str,
    params: Annotated[StimulusParams, Depends(StimulusParams)],
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    unit_names = request.query_params.getlist("u")
    if len(set(unit_names)) > MAX_COMPARED_UNITS:
        raise InvalidRequest(
            f"At most {MAX_COMPARED_UNITS} units stand side by side, and {len(unit_names)} were named. Choose fewer.",
            fields=[{"field": "u", "detail": f"Name at most {MAX_COMPARED_UNITS} units."}],
        )
    units = search.units_by_name(session, card=card, names=[parse_unit_name(name) for name in unit_names])
    results = visualizations.visualizations_of_units(session, card=card, units=units)
    seed = params.seed or 0
    speed = params.speed or common_speed(results.values(), seed)
    names = [unit_name(unit) for unit in units]

    def link(names: list[str], speed: Speed, **settings: str | None) -> str:
        query = {**params.query_params, **settings}
        return urls.compare(card.slug, names, speed=speed.value, seed=seed or None, **query)

    compared = tuple(
        compared_unit(
            session,
            card,
            unit,
            results,
            default_recipe(speed, seed, card),
            remove_href=link([name for name in names if name != unit_name(unit)], speed),
        )
        for unit in units
    )
    has_flow = any(each.visualization and each.visualization.medium(MediaRole.FLOW) for each in compared)
    posters = (each.visualization and each.visualization.medium(MediaRole.POSTER) for each in compared)
    title = ", ".join(each.name for each in compared) or "Compare"
    page = ComparePage(
        layout=page_layout(
            request,
            title=f"{title} · {card.title}",
            address=link(names, speed),
            description=f"Units of {card.title} side by side, {speed}.",
            crumbs=network_crumbs(card, Crumb("All units", urls.units(network)), Crumb("Compare")),
            image=next((poster.sha256 for poster in posters if poster), None),
            is_live=any(each.live_job for each in compared),
        ),
        card=card,
        units=compared,
        player_settings=params,
        flow_encodings=flow_encoding_choices(params, lambda view: link(names, speed, view=view)) if has_flow else (),
        speed_choices=tuple(Choice(each.value, link(names, each), each is speed) for each in Speed),
        speed=speed,
        seed=seed,
        missing_count=sum(not each.visualization and not each.live_job for each in compared),
        max_units=MAX_COMPARED_UNITS,
        workers_alive=workers.any_alive(session),
    )
    return render(page)


def common_speed(results_by_unit: Collection[Sequence[Visualization]], seed: int) -> Speed:
    """Return the speed at which most of the units have a result, the slowest of several."""

    def units_with_result(speed: Speed) -> int:
        return sum(
            any((e.recipe.speed, e.recipe.seed, e.recipe.sign) == (speed, seed, "maximize") for e in results)
            for results in results_by_unit
        )

    return max(Speed, key=units_with_result)


def compared_unit(
    session: Session,
    card: NetworkCard,
    unit: UnitSummary,
    results: Mapping[tuple[str, int], list[Visualization]],
    recipe: ResolvedRecipe,
    *,
    remove_href: str,
) -> ComparedUnit:
    """Return a unit with its result under `recipe`, or else its live job. `results` are by layer and unit."""
    result = result_for_recipe(results.get((unit.layer, unit.index), []), recipe)
    live_job: VisualizeJob | None = None
    if result is None:
        jobs = listing.jobs_of_unit(session, card=card, layer=unit.layer, unit=unit.index)
        live_job = next((job for job in jobs if job.state.is_live and job.recipe == recipe), None)
    return ComparedUnit(
        unit=unit,
        name=unit.label or unit_name(unit),
        href=urls.unit(card.slug, unit.layer, unit.index, speed=recipe.speed.value, seed=recipe.seed),
        remove_href=remove_href,
        visualization=result,
        live_job=live_job,
    )

"""Up to eight units side by side, under one recipe and one clock."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from app.contract.errors import InvalidRequest
from app.contract.job import VisualizeJob
from app.contract.network import NetworkCard
from app.contract.recipe import ResolvedRecipe, Speed
from app.contract.result import Role, Visualization
from app.contract.unit import UnitSummary
from app.store import Session
from app.store.catalog import networks, search
from app.store.jobs import requests, workers
from app.store.results import visualizations
from app.web import urls
from app.web.deps import Reading, at_once
from app.web.pages import ComparePage
from app.web.parts import Choice, Compared, Crumb
from app.web.render import render
from app.web.views.frame import frame, network_crumbs
from app.web.views.recipe_form import plain
from app.web.views.selection import address, place
from app.web.views.stimulus import Chosen

router = APIRouter()

MOST = 8


@router.get("/{network:slug}/-/compare")
def compare(
    request: Request,
    session: Reading,
    network: str,
    chosen: Annotated[Chosen, Depends(at_once(Chosen))],
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    u = request.query_params.getlist("u")
    if len(dict.fromkeys(u)) > MOST:
        raise InvalidRequest(
            f"At most {MOST} units stand side by side, and {len(u)} were named. Choose fewer.",
            fields=[{"field": "u", "detail": f"Name at most {MOST} units."}],
        )
    units = search.named_units(session, slug=network, names=[place(name) for name in u])
    results = visualizations.for_units(session, slug=network, units=units)
    seed = chosen.seed or 0
    shown = chosen.speed or common_speed(results, seed)
    names = [address(unit) for unit in units]

    def link(names: list[str], speed: Speed) -> str:
        return urls.compare(card.slug, names, speed=speed.value, seed=seed or None, **chosen.choices)

    compared = tuple(
        _compared(
            session,
            card,
            unit,
            results,
            plain(shown, seed, card),
            without=link([name for name in names if name != address(unit)], shown),
        )
        for unit in units
    )
    pictures = (each.visualization and each.visualization.medium(Role.POSTER) for each in compared)
    words = ", ".join(each.name for each in compared)
    page = ComparePage(
        frame=frame(
            request,
            title=f"{words or 'Compare'} · {card.title}",
            address=link(names, shown),
            description=f"Units of {card.title} side by side, {shown}.",
            crumbs=network_crumbs(card, Crumb("All units", urls.units(network)), Crumb("Compare")),
            image=next((picture.sha256 for picture in pictures if picture), None),
            is_live=any(each.live for each in compared),
        ),
        card=card,
        compared=compared,
        look=chosen,
        speeds=tuple(Choice(each.value, link(names, each), each is shown) for each in Speed),
        speed=shown,
        seed=seed,
        missing=tuple(address(each.unit) for each in compared if not each.visualization and not each.live),
        most=MOST,
        workers_alive=workers.any_alive(session),
    )
    return render(page)


def common_speed(results: dict[tuple[str, int], list[Visualization]], seed: int) -> Speed:
    """The speed under which most of the units can be seen, the slowest among equals."""

    def seen(speed: Speed) -> int:
        return sum(
            any((each.recipe.speed, each.recipe.seed) == (speed, seed) for each in of) for of in results.values()
        )

    return max(Speed, key=seen)


def _compared(
    session: Session,
    card: NetworkCard,
    unit: UnitSummary,
    results: dict[tuple[str, int], list[Visualization]],
    wanted: ResolvedRecipe,
    *,
    without: str,
) -> Compared:
    fitting = [
        each
        for each in results.get((unit.layer, unit.index), [])
        if (each.recipe.speed, each.recipe.seed) == (wanted.speed, wanted.seed)
    ]
    result = next((each for each in fitting if each.recipe == wanted), fitting[0] if fitting else None)
    live: VisualizeJob | None = None
    if result is None:
        work = requests.jobs_for_unit(session, slug=card.slug, layer=unit.layer, unit=unit.index)
        live = next((job for job in work if job.state.is_live and job.recipe == wanted), None)
    return Compared(
        unit=unit,
        name=unit.label or address(unit),
        href=urls.unit(card.slug, unit.layer, unit.index, speed=wanted.speed.value, seed=wanted.seed),
        without=without,
        visualization=result,
        live=live,
    )

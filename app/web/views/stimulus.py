"""Finds what a person chose to see of a unit: the speeds of one seed side by side, and the one shown large."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from app.contract.errors import Missing
from app.contract.job import JobState, VisualizeJob
from app.contract.network import NetworkCard, StreamName
from app.contract.recipe import DEFAULT_SPEED, Recipe, ResolvedRecipe, Speed
from app.contract.result import Visualization
from app.store import Session
from app.store.catalog import networks
from app.store.jobs import requests, workers
from app.store.results import visualizations
from app.web.charts.line_chart import chart
from app.web.parts import Choice, Look, SpeedCell, Stimulus
from app.web.views.look import views
from app.web.views.presets import presets
from app.web.views.recipe_form import differences, fields, plain, visualize_form

KEY_LENGTH = 12  # characters of a recipe's key in addresses
Link = Callable[..., str]  # choices -> the address of this unit with them


@dataclass(frozen=True)
class Chosen(Look):
    """What the address says. `recipe` (start of a recipe's key) and `visualization` name one result."""

    speed: Speed | None = None
    seed: Annotated[int | None, Query(ge=0, lt=2**31)] = None
    recipe: Annotated[str | None, Query(pattern="^[0-9a-f]{6,64}$")] = None
    visualization: Annotated[int | None, Query(ge=1, lt=2**63)] = None


def recipe_choices(recipe: Recipe, card: NetworkCard) -> dict[str, str | int]:
    """The shortest choices that name a recipe: speed and seed where nothing else is special."""
    resolved = recipe.resolved(card)
    if resolved == plain(recipe.speed, recipe.seed, card):
        return {"speed": recipe.speed.value, "seed": recipe.seed}
    return {"recipe": resolved.key()[:KEY_LENGTH]}


def result_choices(result: Visualization, card: NetworkCard) -> dict[str, str | int]:
    """The same for a result, by the key it is stored under: that of an older engine is none of today's."""
    recipe = result.recipe
    if recipe == plain(recipe.speed, recipe.seed, card):
        return {"speed": recipe.speed.value, "seed": recipe.seed}
    return {"recipe": result.recipe_key[:KEY_LENGTH]}


def find_stimulus(
    session: Session, *, card: NetworkCard, layer: str, unit: int, chosen: Chosen, link: Link
) -> Stimulus:
    where = {"slug": card.slug, "layer": layer, "unit": unit}
    summary = networks.get_unit(session, **where)  # type: ignore[arg-type]
    results = visualizations.for_unit(session, **where)  # type: ignore[arg-type]
    work = requests.jobs_for_unit(session, **where)  # type: ignore[arg-type]
    named = _named(results, work, chosen)
    speed, seed = _defaults(results, work, chosen)
    if named is not None:
        speed, seed = named.recipe.speed, named.recipe.seed

    def shown_so(**choices: str | int | None) -> str:
        return link(**{**choices, **chosen.choices})

    def cell(each: Speed) -> SpeedCell:
        only = named if named is not None and each == speed else None
        return _cell(results, work, plain(each, seed, card), only, is_shown=each == speed, link=shown_so)

    strip = tuple(cell(each) for each in Speed)
    shown = next(each for each in strip if each.is_shown)
    result = shown.visualization
    recipe = shown.live.recipe if shown.live else result.recipe if result else plain(speed, seed, card)
    named_so = result_choices(result, card) if result and not shown.live else recipe_choices(recipe, card)
    address = {**named_so, **chosen.choices}
    is_two_stream = any(stream.name is StreamName.MOTION for stream in card.streams)
    variants = [each for each in results if each.recipe != plain(each.recipe.speed, each.recipe.seed, card)]
    made = {each.recipe_key: shown_so(**result_choices(each, card)) for each in results}
    return Stimulus(
        card=card,
        layer=card.layer(layer),
        unit=summary,
        address=link(**address),
        shown=shown,
        strip=strip,
        seed=seed,
        seeds=tuple(
            Choice(f"seed {each}", shown_so(speed=speed.value, seed=each), each == seed)
            for each in sorted({seed, *(each.recipe.seed for each in results), *(job.recipe.seed for job in work)})
        ),
        variants=tuple(
            Choice(
                f"{each.recipe.speed}, seed {each.recipe.seed}: " + differences(each.recipe, card),
                shown_so(recipe=each.recipe_key[:KEY_LENGTH]),
                each == result,
            )
            for each in variants
        ),
        views=views(chosen, lambda view: link(**{**address, "view": view})) if is_two_stream else (),
        look=chosen,
        chart=chart(_trace(shown)),
        recipe=fields(recipe),
        form=visualize_form(
            card,
            layer,
            unit,
            count=1,
            recipe=recipe,
            presets=presets(card, made=made),
        ),
        workers_alive=workers.any_alive(session),
    )


def _trace(cell: SpeedCell) -> tuple[float, ...]:
    if cell.visualization:
        return cell.visualization.measurements.trace
    return cell.live.progress.trace if cell.live and cell.live.progress else ()


def _named(
    results: list[Visualization], work: list[VisualizeJob], chosen: Chosen
) -> Visualization | VisualizeJob | None:
    """The one result (or the work for it) that the address names."""
    if chosen.visualization is not None:
        for result in results:
            if result.id == chosen.visualization:
                return result
        raise Missing(f"This unit has no visualization {chosen.visualization}.")
    if chosen.recipe is not None:
        for job in work:
            if job.state.is_live and job.recipe.key().startswith(chosen.recipe):
                return job
        for result in results:
            if result.recipe_key.startswith(chosen.recipe):
                return result
        for job in work:
            if job.recipe.key().startswith(chosen.recipe):
                return job
        raise Missing(f"This unit has no visualization under a recipe {chosen.recipe}. Choose a speed instead.")
    return None


def _defaults(results: list[Visualization], work: list[VisualizeJob], chosen: Chosen) -> tuple[Speed, int]:
    """What to show where the address leaves it open: seed 0 and the usual speed, or else what there is."""
    there = [each.recipe for each in results] + [job.recipe for job in work if job.state.is_live]
    there = there or [job.recipe for job in work]
    seeds = [recipe.seed for recipe in there if chosen.speed in (None, recipe.speed)]
    seed = chosen.seed if chosen.seed is not None else 0 if 0 in seeds or not seeds else seeds[0]
    speeds = {recipe.speed for recipe in there if recipe.seed == seed}
    first = (
        DEFAULT_SPEED if DEFAULT_SPEED in speeds else next((speed for speed in Speed if speed in speeds), DEFAULT_SPEED)
    )
    return chosen.speed or first, seed


def _cell(
    results: list[Visualization],
    work: list[VisualizeJob],
    recipe: ResolvedRecipe,
    named: Visualization | VisualizeJob | None,
    *,
    is_shown: bool,
    link: Link,
) -> SpeedCell:
    def fits(each: ResolvedRecipe) -> bool:
        return (each.speed, each.seed) == (recipe.speed, recipe.seed)

    fitting = [each for each in results if fits(each.recipe)]
    result = next((each for each in fitting if each.recipe == recipe), fitting[0] if fitting else None)
    ongoing = [job for job in work if fits(job.recipe)]
    if isinstance(named, Visualization):
        result, ongoing = named, []
    elif isinstance(named, VisualizeJob):
        result, ongoing = None, [named]
    live = next((job for job in ongoing if job.state.is_live), None)
    ended = next((job for job in ongoing if job.state in (JobState.FAILED, JobState.CANCELLED)), None)
    return SpeedCell(
        speed=recipe.speed,
        href=link(speed=recipe.speed.value, seed=recipe.seed),
        key=str(list(Speed).index(recipe.speed) + 1),
        is_shown=is_shown,
        visualization=None if live else result,
        live=live,
        ended=None if live or result else ended,
    )

"""The stimuli of a unit that an address chooses: all speeds of one seed side by side, and one of them large.

The pages of units, of classes and of embedded stimuli share this part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from app.contract.dataset import Clip
from app.contract.errors import Missing
from app.contract.job import JobState, VisualizeJob
from app.contract.network import Layer, NetworkCard, StreamName
from app.contract.recipe import DEFAULT_SPEED, ResolvedRecipe, Sign, Speed
from app.contract.result import MediaRole, Visualization
from app.contract.unit import UnitSummary
from app.store import Session, datasets
from app.store.catalog.units import get_unit
from app.store.jobs import listing, workers
from app.store.results import visualizations
from app.store.results.recipes import recipes_with_prefix
from app.web.charts.line_chart import LineChart, line_chart
from app.web.views.parts.navigation import Choice
from app.web.views.parts.player import PlayerSettings, flow_encoding_choices
from app.web.views.parts.presets import list_presets
from app.web.views.parts.recipe_form import RecipeField, VisualizeForm, recipe_fields, unusual_values, visualize_form
from app.web.views.parts.recipes import (
    KEY_LENGTH,
    default_query_params,
    default_recipe,
    is_default,
    is_default_of_before,
    is_same_but_for_survey,
    is_same_choice,
    recipe_query_params,
    result_for_recipe,
    result_query_params,
)
from app.web.views.parts.result_age import age_note
from app.web.views.parts.stream_sentence import stream_sentence

UnitLink = Callable[..., str]  # from query parameters to the address of the unit's page with them


@dataclass(frozen=True)
class StimulusParams(PlayerSettings):
    """Query parameters that choose a stimulus of a unit.

    `recipe` (the start of a recipe's key) and `visualization` (an id) each name one result.
    """

    speed: Speed | None = None
    seed: Annotated[int | None, Query(ge=0, lt=2**31)] = None
    sign: Sign | None = None
    recipe: Annotated[str | None, Query(pattern="^[0-9a-f]{6,64}$")] = None
    visualization: Annotated[int | None, Query(ge=1, lt=2**63)] = None


@dataclass(frozen=True)
class SpeedCell:
    """One speed and sign of a unit: its result, its live job, or the job that ended without a result."""

    speed: Speed
    sign: Sign
    href: str
    shortcut_key: str
    is_shown: bool
    visualization: Visualization | None
    live_job: VisualizeJob | None
    ended_job: VisualizeJob | None
    age_note: str = ""  # how the result differs from one that would be made today

    @property
    def objective_trace(self) -> tuple[float, ...]:
        """The objective at each step, as far as it is known."""
        if self.visualization:
            return self.visualization.measurements.trace
        return self.live_job.progress.trace if self.live_job and self.live_job.progress else ()


@dataclass(frozen=True)
class UnitStimulus:
    """A unit with its stimuli: one at every speed for one seed, of which one is shown large.

    `both_signs` are what raises and what lowers a unit of two signs, side by side; empty for others. `other_recipes`
    are results whose recipe differs from the default one in more than speed, seed and sign, and that no strip shows.
    """

    card: NetworkCard
    layer: Layer
    unit: UnitSummary
    address: str  # of exactly this view
    shown: SpeedCell
    both_signs: tuple[SpeedCell, ...]
    speeds: tuple[SpeedCell, ...]
    seed: int
    seed_choices: tuple[Choice, ...]
    other_recipes: tuple[Choice, ...]
    flow_encodings: tuple[Choice, ...]  # empty for networks without a motion stream
    player_settings: PlayerSettings
    objective_chart: LineChart | None
    recipe_fields: tuple[RecipeField, ...]  # of the stimulus shown
    form: VisualizeForm
    workers_alive: bool
    start_clip: Clip | None = None  # that the stimulus shown accentuates; None where it is gone, too

    @property
    def name(self) -> str:
        return self.unit.label or f"unit {self.unit.index}"

    @property
    def description(self) -> str:
        """What a link to the page says."""
        name = f"the class {self.unit.label}" if self.unit.label else f"unit {self.unit.index}"
        what = f"What {name} of {self.card.title} looks for"
        if self.shown.sign == "minimize":
            what = f"What lowers {name} of {self.card.title}"
        return f"{what}: layer {self.layer.name}, {self.shown.speed}."

    @property
    def poster(self) -> str | None:
        """The sha256 of a still picture of the stimulus shown, or else of any stimulus of the unit."""
        result = self.shown.visualization
        medium = result.medium(MediaRole.POSTER) if result else None
        return medium.sha256 if medium else self.unit.poster

    def without_sentence(self, stream: str) -> str:
        """Return what removing a stream from the stimulus shown does to its J, in words."""
        result = self.shown.visualization
        return stream_sentence(result.measurements, stream) if result else ""

    @property
    def outdated(self) -> tuple[SpeedCell, ...]:
        """The results in the strip that would be made otherwise today, the one shown large first."""
        return tuple(sorted((cell for cell in self.speeds if cell.age_note), key=lambda cell: not cell.is_shown))

    @property
    def age_sentences(self) -> tuple[str, ...]:
        """What sets the outdated results apart, with their speeds."""
        notes = dict.fromkeys(cell.age_note for cell in self.speeds if cell.age_note)
        return tuple(
            f"{note.rstrip('.')}: {', '.join(cell.speed for cell in self.speeds if cell.age_note == note)}."
            for note in notes
        )

    @property
    def is_live(self) -> bool:
        return any(cell.live_job for cell in (*self.speeds, *self.both_signs))

    @property
    def max_motion_energy(self) -> float:
        """The largest motion energy of all speeds, which the meters of motion energy end at."""
        results = [cell.visualization for cell in self.speeds if cell.visualization]
        return max((energy for each in results for energy in each.measurements.motion_energy.values()), default=0)


def load_stimulus(
    session: Session, *, card: NetworkCard, layer: str, unit: int, params: StimulusParams, link: UnitLink
) -> UnitStimulus:
    """Return the stimuli of a unit, chosen by `params`.

    Raises Missing where they name a result that the unit does not have.
    """
    summary = get_unit(session, card=card, layer=layer, unit=unit)
    results = visualizations.visualizations_of_unit(session, card=card, layer=layer, unit=unit)
    jobs = listing.jobs_of_unit(session, card=card, layer=layer, unit=unit)
    named = _named_in_address(session, results, jobs, params)
    if named is not None:
        speed, seed, sign = named.recipe.speed, named.recipe.seed, named.recipe.sign
    else:
        sign = params.sign or "maximize"
        speed, seed = _speed_and_seed(results, jobs, params)

    def link_keeping_player(**query: str | int | None) -> str:
        return link(**{**query, **params.query_params})

    def cell(each_speed: Speed, each_sign: Sign) -> SpeedCell:
        is_shown = (each_speed, each_sign) == (speed, sign)
        recipe = default_recipe(each_speed, seed, card, sign=each_sign)
        return _speed_cell(
            results, jobs, recipe, card, named if is_shown else None, is_shown=is_shown, link=link_keeping_player
        )

    speeds = tuple(cell(each, sign) for each in Speed)
    shown = next(cell for cell in speeds if cell.is_shown)
    signs = {sign, *(each.recipe.sign for each in results), *(job.recipe.sign for job in jobs)}
    has_two_signs = card.layer(layer).signed or "minimize" in signs
    result = shown.visualization
    recipe = shown.live_job.recipe if shown.live_job else result.recipe if result else None
    recipe = recipe or default_recipe(speed, seed, card, sign=sign)
    name_in_address = result_query_params(result, card) if result else recipe_query_params(recipe, card)
    query = {**name_in_address, **params.query_params}
    has_motion = any(stream.name is StreamName.MOTION for stream in card.streams)
    seeds = {seed, *(each.recipe.seed for each in results), *(job.recipe.seed for job in jobs)}
    others = [each for each in results if not _is_in_strip(each, results, card)]
    result_hrefs = {each.recipe_key: link_keeping_player(**result_query_params(each, card)) for each in results}
    return UnitStimulus(
        card=card,
        layer=card.layer(layer),
        unit=summary,
        address=link(**query),
        shown=shown,
        both_signs=(cell(speed, "maximize"), cell(speed, "minimize")) if has_two_signs else (),
        speeds=speeds,
        seed=seed,
        seed_choices=tuple(
            Choice(f"seed {each}", link_keeping_player(**default_query_params(speed, each, sign)), each == seed)
            for each in sorted(seeds)
        ),
        other_recipes=tuple(
            Choice(
                f"{each.recipe.speed}, seed {each.recipe.seed}: "
                f"{unusual_values(each.recipe, card) or age_note(each, card).rstrip('.').lower()}",
                link_keeping_player(recipe=each.recipe_key[:KEY_LENGTH]),
                each == result,
            )
            for each in others
        ),
        flow_encodings=flow_encoding_choices(params, lambda view: link(**{**query, "view": view}))
        if has_motion
        else (),
        player_settings=params,
        objective_chart=line_chart(shown.objective_trace),
        recipe_fields=recipe_fields(recipe),
        form=visualize_form(
            card,
            layer,
            unit,
            unit_count=1,
            recipe=recipe,
            presets=list_presets(card, result_hrefs=result_hrefs),
        ),
        workers_alive=workers.any_alive(session),
        start_clip=datasets.clip_of_video(session, sha256=result.recipe.start_clip)
        if result and result.recipe.start_clip
        else None,
    )


def _is_in_strip(result: Visualization, results: Sequence[Visualization], card: NetworkCard) -> bool:
    """Return whether a result is of the default recipe, or the one that the strip of its seed shows as that."""
    if is_default(result.recipe, card):
        return True
    default = default_recipe(result.recipe.speed, result.recipe.seed, card, sign=result.recipe.sign)
    was_default = result.recipe.objective == default.objective and is_default_of_before(result.recipe, card)
    is_older = was_default or is_same_but_for_survey(result.recipe, default)
    return is_older and result_for_recipe(results, default) == result


def _named_in_address(
    session: Session, results: Sequence[Visualization], jobs: Sequence[VisualizeJob], params: StimulusParams
) -> Visualization | VisualizeJob | None:
    """Return the result that `params` name, or the job for it; a live job has precedence over a result.

    Where a survey came while a job waited, the recipe in the address is not quite the one that the job now has.

    Returns None where they name none, and raises Missing where the unit does not have what they name.
    """
    if params.visualization is not None:
        for result in results:
            if result.id == params.visualization:
                return result
        raise Missing(f"This unit has no visualization {params.visualization}.")
    if params.recipe is not None:
        with_recipe = [job for job in jobs if job.recipe.key().startswith(params.recipe)]
        live = [job for job in with_recipe if job.state.is_live]
        done = [result for result in results if result.recipe_key.startswith(params.recipe)]
        named: list[Visualization | VisualizeJob] = [*live, *done, *with_recipe]
        if not named:
            asked = recipes_with_prefix(session, prefix=params.recipe)
            live = [job for job in jobs if job.state.is_live]
            candidates: list[Visualization | VisualizeJob] = [*live, *results, *jobs]
            named = [each for each in candidates if any(is_same_but_for_survey(each.recipe, one) for one in asked)]
        if named:
            return named[0]
        raise Missing(f"This unit has no visualization under a recipe {params.recipe}. Choose a speed instead.")
    return None


def _speed_and_seed(
    results: Sequence[Visualization], jobs: Sequence[VisualizeJob], params: StimulusParams
) -> tuple[Speed, int]:
    """Return the speed and seed of `params`; the defaults are seed 0 and the default speed where the unit has them."""
    recipes = [each.recipe for each in results] + [job.recipe for job in jobs if job.state.is_live]
    recipes = recipes or [job.recipe for job in jobs]
    seeds = [recipe.seed for recipe in recipes if params.speed in (None, recipe.speed)]
    seed = params.seed if params.seed is not None else 0 if 0 in seeds or not seeds else seeds[0]
    speeds = {recipe.speed for recipe in recipes if recipe.seed == seed} or {DEFAULT_SPEED}
    first = DEFAULT_SPEED if DEFAULT_SPEED in speeds else next(speed for speed in Speed if speed in speeds)
    return params.speed or first, seed


def _speed_cell(
    results: Sequence[Visualization],
    jobs: Sequence[VisualizeJob],
    recipe: ResolvedRecipe,
    card: NetworkCard,
    named: Visualization | VisualizeJob | None,
    *,
    is_shown: bool,
    link: UnitLink,
) -> SpeedCell:
    """Return the result or jobs at speed, seed and sign of `recipe`, or only what the address names (`named`)."""
    result = result_for_recipe(results, recipe)
    same_speed = [job for job in jobs if is_same_choice(job.recipe, recipe)]
    if isinstance(named, Visualization):
        result, same_speed = named, []
    elif isinstance(named, VisualizeJob):
        result, same_speed = None, [named]
    live = next((job for job in same_speed if job.state.is_live), None)
    ended = next((job for job in same_speed if job.state in (JobState.FAILED, JobState.CANCELLED)), None)
    return SpeedCell(
        speed=recipe.speed,
        sign=recipe.sign,
        href=link(**default_query_params(recipe.speed, recipe.seed, recipe.sign)),
        shortcut_key=str(list(Speed).index(recipe.speed) + 1),
        is_shown=is_shown,
        visualization=None if live else result,
        live_job=live,
        ended_job=None if live or result else ended,
        age_note=age_note(result, card) if result and not live else "",
    )

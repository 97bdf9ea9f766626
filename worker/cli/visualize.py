"""`kinetoscope-worker visualize`: the same work as a click on the page, with files at the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from app.contract.errors import InvalidRecipe, InvalidRequest, UnknownClass, closest_names
from app.contract.job import JobState, Priority, VisualizeJob, VisualizeRequest
from app.contract.network import NetworkCard
from app.contract.recipe import DEFAULT_SPEED, RECIPE_FIELD_NAMES, Recipe, Sign, Speed
from app.contract.result import EXTENSIONS
from app.settings import settings
from app.store import datasets, media
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.jobs import listing, requests
from app.store.results import visualizations
from app.terminal import report_errors
from worker.cli.common import open_database, out
from worker.cli.progress import work_until
from worker.cli.visualize_progress import show_jobs


@report_errors
def visualize(
    network: str,
    layer: Annotated[str | None, typer.Argument(help="May be left out with --all.")] = None,
    units: Annotated[list[str] | None, typer.Argument(help="Unit numbers, class names, or `all`.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every unit of the layer, or of the whole network.")] = False,
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("visualizations"),
    speed: Speed = DEFAULT_SPEED,
    seed: int = 0,
    sign: Annotated[Sign, typer.Option(help="Show what raises each unit, or what lowers it.")] = "maximize",
    clip: Annotated[
        str | None, typer.Option(help="DATASET/CLIP to accentuate: what in this clip would the units like more of.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Any recipe field, e.g. --set steps=32.")] = None,
) -> None:
    """Visualize units and write their pictures.

    What is cached is written at once, so a sweep that was stopped continues where it was.
    """
    store = open_database()
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    if all_ == bool(units):
        raise InvalidRequest("Name the units, or give --all (with a layer: all of it; without: the whole network).")
    if layer is None and not all_:
        raise InvalidRequest(f"Name a layer of {network}: {', '.join(each.name for each in card.layers)}.")
    start = [] if clip is None else [f"start_clip={find_video(store, clip)}"]
    recipe = parse_recipe([f"speed={speed}", f"seed={seed}", f"sign={sign}", *start, *(set_ or [])])
    visualize_requests = [
        VisualizeRequest(
            network=network,
            layer=name,
            units="all" if all_ or units == ["all"] else [unit_index(card, name, unit) for unit in units or []],
            recipe=recipe,
        )
        for name in ([layer] if layer else [each.name for each in card.layers])
    ]
    priority = Priority.SWEEP if any(request.units == "all" for request in visualize_requests) else Priority.CLICK
    jobs: list[VisualizeJob] = []
    for request in visualize_requests:
        with store.transaction() as session:
            answer = requests.enqueue(session, request=request, limit=settings().queue_limit, priority=priority)
        jobs += answer.jobs
    compute(store, jobs)
    wanted = [(request.layer, unit) for request in visualize_requests for unit in request.unit_indices(card)]
    members = recipe.resolved(card).members()
    written = [write_pictures(store, card, name, unit, member, out_dir) for name, unit in wanted for member in members]
    if not all(written):
        raise typer.Exit(1)


def write_pictures(store: Store, card: NetworkCard, layer: str, unit: int, recipe: Recipe, out_dir: Path) -> bool:
    """Write a unit's pictures into a folder of their own; return False where there are none."""
    key = recipe.resolved(card).key()
    with store.session() as session:
        visualization = visualizations.find_visualization(session, card=card, layer=layer, unit=unit, recipe_key=key)
        if visualization is None:
            return False
        folder = out_dir / card.slug / layer.replace("/", "_") / str(unit) / f"{recipe.speed}-{recipe.seed}-{key[:8]}"
        folder.mkdir(parents=True, exist_ok=True)
        for ref in visualization.media:
            medium = media.get_medium(session, sha256=ref.sha256)
            (folder / f"{ref.role}.{EXTENSIONS[ref.type]}").write_bytes(medium.data)
        (folder / "visualization.json").write_text(visualization.model_dump_json(indent=2))
    measured = visualization.measurements
    words = f"{layer}/{unit}  activation {measured.activation:.2f}  {measured.seconds:.1f} s  {folder}"
    out.print(words, highlight=False, markup=False)
    for note in measured.notes:
        out.print(f"  {note}", highlight=False, markup=False)
    return True


def find_video(store: Store, clip: str) -> str:
    """Return the sha256 of the video of DATASET/CLIP. Raises UnknownDataset, UnknownClip and InvalidRequest."""
    dataset, _, name = clip.partition("/")
    with store.session() as session:
        video = datasets.get_clip(session, slug=dataset, name=name).video
    if video is None:
        raise InvalidRequest(f"The clip {clip} has no video here: it came in a bundle with stills alone.")
    return video.sha256


def compute(store: Store, jobs: Sequence[VisualizeJob]) -> None:
    """Work on the queue until these jobs have ended, and print why those that failed did."""
    if not jobs:
        return
    lines = show_jobs(jobs)
    remaining = list(reversed(jobs))  # jobs end nearly in order, so only the next one is looked at

    def have_all_ended() -> bool:
        while remaining:
            job = remaining[-1]
            with store.session() as session:
                now = listing.get_job(session, job_id=job.id)
            if now.state.is_live:
                return False
            lines.end(job, now.state is JobState.DONE)
            if now.error is not None and now.state is JobState.FAILED:
                reason = f"[red]{escape(job.layer)}/{job.unit}[/]: {escape(now.error.detail)}"
                lines.display.console.print(reason, highlight=False)
            remaining.pop()
        return True

    with lines.display:
        work_until(store, have_all_ended, lines.show, interrupted="Stopped; the jobs wait in the queue.")


def unit_index(card: NetworkCard, layer: str, unit: str) -> int:
    """Return the index of a unit given by its number, or by its class name in the layer of classes.

    Raises UnknownUnit and UnknownClass.
    """
    if unit.isdecimal():
        return card.unit(layer, int(unit))[1]
    if not card.layer(layer).is_class:
        raise UnknownClass(unit)
    return card.class_index(unit)


def parse_recipe(fields: list[str]) -> Recipe:
    """Return the recipe of `name=value` pairs. Raises InvalidRecipe, naming fields of similar names."""
    values: dict[str, str] = {}
    for field in fields:
        name, _, value = field.partition("=")
        if name not in RECIPE_FIELD_NAMES:
            close = closest_names(name, RECIPE_FIELD_NAMES) or list(Recipe.model_fields)
            raise InvalidRecipe(f"A recipe has no field {name!r}. Near: {', '.join(close)}.")
        values[name] = value
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"Recipe field {first['loc'][0]!s}" if first["loc"] else "Recipe"
        raise InvalidRecipe(f"{what}: {first['msg']}.") from error

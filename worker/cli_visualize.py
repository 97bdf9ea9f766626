"""`kinetoscope-worker visualize`: the same work as a click on the page, with files at the end."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from app.contract import job as contract
from app.contract.catalog import NetworkCard
from app.contract.errors import InvalidRecipe, UnknownClass, WorkError, near
from app.contract.job import Job, JobState, Priority, VisualizeRequest
from app.contract.recipe import Recipe, Speed
from app.contract.result import EXTENSIONS
from app.settings import settings
from app.store import catalog, jobs, media, visualizations
from app.store.engine import Store
from worker.cli import make_loop, open_database, plainly

out = Console()


@plainly
def visualize(
    network: str,
    layer: str,
    units: Annotated[list[str], typer.Argument(help="Unit numbers, class names, or `all`.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("visualizations"),
    speed: Speed = Speed.SLOW,
    seed: int = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Any recipe field, e.g. --set steps=32.")] = None,
) -> None:
    """Visualize units and write their pictures; what is cached is written at once."""
    store = open_database()
    with store.session() as session:
        card = catalog.get_card(session, slug=network)
    request = VisualizeRequest(
        network=network,
        layer=layer,
        units="all" if units == ["all"] else [unit_index(card, layer, unit) for unit in units],
        recipe=parse_recipe([f"speed={speed}", f"seed={seed}", *(set_ or [])]),
    )
    with store.transaction() as session:
        answer = jobs.enqueue(session, request=request, limit=settings().queue_limit, priority=Priority.CLICK)
    compute(store, answer.jobs)
    failed = False
    recipe_key = request.recipe.resolved(card).key()
    for unit in request.unit_indices(card):
        with store.session() as session:
            found = visualizations.find(session, slug=network, layer=layer, unit=unit, recipe_key=recipe_key)
            if found is None:
                failed = True
                continue
            folder = out_dir / network / layer / str(unit) / f"{speed}-{seed}-{recipe_key[:8]}"
            folder.mkdir(parents=True, exist_ok=True)
            for ref in found.media:
                medium = media.get_medium(session, sha256=ref.sha256)
                (folder / f"{ref.role}.{EXTENSIONS[ref.type]}").write_bytes(medium.data)
            (folder / "visualization.json").write_text(found.model_dump_json(indent=2))
        out.print(
            f"{layer}/{unit}  activation {found.measurements.activation:.2f}  "
            f"{found.measurements.seconds:.1f} s  {folder}",
            highlight=False,
        )
    if failed:
        raise typer.Exit(1)


def compute(store: Store, wanted: tuple[Job, ...]) -> None:
    """Work on the queue, as one worker among others, until the wanted jobs have ended."""
    if not wanted:
        return
    loop = make_loop(store)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("J {task.fields[objective]:.4g}"))
    with Progress(*columns, TimeRemainingColumn(), console=out) as bar:
        lines = {
            job.id: bar.add_task(f"{job.layer}/{job.unit} {job.label}", total=job.recipe.steps, objective=0.0)
            for job in wanted
        }

        def show(job: Job, progress: contract.Progress) -> None:
            if job.id in lines:
                objective = progress.trace[-1] if progress.trace else 0.0
                bar.update(lines[job.id], completed=progress.step, objective=objective)

        def all_ended() -> bool:
            for id in list(lines):
                with store.session() as session:
                    job = jobs.get_job(session, job_id=id)
                if job.state.is_live:
                    return False
                if job.state is JobState.DONE:
                    bar.update(lines[id], completed=job.recipe.steps)
                elif job.error is not None:
                    bar.console.print(f"[red]{job.layer}/{job.unit}[/]: {job.error.detail}", highlight=False)
                del lines[id]
            return True

        loop.on_progress = show
        try:
            loop.run(until=all_ended)
        except KeyboardInterrupt:
            raise WorkError("Stopped; the jobs wait in the queue.") from None


def unit_index(card: NetworkCard, layer: str, unit: str) -> int:
    if unit.isdecimal():
        return card.unit(layer, int(unit))[1]
    if not card.layer(layer).is_class:
        raise UnknownClass(unit)
    return card.class_index(unit)


def parse_recipe(fields: list[str]) -> Recipe:
    """`name=value` pairs as a recipe; unknown names tell the near ones."""
    values: dict[str, str] = {}
    for field in fields:
        name, _, value = field.partition("=")
        if name not in Recipe.model_fields:
            close = near(name, Recipe.model_fields) or list(Recipe.model_fields)
            raise InvalidRecipe(f"A recipe has no field {name!r}. Near: {', '.join(close)}.")
        values[name] = value
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRecipe(f"Recipe field {first['loc'][0]!s}: {first['msg']}.") from error

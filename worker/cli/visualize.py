"""`kinetoscope-worker visualize`: the same work as a click on the page, with files at the end."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.contract import job as contract
from app.contract.errors import InvalidRecipe, InvalidRequest, UnknownClass, WorkError, near
from app.contract.job import Job, JobState, Priority, VisualizeJob, VisualizeRequest
from app.contract.network import NetworkCard
from app.contract.recipe import DEFAULT_SPEED, RECIPE_FIELD_NAMES, Recipe, Speed
from app.contract.result import EXTENSIONS
from app.settings import settings
from app.store import media
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.jobs import requests
from app.store.results import visualizations
from worker.cli.common import make_loop, open_database, plainly

out = Console()


FEW = 8  # jobs up to which each has a line of its own


@plainly
def visualize(
    network: str,
    layer: Annotated[str | None, typer.Argument(help="May be left out with --all.")] = None,
    units: Annotated[list[str] | None, typer.Argument(help="Unit numbers, class names, or `all`.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every unit of the layer, or of the whole network.")] = False,
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("visualizations"),
    speed: Speed = DEFAULT_SPEED,
    seed: int = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Any recipe field, e.g. --set steps=32.")] = None,
) -> None:
    """Visualize units and write their pictures; what is cached is written at once, so a sweep that was stopped goes
    on where it was.
    """
    store = open_database()
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    if all_ == bool(units):
        raise InvalidRequest("Name the units, or give --all (with a layer: all of it; without: the whole network).")
    if layer is None and not all_:
        raise InvalidRequest(f"Name a layer of {network}: {', '.join(each.name for each in card.layers)}.")
    recipe = parse_recipe([f"speed={speed}", f"seed={seed}", *(set_ or [])])
    wanted_requests = [
        VisualizeRequest(
            network=network,
            layer=name,
            units="all" if all_ or units == ["all"] else [unit_index(card, name, unit) for unit in units or []],
            recipe=recipe,
        )
        for name in ([layer] if layer else [each.name for each in card.layers])
    ]
    priority = Priority.SWEEP if any(request.units == "all" for request in wanted_requests) else Priority.CLICK
    wanted: list[VisualizeJob] = []
    for request in wanted_requests:
        with store.transaction() as session:
            answer = requests.enqueue(session, request=request, limit=settings().queue_limit, priority=priority)
        wanted += answer.jobs
    compute(store, wanted)
    asked = [(request.layer, unit) for request in wanted_requests for unit in request.unit_indices(card)]
    written = [write(store, card, name, unit, recipe, out_dir) for name, unit in asked]
    if not all(written):
        raise typer.Exit(1)


def write(store: Store, card: NetworkCard, layer: str, unit: int, recipe: Recipe, out_dir: Path) -> bool:
    """A unit's pictures into a folder of their own; False where there are none."""
    key = recipe.resolved(card).key()
    with store.session() as session:
        found = visualizations.find(session, slug=card.slug, layer=layer, unit=unit, recipe_key=key)
        if found is None:
            return False
        folder = out_dir / card.slug / layer / str(unit) / f"{recipe.speed}-{recipe.seed}-{key[:8]}"
        folder.mkdir(parents=True, exist_ok=True)
        for ref in found.media:
            medium = media.get_medium(session, sha256=ref.sha256)
            (folder / f"{ref.role}.{EXTENSIONS[ref.type]}").write_bytes(medium.data)
        (folder / "visualization.json").write_text(found.model_dump_json(indent=2))
    measured = found.measurements
    words = f"{layer}/{unit}  activation {measured.activation:.2f}  {measured.seconds:.1f} s  {folder}"
    out.print(words, highlight=False)
    for note in measured.notes:
        out.print(f"  {note}", highlight=False, markup=False)
    return True


class Lines:
    """Progress of a few jobs: one line each, with J."""

    def __init__(self, wanted: Sequence[VisualizeJob]) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("J {task.fields[objective]:.4g}"))
        self.bar = Progress(*columns, TimeRemainingColumn(), console=out)
        self.steps = {job.id: job.recipe.steps for job in wanted}
        self.lines = {
            job.id: self.bar.add_task(f"{job.layer}/{job.unit} {job.label}", total=job.recipe.steps, objective=0.0)
            for job in wanted
        }

    def show(self, job: Job, progress: contract.Progress) -> None:
        if job.id in self.lines:
            objective = progress.trace[-1] if progress.trace else 0.0
            self.bar.update(self.lines[job.id], completed=progress.step, objective=objective)

    def end(self, job: VisualizeJob, done: bool) -> None:
        if done:
            self.bar.update(self.lines[job.id], completed=self.steps[job.id])


class Sweep:
    """Progress of many jobs: one line, with units a minute and the time left."""

    def __init__(self, wanted: Sequence[VisualizeJob]) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        self.bar = Progress(*columns, TimeRemainingColumn(elapsed_when_finished=True), console=out)
        self.started = monotonic()
        self.parts: dict[int, float] = {job.id: 0.0 for job in wanted}
        self.line = self.bar.add_task("units", total=len(wanted), rate="")

    def show(self, job: Job, progress: contract.Progress) -> None:
        if job.id in self.parts:
            self.parts[job.id] = progress.step / progress.steps
            self._draw()

    def end(self, job: VisualizeJob, done: bool) -> None:
        self.parts[job.id] = 1.0
        self._draw()

    def _draw(self) -> None:
        units = sum(self.parts.values())
        a_minute = 60 * units / max(monotonic() - self.started, 1e-9)
        self.bar.update(self.line, completed=int(units), rate=f"{a_minute:,.1f} units a minute")


def compute(store: Store, wanted: Sequence[VisualizeJob]) -> None:
    """Work on the queue, as one worker among others, until the wanted jobs have ended."""
    if not wanted:
        return
    loop = make_loop(store)
    board = Lines(wanted) if len(wanted) <= FEW else Sweep(wanted)
    left = list(reversed(wanted))  # they end from the back, nearly in this order

    def all_ended() -> bool:
        while left:
            job = left[-1]
            with store.session() as session:
                now = requests.get_job(session, job_id=job.id)
            if now.state.is_live:
                return False
            board.end(job, now.state is JobState.DONE)
            if now.error is not None and now.state is JobState.FAILED:
                board.bar.console.print(f"[red]{job.layer}/{job.unit}[/]: {escape(now.error.detail)}", highlight=False)
            left.pop()
        return True

    loop.on_progress = board.show
    with board.bar:
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
        if name not in RECIPE_FIELD_NAMES:
            close = near(name, RECIPE_FIELD_NAMES) or list(Recipe.model_fields)
            raise InvalidRecipe(f"A recipe has no field {name!r}. Near: {', '.join(close)}.")
        values[name] = value
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"Recipe field {first['loc'][0]!s}" if first["loc"] else "Recipe"
        raise InvalidRecipe(f"{what}: {first['msg']}.") from error

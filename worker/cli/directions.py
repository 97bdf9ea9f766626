"""`kinetoscope-worker directions`: dictionaries over the layers of a network, learned here or brought in a file."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table

from app.contract.dictionary import METHOD_NAMES, Dictionary, DictionaryFacts, DictionaryName, DictionarySummary
from app.contract.errors import InvalidRequest
from app.contract.network import Layer, escape_layer
from app.settings import settings
from app.store.catalog import dictionaries, networks
from app.terminal import report_errors
from worker.cli.common import choose_device, open_database, out, page_url
from worker.cli.progress import list_reasons, make_progress

app = typer.Typer(no_args_is_help=True, help="Dictionaries: directions in a layer's activations, as units.")

Method = Literal["pca", "nmf", "kmeans", "sae", "probe"]
Name = Annotated[str | None, typer.Option(help="Name behind the layer's; by default nmf64, or probe-DATASET.")]


@app.command()
@report_errors
def learn(
    network: str,
    layer: Annotated[str, typer.Argument(help="The layer whose activations are described.")],
    dataset: Annotated[str, typer.Option(help="The data set whose clips it is learned from.")],
    method: Annotated[Method, typer.Option(help="How directions are found; docs/directions.md has each.")] = "nmf",
    size: Annotated[int, typer.Option(min=1, help="Number of directions; a probe has one for each class.")] = 64,
    active: Annotated[int, typer.Option(min=1, help="Of sae: directions that describe a position, at most.")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="Of sae: steps of its training.")] = 3000,
    positions: Annotated[int, typer.Option(min=100, help="Positions of all clips to learn from, at most.")] = 200_000,
    margin: Annotated[
        int, typer.Option(min=0, help="Positions left out at each end of a map, where padding shows.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same dictionary.")] = 0,
    name: Name = None,
) -> None:
    """Learn a dictionary from a layer's activations over the clips of a data set; a fifth of the clips measures it."""
    from worker.directions.activations import sample_activations
    from worker.directions.learn import check_base, dictionary_layer, layer_name, learn_dictionary, nearest_channels
    from worker.directions.probes import learn_probe
    from worker.survey.stored_inputs import stored_samples
    from worker.tasks.network_cache import NetworkCache

    store, chosen = open_database(), _checked_name(name or default_name(method, size, dataset))
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    base = check_base(card, layer)
    dictionaries.refuse_name(card, layer_name(base, chosen))
    samples = stored_samples(store, dataset)
    loaded = NetworkCache(store, choose_device()).load(network)
    with make_progress() as progress:
        line = progress.add_task(f"reading {layer}", total=len(samples))
        sample = sample_activations(
            loaded,
            layer,
            samples,
            positions=1 if method == "probe" else positions,  # a probe takes means alone
            seed=seed,
            margin=margin,
            threads=settings().threads or max(1, (os.cpu_count() or 2) - 1),
            observe=lambda done, total: progress.update(line, completed=done, total=total),
        )
    list_reasons("left out", [tuple(each.split(": ", 1)) for each in sample.skipped])  # type: ignore[misc]
    with out.status(f"Learning {METHOD_NAMES[method]} ..."):
        if method == "probe":
            learned = learn_probe(sample, base, dataset, seed=seed)
        else:
            learned = learn_dictionary(
                sample, base, dataset, method=method, size=size, seed=seed, active=active, steps=steps, margin=margin
            )
    found = dictionary_layer(loaded.card, learned.dictionary, chosen, learned.directions)
    with store.transaction() as session:
        added = dictionaries.add_dictionary(
            session,
            network=network,
            layer=found,
            facts=learned.facts,
            pieces=networks.weight_chunks(learned.directions.to_bytes()),
            channels=nearest_channels(learned.directions),
        )
    _report(network, added, learned.facts)


@app.command()
@report_errors
def add(
    network: str,
    layer: Annotated[str, typer.Argument(help="The layer whose activations the directions are in.")],
    file: Annotated[Path, typer.Argument(help="NPZ or safetensors; docs/directions.md names the arrays.")],
    name: Annotated[str | None, typer.Option(help="Name behind the layer's; by default that of the file.")] = None,
    encoder: Annotated[
        Literal["linear", "relu", "topk", "nnls"] | None,
        typer.Option(help="How codes follow; by default relu where there is a decoder, else linear."),
    ] = None,
    active: Annotated[int, typer.Option(min=0, help="Of topk: directions at a position.")] = 0,
) -> None:
    """Add a dictionary from a file: a sparse autoencoder, concept activation vectors, a probe."""
    from app.contract.network import make_slug
    from worker.directions.files import read_directions
    from worker.directions.learn import check_base, dictionary_layer, nearest_channels

    store = open_database()
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    base = check_base(card, layer)
    directions, names = read_directions(file, base, kind=encoder, active=active)
    chosen = _checked_name(make_slug(file.stem)[:40] if name is None else name)
    found = dictionary_layer(card, Dictionary(base=layer, method="file", names=names), chosen, directions)
    facts = DictionaryFacts(dataset=None, settings={"file": file.name, "encoder": directions.kind})
    with store.transaction() as session:
        added = dictionaries.add_dictionary(
            session,
            network=network,
            layer=found,
            facts=facts,
            pieces=networks.weight_chunks(directions.to_bytes()),
            channels=nearest_channels(directions),
        )
    _report(network, added, facts)


@app.command("list")
@report_errors
def list_(network: Annotated[str | None, typer.Argument(help="The network; without it, all.")] = None) -> None:
    """List dictionaries, with what was measured of them on clips that they were not learned from."""
    with open_database().session() as session:
        card = None if network is None else networks.get_card(session, slug=network)
        found = dictionaries.list_dictionaries(session, card=card)
    table = Table("network", "layer", "method", "directions", "learned on", "variance explained", "active", "dead")
    for each in found:
        table.add_row(each.network, each.layer, METHOD_NAMES[each.method], f"{each.size:,}", *_measured(each))
    out.print(table)


@app.command()
@report_errors
def remove(
    network: str,
    layer: Annotated[str, typer.Argument(help="The dictionary's layer, such as blocks.11~nmf64.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Remove a dictionary with all results of its directions."""
    store = open_database()
    if not yes:
        typer.confirm(f"Remove {layer} of {network} with its visualizations? This cannot be undone.", abort=True)
    with store.transaction() as session:
        dictionaries.remove_dictionary(session, network=network, layer=layer)
    out.print(f"Removed {layer} of {network}.", highlight=False)


@app.command()
@report_errors
def match(
    network: str,
    layer: Annotated[str, typer.Argument(help="A layer or dictionary; each of its units is matched.")],
    other_network: str,
    other_layer: Annotated[str, typer.Argument(help="The layer among whose units matches are looked for.")],
    dataset: Annotated[str, typer.Option(help="The data set whose clips both networks see.")],
    count: Annotated[int, typer.Option(min=1, help="Matches to list, the strongest first.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the permutations that say what chance gives.")] = 0,
) -> None:
    """Find the same directions in two networks: units that the same clips excite."""
    import numpy as np

    from worker.directions.matching import match_units, record_peaks
    from worker.survey.stored_inputs import stored_samples
    from worker.tasks.network_cache import NetworkCache

    store = open_database()
    samples, cache = stored_samples(store, dataset), NetworkCache(store, choose_device(), max_networks=1)
    with store.session() as session:  # before anything is read
        for slug, name in ((network, layer), (other_network, other_layer)):
            networks.get_card(session, slug=slug).layer(name)

    def record(slug: str, name: str) -> dict[str, "np.ndarray[Any, Any]"]:
        with make_progress() as progress:
            line = progress.add_task(f"{slug} {name}", total=len(samples))
            loaded = cache.load(slug)
            return record_peaks(loaded, name, samples, observe=lambda done, _: progress.update(line, completed=done))

    peaks = [record(network, layer), record(other_network, other_layer)]
    shared = [sample.name for sample in samples if all(sample.name in recorded for recorded in peaks)]
    if not shared:
        raise InvalidRequest(f"No clip of {dataset} can be read by both networks.")
    first, second = (np.stack([recorded[clip] for clip in shared]) for recorded in peaks)
    found = match_units(first, second, seed)
    table = Table(layer, other_layer, "correlation", "each other's best")
    for each in found.matches[:count]:
        units = (f"{network} {each.unit}", f"{other_network} {each.other}")
        table.add_row(*units, f"{each.correlation:.3f}", "yes" if each.is_mutual else "")
    out.print(table)
    out.print(
        f"Over {len(shared):,} clips. With the clips permuted the best of all pairs stays below {found.by_chance:.3f} "
        "in 19 of 20 cases.",
        highlight=False,
    )


def default_name(method: Method, size: int, dataset: str) -> str:
    """Return the name of a dictionary that is given none."""
    return f"probe-{dataset}"[:40] if method == "probe" else f"{method}{size}"


def _checked_name(name: str) -> str:
    try:
        return TypeAdapter(DictionaryName).validate_python(name)
    except ValidationError:
        raise InvalidRequest(
            f"{name!r} cannot be the name of a dictionary: give --name with small letters, digits, - and _, 40 at most."
        ) from None


def _measured(facts: DictionarySummary) -> tuple[str, ...]:
    measures = facts.measures
    if facts.probe is not None:
        accuracy = facts.probe.accuracy
        told = f"accuracy {accuracy.value:.1%} ({accuracy.low:.1%} to {accuracy.high:.1%})"
        return facts.dataset or "", f"{told}, by chance {facts.probe.chance:.1%}", "", ""
    if measures is None:
        return facts.dataset or "", "not measured", "", ""
    share = measures.explained
    interval = f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
    return facts.dataset or "", interval, f"{measures.active:.1f}", f"{measures.dead:,}"


def _report(network: str, layer: Layer, facts: DictionaryFacts) -> None:
    measures = facts.measures
    out.print(
        f"Added [bold]{layer.name}[/] to {network}: {layer.units:,} directions. Page: "
        f"{page_url(f'{network}/{quote(escape_layer(layer.name))}')}",
        highlight=False,
    )
    if measures is not None:
        share = measures.explained
        out.print(
            f"On {measures.clips:,} held-out clips they explain {share.value:.1%} of the variance ({share.low:.1%} to "
            f"{share.high:.1%}); as many random directions {measures.random_explained:.1%}, as many channels "
            f"{measures.channels_explained:.1%}. {measures.active:.1f} directions are active at a position "
            f"({measures.channels_active:.1f} channels), {measures.dead:,} nowhere.",
            highlight=False,
        )
    if facts.probe is not None:
        accuracy = facts.probe.accuracy
        out.print(
            f"On {facts.probe.clips:,} held-out clips the probe is right in {accuracy.value:.1%} ({accuracy.low:.1%} "
            f"to {accuracy.high:.1%}); by chance {facts.probe.chance:.1%}, p = {facts.probe.p_value:.3f}.",
            highlight=False,
        )
    dataset = facts.dataset or "DATASET"
    out.print(f"A survey says what they respond to: `kinetoscope-worker survey {network} {dataset}`.", highlight=False)

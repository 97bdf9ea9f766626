r"""Measure how legible class stimuli of the default network are, recipe by recipe, beside real clips and floors.

    python -m benchmarks.legibility --work var/legibility --seeds 2 --vary "time_path=smoothed" --vary "speed=slow,free"

The first run draws clips and trains a judge and a pose estimator in --work; later runs take them from there, and the
stimuli of recipes that were made before. Each row is one set of clips, each column a measure with its 95 % interval
(docs/legibility.md). Takes weights of a family with the classes of the default network, without a survey, so it needs
no dashboard. Fails (exit status 1) where the judge does not name real clips, or where real clips are not above a floor.
"""

import argparse
import hashlib
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from app.contract.errors import InvalidRequest
from app.contract.interval import Interval
from app.contract.network import StreamName
from app.contract.recipe import Recipe
from benchmarks.class_stimuli import describe_variant, optimize_class_stimuli, parse_variants, shuffle_phases
from benchmarks.legibility.assets import AssetsPlan, ClipSet, load_assets
from benchmarks.legibility.judge import JUDGE
from benchmarks.legibility.measures import CHANCE, Row, find_failures, observe, score
from worker.cli.progress import make_progress
from worker.evidence.transfer import Stimulus, resize_stimulus
from worker.graph.inputs import as_input
from worker.networks.families.mocap_classes import CLASS_NAMES
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.shipped.paths import WEIGHTS_FOLDER

COLUMNS = ("both", "appearance", "motion", "retrieval", "pose", "pose ratio", "figures", "moving", "coupling")
MEANS = ("pose ratio", "moving", "coupling")  # not shares
START = {"steps": "1", "step_size": "1e-6", "weight_decay": "0"}  # leaves the stimulus at the noise that it starts from
LEAST_ACCURACY = 0.7
NOISE_STD = {StreamName.APPEARANCE: 0.4, StreamName.MOTION: 0.05}  # standard units, about those of real clips

out = Console(width=220)


def make_stimuli(network: Network, fields: dict[str, str], seed: int, work: Path, batch: int) -> list[Stimulus]:
    """Return the class stimuli of a recipe, from the folder where they were made before."""
    recipe = Recipe.model_validate({**fields, "seed": seed}).resolved(network.card)
    digest = hashlib.sha256(f"{network.card.checksum} {recipe.key()}".encode()).hexdigest()
    path = work / "stimuli" / f"{digest[:24]}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = [each.stimulus for each in optimize_class_stimuli(network, recipe, batch)]
        partial = path.with_suffix(".partial")
        stacks: dict[str, Any] = {name.value: np.stack([each[name] for each in made]) for name in made[0]}
        with partial.open("wb") as file:
            np.savez(file, **stacks)
        partial.rename(path)
    with np.load(path) as arrays:
        stacked = {StreamName(name): arrays[name] for name in arrays.files}
    return [{name: values[row] for name, values in stacked.items()} for row in range(len(network.card.classes))]


def as_set(network: Network, stimuli: Sequence[Stimulus]) -> ClipSet:
    """Return stimuli of all classes, seed after seed, at the judge's size."""
    inputs = {
        stream.name: as_input(
            stream.name,
            torch.stack([resize_stimulus(stream, torch.from_numpy(np.float32(x[stream.name]))) for x in stimuli]),
        )
        for stream in JUDGE.streams
    }
    labels = torch.tensor([CLASS_NAMES.index(name) for name in network.card.classes])
    return ClipSet(inputs, labels.repeat(len(stimuli) // len(labels)))


def make_noise(stimulus: Stimulus, rng: np.random.Generator) -> Stimulus:
    """Return noise of the shape of a stimulus whose amplitude falls as one over the frequency."""

    def noise(name: StreamName, shape: tuple[int, ...]) -> np.ndarray:
        fy, fx = np.fft.fftfreq(shape[-2])[:, None], np.fft.fftfreq(shape[-1])
        spectrum = np.fft.fft2(rng.normal(size=shape)) / np.maximum(np.hypot(fy, fx), 1 / shape[-1])
        values = np.fft.ifft2(spectrum).real
        return np.asarray(values / values.std() * NOISE_STD[name])

    return {name: noise(name, np.shape(x)) for name, x in stimulus.items()}


def make_table(rows: dict[str, tuple[int, Row]]) -> Table:
    """Return the rows as a table in Markdown: values with their intervals, and chance in the last row."""

    def cell(name: str, x: Interval) -> str:
        form = "{:.2f}" if name in MEANS else "{:.0%}"
        low, high = (form.format(value).removesuffix("%") for value in (x.low, x.high))
        return f"{form.format(x.value).removesuffix('%')} ({low}-{high})"

    table = Table("clips", "n", *(name if name in MEANS else f"{name} %" for name in COLUMNS), box=MARKDOWN)
    for name, (count, row) in rows.items():
        table.add_row(name, str(count), *(cell(column, row[column]) for column in COLUMNS))
    table.add_row(
        "chance", "", *(f"{CHANCE[name]:.0%}".removesuffix("%") if name in CHANCE else "" for name in COLUMNS)
    )
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of clips, judges and stimuli")
    parser.add_argument("--family", default="mocap_two_stream")
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER / "mocap_default.safetensors")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=7)
    parser.add_argument("--vary", action="append", default=[], help="fields of a recipe and their values")
    parser.add_argument("--processes", type=int, default=1, help="to draw clips with")
    parser.add_argument("--threads", type=int, default=1)
    for name, default in vars(AssetsPlan()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, help="of the judges' data")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    out.print(f"{platform.machine()}, {os.cpu_count()} cores, {options.threads} threads, torch {torch.__version__}")

    card, weights = read_network(family=options.family, weights=options.weights, slug="legibility", title=None)
    network = load_network(card, weights)
    if unknown := set(card.classes) - set(CLASS_NAMES):
        raise InvalidRequest(f"The judge does not know the classes {', '.join(sorted(unknown))}.")
    plan = AssetsPlan(**{name: getattr(options, name) for name in vars(AssetsPlan())})
    with make_progress() as progress:
        assets = load_assets(options.work, plan, processes=options.processes, progress=progress)

    rows: dict[str, tuple[int, Row]] = {}

    def add(name: str, clips: ClipSet) -> Row:
        rows[name] = len(clips.labels), score(observe(assets, clips), clips.labels)
        return rows[name][1]

    real = {name: add(f"real clips, {name}", clips) for name, clips in assets.probes.items()}
    out.print(make_table(rows))
    floors: dict[str, Row] = {}
    for number, fields in enumerate(parse_variants(options.vary)):
        name = describe_variant(fields)

        def stimuli(changes: dict[str, str]) -> list[Stimulus]:
            made = [make_stimuli(network, changes, seed, options.work, options.batch) for seed in range(options.seeds)]
            return [each for one_seed in made for each in one_seed]

        with out.status(f"Stimuli of {name} ..."):
            made = stimuli(fields)
            clips = as_set(network, made)
            seen = observe(assets, clips)
            rows[name] = len(clips.labels), score(seen, clips.labels)
            rng = np.random.default_rng(0)
            shuffled = as_set(network, [shuffle_phases(each, rng) for each in made])
            floors[f"{name}, phases shuffled"] = add(f"{name}, phases shuffled", shuffled)
            if number == 0:
                labels = clips.labels[torch.from_numpy(rng.permutation(len(clips.labels)))]
                floors["labels shuffled"] = score(seen, labels)
                rows[f"{name}, labels shuffled"] = len(labels), floors["labels shuffled"]
                floors["start"] = add(f"{name}, start", as_set(network, stimuli({**fields, **START})))
                noise = as_set(network, [make_noise(each, rng) for each in made])
                floors["noise"] = add("noise", noise)
        out.print(make_table(rows))
    failures = find_failures(real, floors, LEAST_ACCURACY)
    for failure in failures:
        out.print(f"[red]{failure}[/]")
    return int(bool(failures))


if __name__ == "__main__":
    raise SystemExit(main())

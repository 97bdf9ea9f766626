"""Measure whether the speeds do what they say, through J: motion energy from slow to free, and J by path.

    python -m benchmarks.speeds --classes 21 --units 8
    python -m benchmarks.speeds --classes 0 --units 8 --layers motion.conv1_2 motion.conv3_3 --paths
    python -m benchmarks.speeds --classes 21 --units 0 --sizes 0.3 0.6 1.2

Takes the shipped default network without a survey, so it needs no dashboard; `--keep FOLDER` keeps the stimuli. Classes
have the objective `channel`, hidden units `center`. A unit rises where motion energy is larger at every step from slow
to free. `--paths` compares J of the same recipe at slow, medium and fast with steps that are smoothed over time, with
a_hat the activation of the free stimulus. `--sizes` holds the size of motion to each value, in px.

Fails (exit status 1) where fewer than 99 % of the units rise, where the energy of one rises less than tenfold in all,
where the mean J is below that of the smoothed path, or where a size of motion is missed by more than 2 %.
"""

import argparse
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from app.contract.network import CLASS_LAYER
from app.contract.recipe import Recipe, Speed
from app.contract.recipe_defaults import TIME_WEIGHTS
from benchmarks.class_stimuli import optimize_units
from benchmarks.shipped_networks import load_shipped
from worker.maximize.from_recipe import Visualization
from worker.networks.network import Network

LAYERS = ("motion.conv1_2", "motion.conv2_2", "motion.conv3_3", "motion.conv5_3", "fusion.conv5", "fc6")
MIN_RISING, MIN_RATIO, MAX_SIZE_ERROR = 0.99, 10.0, 0.02
BATCH = 7

out = Console(width=160)


def visualize(
    network: Network, layer: str, units: Sequence[int], fields: dict[str, object], a_hat: Sequence[float] | None = None
) -> list[Visualization]:
    """Return the stimuli of units under the default recipe with these fields; raise the error of the first failure."""
    objective = "channel" if layer == CLASS_LAYER else "center"
    recipe = Recipe.model_validate({"objective": objective, **fields})
    return optimize_units(network, layer, units, recipe, BATCH, a_hat)


def energies(stimuli: Sequence[Visualization]) -> np.ndarray:
    return np.array([each.measurements.motion_energy["motion"] for each in stimuli])


def keep(folder: Path | None, layer: str, units: Sequence[int], name: str, stimuli: Sequence[Visualization]) -> None:
    """Save stimuli as one npz file for each unit, where a folder is given."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for unit, each in zip(units, stimuli, strict=True):
        arrays: dict[str, Any] = {str(stream): x for stream, x in each.stimulus.items()}
        np.savez_compressed(folder / f"{layer}-{unit}-{name}.npz", **arrays)
        (folder / f"{layer}-{unit}-{name}.json").write_text(each.measurements.model_dump_json())


def measure_speeds(
    network: Network, layer: str, units: Sequence[int], table: Table, folder: Path | None
) -> tuple[np.ndarray, np.ndarray]:
    """Add a row on the energies of a layer's units; return which rise at every step, and free over slow, (units,)."""
    by_speed = []
    for speed in Speed:
        stimuli = visualize(network, layer, units, {"speed": speed, "time_path": "neutral"})
        keep(folder, layer, units, speed.value, stimuli)
        by_speed.append(stimuli)
    values = np.stack([energies(stimuli) for stimuli in by_speed])
    rises, ratio = np.array((np.diff(values, axis=0) > 0).all(axis=0)), values[-1] / values[0]
    sizes = [np.mean([each.measurements.motion_magnitude or 0 for each in stimuli]) for stimuli in by_speed]
    table.add_row(
        layer,
        str(len(units)),
        f"{rises.mean():.0%}",
        f"{ratio.min():.1f}",
        f"{np.median(ratio):.1f}",
        *(f"{energy:.5f} / {size:.2f}" for energy, size in zip(np.median(values, axis=1), sizes, strict=True)),
    )
    return rises, ratio


def measure_paths(network: Network, layer: str, units: Sequence[int], table: Table) -> np.ndarray:
    """Add rows on J of both paths; return J over that of the smoothed path less 1, (speeds, units)."""
    free = visualize(network, layer, units, {"speed": "free", "time_path": "neutral"})
    a_hat = [max(each.measurements.activation, 1e-6) for each in free]
    fields: dict[str, object] = {"time_weight": TIME_WEIGHTS["neutral"]}
    gains = []
    for speed in (Speed.SLOW, Speed.MEDIUM, Speed.FAST):
        neutral, smoothed = (
            np.array(
                [
                    each.measurements.objective
                    for each in visualize(network, layer, units, fields | {"speed": speed, "time_path": path}, a_hat)
                ]
            )
            for path in ("neutral", "smoothed")
        )
        gains.append((neutral - smoothed) / np.abs(smoothed))
        gain = gains[-1]
        table.add_row(layer, speed.value, str(len(units)), f"{(gain >= 0).mean():.0%}", f"{gain.mean():+.1%}")
    return np.stack(gains)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=21, help="evenly spaced; 0 for none")
    parser.add_argument("--units", type=int, default=8, help="of each hidden layer, evenly spaced; 0 for none")
    parser.add_argument("--layers", nargs="*", default=LAYERS)
    parser.add_argument("--paths", action="store_true")
    parser.add_argument("--sizes", nargs="*", type=float, default=[])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    out.print(f"{platform.machine()}, {os.cpu_count()} cores, {options.threads} threads, torch {torch.__version__}")
    network = load_shipped("default")
    chosen = {layer: options.units for layer in options.layers if options.units} | {CLASS_LAYER: options.classes}
    failures: list[str] = []
    rising: list[np.ndarray] = []
    speeds = Table("layer", "units", "rises", "lowest free / slow", "median", *(f"{s}: energy / px" for s in Speed))
    paths = Table("layer", "speed", "units", "J not below the smoothed path", "mean gain of J")
    sizes = Table("layer", "units", "size of motion, px", "largest error")
    for layer, count in chosen.items():
        units = [number * network.card.layer(layer).units // count for number in range(count)]
        if not units:
            continue
        if options.paths:
            gains = measure_paths(network, layer, units, paths)
            out.print(paths)
            failures += [f"{layer}: mean J below the smoothed path"] if (gains.mean(1) < 0).any() else []
        elif options.sizes:
            for size in options.sizes:
                held = visualize(network, layer, units, {"motion_size": size})
                errors = [abs((each.measurements.motion_magnitude or 0) / size - 1) for each in held]
                sizes.add_row(layer, str(len(units)), f"{size:g}", f"{max(errors):.2%}")
                failures += [f"{layer}: {size} px missed by {max(errors):.1%}"] if max(errors) > MAX_SIZE_ERROR else []
            out.print(sizes)
        else:
            rises, ratio = measure_speeds(network, layer, units, speeds, options.keep)
            out.print(speeds)
            rising.append(rises)
            failures += [f"{layer}: energy rises {ratio.min():.1f} times in all"] if ratio.min() < MIN_RATIO else []
    if rising and (share := np.concatenate(rising).mean()) < MIN_RISING:
        failures.append(f"only {share:.1%} of the units rise at every step")
    for failure in failures:
        out.print(f"[red]{failure}[/]")
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()

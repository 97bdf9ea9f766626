r"""Measure how legible the class stimuli of a network are: their transfer to other networks, recipe by recipe.

    python -m benchmarks.transfer --network mocap --judge mocap-judge --seeds 5 \\
        --vary speed=slow,free --vary "prior=fourier optimizer=adam"

Networks are those registered in KINETOSCOPE_HOME. Every variant changes some fields of the default recipe. The table
has for each variant the share of the class stimuli that each judge classifies correctly, when it is shown both streams
and each alone, and for control the same share of noise of the same spectrum, which should be at chance.
"""

import argparse
from itertools import product

import numpy as np
from rich.console import Console
from rich.table import Table

from app.contract.network import CLASS_LAYER, StreamName
from app.contract.recipe import Recipe
from worker.cli.common import choose_device, open_database
from worker.evidence.transfer import Stimulus, transfer
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.network import Network
from worker.tasks.network_cache import NetworkCache

out = Console(width=160)
SHOWN_STREAMS = {"both": None, "appearance": [StreamName.APPEARANCE], "motion": [StreamName.MOTION]}


def parse_variants(descriptions: list[str]) -> list[dict[str, str]]:
    """Return the recipe fields of each variant: `a=1,2 b=3` is [{a: 1, b: 3}, {a: 2, b: 3}]."""
    variants: list[dict[str, str]] = []
    for description in descriptions or [""]:
        fields = [field.partition("=")[::2] for field in description.split()]
        names = [name for name, _ in fields]
        variants += [dict(zip(names, values, strict=True)) for values in product(*(v.split(",") for _, v in fields))]
    return variants


def optimize_class_stimuli(network: Network, recipe: Recipe, batch: int) -> list[Visualization]:
    units = list(range(len(network.card.classes)))
    finished: list[Visualization] = []
    for start in range(0, len(units), batch):
        chosen = units[start : start + batch]
        for result in maximize_units(network, CLASS_LAYER, chosen, [recipe] * len(chosen)):
            if not isinstance(result.outcome, Visualization):
                raise result.outcome
            finished.append(result.outcome)
    return finished


def shuffle_phases(stimulus: Stimulus, rng: np.random.Generator) -> Stimulus:
    """Return noise with the power spectrum of the stimulus, (D, T, H, W) by stream: the stimulus without its shapes."""

    def shuffle(x: np.ndarray) -> np.ndarray:
        phase = np.exp(1j * np.angle(np.fft.fft2(rng.normal(size=x.shape[-2:]))))
        return np.fft.ifft2(np.fft.fft2(x) * phase).real

    return {name: shuffle(np.asarray(x)) for name, x in stimulus.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mocap")
    parser.add_argument("--judge", action="append", help="may be repeated; mocap-judge if not given")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=7)
    parser.add_argument("--vary", action="append", default=[], help="fields of a recipe and their values")
    options = parser.parse_args()
    networks = NetworkCache(open_database(), choose_device(), max_networks=8)
    network = networks.load(options.network)
    judges = [networks.load(slug) for slug in options.judge or ["mocap-judge"]]
    columns = [f"{judge.card.slug} {shown}" for judge in judges for shown in SHOWN_STREAMS]
    table = Table("recipe", "seconds a unit", "noise", *columns, "control")
    for fields in parse_variants(options.vary):
        name = " ".join(f"{field}={value}" for field, value in fields.items()) or "default"
        table.add_row(name, *measure_variant(network, judges, fields, options.seeds, options.batch))
        out.print(table)


def measure_variant(
    network: Network, judges: list[Network], fields: dict[str, str], seeds: int, batch: int
) -> list[str]:
    """Return one row of the table: means over seeds, and the deviations of the transfers."""
    labels = network.card.classes
    values: dict[str, list[float]] = {"seconds": [], "noise": []}
    controls: list[float] = []
    for seed in range(seeds):
        recipe = Recipe.model_validate({**fields, "seed": seed}).resolved(network.card)
        finished = optimize_class_stimuli(network, recipe, batch)
        stimuli = [each.stimulus for each in finished]
        noise = [shuffle_phases(stimulus, np.random.default_rng(seed)) for stimulus in stimuli]
        values["seconds"].append(float(np.mean([each.measurements.seconds for each in finished])))
        values["noise"].append(float(np.mean([max(each.measurements.noise.values()) for each in finished])))
        for judge in judges:
            for shown, streams in SHOWN_STREAMS.items():
                rate = transfer(judge, stimuli, labels, streams)
                values.setdefault(f"{judge.card.slug} {shown}", []).append(rate)
            controls.append(transfer(judge, noise, labels))
    seconds, noisiness, *rates = values.values()
    return [
        f"{np.mean(seconds):.2f}",
        f"{np.mean(noisiness):.4f}",
        *(f"{np.mean(rate):.1%} ± {np.std(rate):.1%}" for rate in rates),
        f"{np.mean(controls):.1%}",
    ]


if __name__ == "__main__":
    main()

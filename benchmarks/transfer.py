r"""Measure how legible the class stimuli of a network are: their transfer to other networks, recipe by recipe.

    python -m benchmarks.transfer --network mocap --judge mocap-judge --seeds 5 \\
        --vary speed=slow,free --vary "prior=fourier optimizer=adam"

Networks are those registered in KINETOSCOPE_HOME. Every variant changes some fields of the default recipe. The table
has for each variant the share of the class stimuli that each judge classifies correctly, when it is shown both streams
and each alone, and for control the same share of noise of the same spectrum, which should be at chance.
"""

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table

from app.contract.network import StreamName
from app.contract.recipe import Recipe
from benchmarks.class_stimuli import describe_variant, optimize_class_stimuli, parse_variants, shuffle_phases
from worker.cli.common import choose_device, open_database
from worker.evidence.transfer import transfer
from worker.networks.network import Network
from worker.tasks.network_cache import NetworkCache

out = Console(width=160)
SHOWN_STREAMS = {"both": None, "appearance": [StreamName.APPEARANCE], "motion": [StreamName.MOTION]}


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
        table.add_row(describe_variant(fields), *measure_variant(network, judges, fields, options.seeds, options.batch))
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

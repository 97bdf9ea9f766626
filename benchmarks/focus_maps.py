r"""Measure what one focus map for both streams does to class stimuli: transfer, share that moves, coupling, and J.

    python -m benchmarks.focus_maps --judge mocap-judge --judge control --seeds 5 --steps 36 --speed medium --speed slow

Networks are those registered in KINETOSCOPE_HOME. Each seed is measured under every variant before the next one; the
table is printed after each seed. With --keep FILE, what is measured is kept there, a line each, and not measured again.
Moving is the share of pixels faster than half a pixel a frame, and coupling the correlation over space of local
contrast and speed, both with the median of each flow field subtracted. J is the mean over classes and seeds.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from app.contract.network import StreamName
from app.contract.recipe import Recipe
from benchmarks.class_stimuli import optimize_class_stimuli
from benchmarks.motion_reality import coupling, moving_share
from worker.cli.common import choose_device, open_database
from worker.evidence.transfer import transfer
from worker.networks.network import Network
from worker.tasks.network_cache import NetworkCache

Values = dict[str, list[float]]

out = Console(width=140)
VARIANTS: Mapping[str, Mapping[str, object]] = {
    "no focus": {},
    "focus, own maps": {"focus": 1, "center_bias": 1},
    "focus, shared map": {"focus": 1, "center_bias": 1, "focus_map": "shared"},
}


def measure(network: Network, judges: Sequence[Network], recipe: Recipe, batch: int) -> Values:
    """Return the figures of one variant under one seed, those of single stimuli averaged over the classes."""
    finished = optimize_class_stimuli(network, recipe, batch)
    pairs = [(each.stimulus[StreamName.APPEARANCE], each.stimulus[StreamName.MOTION]) for each in finished]
    stimuli = [each.stimulus for each in finished]
    values = {judge.card.slug: [transfer(judge, stimuli, network.card.classes)] for judge in judges}
    values["moving"] = [float(np.mean([moving_share(flow) for _, flow in pairs]))]
    values["coupling"] = [float(np.mean([coupling(image, flow) for image, flow in pairs]))]
    values["J"] = [each.measurements.objective for each in finished]
    values["seconds a unit"] = [float(np.mean([each.measurements.seconds for each in finished]))]
    return values


def make_table(found: Mapping[tuple[str, str], Values], seeds: int) -> Table:
    """Return a row for each speed and variant, with means over seeds and their standard deviations."""
    names = list(next(iter(found.values())))
    table = Table("speed", "variant", *names, title=f"{seeds} seeds")
    for (speed, variant), values in found.items():
        shown = []
        for name in names:
            if name == "J":
                shown.append(f"{np.mean(values[name]):.2e}")
            elif name == "seconds a unit":
                shown.append(f"{np.mean(values[name]):.1f}")
            elif name in ("moving", "coupling"):
                shown.append(f"{np.mean(values[name]):.2f} ± {np.std(values[name]):.2f}")
            else:
                shown.append(f"{np.mean(values[name]):.1%} ± {np.std(values[name]):.1%}")
        table.add_row(speed, variant, *shown)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mocap")
    parser.add_argument("--judge", action="append", help="may be repeated; mocap-judge if not given")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=72)
    parser.add_argument("--speed", action="append", help="may be repeated; medium if not given")
    parser.add_argument("--batch", type=int, default=21)
    parser.add_argument("--keep", type=Path, help="file of what has been measured")
    options = parser.parse_args()
    networks = NetworkCache(open_database(), choose_device(), max_networks=8)
    network = networks.load(options.network)
    judges = [networks.load(slug) for slug in options.judge or ["mocap-judge"]]
    found: dict[tuple[str, str], Values] = {}
    lines = options.keep.read_text().splitlines() if options.keep and options.keep.exists() else []
    known: dict[str, Values] = dict(json.loads(line) for line in lines)
    for seed in range(options.seeds):
        for speed in options.speed or ["medium"]:
            for variant, fields in VARIANTS.items():
                choices = {**fields, "speed": speed, "seed": seed, "steps": options.steps}
                key = json.dumps([choices, network.card.slug, [judge.card.slug for judge in judges]])
                measured = known.get(key) or measure(network, judges, Recipe.model_validate(choices), options.batch)
                if options.keep and key not in known:
                    with options.keep.open("a") as file:
                        file.write(json.dumps([key, measured]) + "\n")
                values = found.setdefault((speed, variant), {})
                for name, each in measured.items():
                    values.setdefault(name, []).extend(each)
        out.print(make_table(found, seed + 1))


if __name__ == "__main__":
    main()

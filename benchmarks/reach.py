"""Measure reach by layer: whether stimuli drive their units harder than every clip of a survey does.

    python -m benchmarks.reach mocap --units 32 --objective center --set steps=144

Takes `--units` live units of each layer, evenly spaced (0: all of them), and the default recipe with the given changes;
the network is one of KINETOSCOPE_HOME that a survey has measured. Reach is the stimulus' activation over a_hat, the
unit's largest activation over the surveyed clips.
"""

import argparse
from collections.abc import Sequence
from time import process_time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from app.contract.recipe import Recipe
from app.contract.unit import UnitSummary
from app.store.catalog.networks import get_card
from app.store.catalog.units import get_unit
from worker.cli.common import choose_device, open_database
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.network import Network
from worker.tasks.network_cache import NetworkCache

out = Console(width=160)


def evenly_spaced(units: Sequence[UnitSummary], count: int) -> list[UnitSummary]:
    """Return `count` live units, evenly spaced from the first on; all of them for 0."""
    live = [unit for unit in units if unit.a_hat is not None and unit.a_hat > 0]
    if not count or count >= len(live):
        return live
    return [live[number * len(live) // count] for number in range(count)]


def visualize(
    network: Network, layer: str, units: Sequence[UnitSummary], recipe: Recipe, batch: int
) -> list[Visualization]:
    """Return the visualization of each unit; raise the error of the first that fails."""
    visualizations: list[Visualization] = []
    for start in range(0, len(units), batch):
        chunk = units[start : start + batch]
        a_hat = [unit.a_hat or 1.0 for unit in chunk]
        for result in maximize_units(
            network, layer, [unit.index for unit in chunk], [recipe] * len(chunk), a_hat=a_hat
        ):
            if not isinstance(result.outcome, Visualization):
                raise result.outcome
            visualizations.append(result.outcome)
    return visualizations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("--layers", nargs="+", help="all, if not given")
    parser.add_argument("--units", type=int, default=32, help="of a layer")
    parser.add_argument("--objective", choices=("center", "channel"), default="center")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of the recipe")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    store = open_database()
    network = NetworkCache(store, choose_device()).load(options.network)
    fields = dict(field.split("=", 1) for field in options.set)
    recipe = Recipe.model_validate({**fields, "objective": options.objective})
    table = Table("layer", "units", "reach >= 1", "lowest tenth", "median", "noise", "CPU s a unit")
    for layer in options.layers or [layer.name for layer in network.card.layers]:
        count = network.card.layer(layer).units
        with store.session() as session:
            card = get_card(session, slug=options.network)
            known = [get_unit(session, card=card, layer=layer, unit=unit) for unit in range(count)]
        units = evenly_spaced(known, options.units)
        if not units:
            out.print(f"{layer}: no unit that a survey has seen alive")
            continue
        started = process_time()
        measurements = [one.measurements for one in visualize(network, layer, units, recipe, options.batch)]
        seconds = (process_time() - started) / len(units)
        reach = np.array([one.reach for one in measurements])
        noise = np.median([max(one.noise.values()) for one in measurements])
        table.add_row(
            layer,
            str(len(units)),
            f"{np.mean(reach >= 1):.0%}",
            f"{np.quantile(reach, 0.1):.2f}",
            f"{np.median(reach):.2f}",
            f"{noise:.3f}",
            f"{seconds:.2f}",
        )
        out.print(f"{layer} done", style="dim")
    out.print(table)


if __name__ == "__main__":
    main()

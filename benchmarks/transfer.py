"""How legible are the class stimuli of a network? Transfer to judges that never saw it, recipe by recipe.

    python -m benchmarks.transfer --network mocap --judge mocap-judge --seeds 5 \\
        --vary speed=slow,free --vary "prior=fourier optimizer=adam"

Networks are those registered in KINETOSCOPE_HOME. Every variant is a change of the default recipe; for each, the
share of class stimuli that each judge assigns to their class, seeing both streams and each alone, beside a control:
noise of the same spectrum, which a judge should assign at chance.
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
from worker.maximize.ascend import ascend
from worker.maximize.outcome import Finished
from worker.networks.network import Network
from worker.tasks.network_cache import NetworkCache

out = Console(width=160)
SHOWN = {"both": None, "appearance": [StreamName.APPEARANCE], "motion": [StreamName.MOTION]}


def variants(vary: list[str]) -> list[dict[str, str]]:
    """`a=1,2 b=3` -> [{a: 1, b: 3}, {a: 2, b: 3}]; several descriptions are added up."""
    found: list[dict[str, str]] = []
    for description in vary or [""]:
        fields = [field.partition("=")[::2] for field in description.split()]
        names = [name for name, _ in fields]
        found += [dict(zip(names, values, strict=True)) for values in product(*(v.split(",") for _, v in fields))]
    return found


def stimuli(network: Network, recipe: Recipe, batch: int) -> list[Finished]:
    units = list(range(len(network.card.classes)))
    found: list[Finished] = []
    for start in range(0, len(units), batch):
        chosen = units[start : start + batch]
        for ascent in ascend(network, CLASS_LAYER, chosen, [recipe] * len(chosen)):
            if not isinstance(ascent.outcome, Finished):
                raise ascent.outcome
            found.append(ascent.outcome)
    return found


def shuffled_phases(stimulus: Stimulus, rng: np.random.Generator) -> Stimulus:
    """Noise with the power spectrum of the stimulus: what is left of it without its shapes."""

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
    chosen = parser.parse_args()
    networks = NetworkCache(open_database(), choose_device(), max_networks=8)
    network = networks.load(chosen.network)
    judges = [networks.load(slug) for slug in chosen.judge or ["mocap-judge"]]
    table = Table("recipe", "seconds a unit", "noise", *(f"{j.card.slug} {shown}" for j in judges for shown in SHOWN))
    table.add_column("control")
    for fields in variants(chosen.vary):
        rates: dict[str, list[float]] = {}
        for seed in range(chosen.seeds):
            recipe = Recipe.model_validate({**fields, "seed": seed}).resolved(network.card)
            finished = stimuli(network, recipe, chosen.batch)
            pictures = [one.stimulus for one in finished]
            rates.setdefault("seconds", []).append(np.mean([one.measurements.seconds for one in finished]))
            rates.setdefault("noise", []).append(np.mean([max(one.measurements.noise.values()) for one in finished]))
            controls = [shuffled_phases(one, np.random.default_rng(seed)) for one in pictures]
            for judge in judges:
                names = network.card.classes
                for shown, streams in SHOWN.items():
                    rate = transfer(judge, pictures, names, streams)
                    rates.setdefault(f"{judge.card.slug} {shown}", []).append(rate)
                rates.setdefault("control", []).append(transfer(judge, controls, names))
        name = " ".join(f"{key}={value}" for key, value in fields.items()) or "default"
        control = rates.pop("control")
        figures = [f"{np.mean(rates.pop('seconds')):.2f}", f"{np.mean(rates.pop('noise')):.4f}"]
        figures += [f"{np.mean(values):.1%} ± {np.std(values):.1%}" for values in rates.values()]
        table.add_row(name, *figures, f"{np.mean(control):.1%}")
        out.print(table)


if __name__ == "__main__":
    main()

"""Stimuli for benchmarks: recipe variants, the stimuli of units and of all classes, and stimuli without shapes."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from app.contract.network import CLASS_LAYER
from app.contract.recipe import Recipe
from worker.evidence.transfer import Stimulus
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.network import Network


def parse_variants(descriptions: list[str]) -> list[dict[str, str]]:
    """Return the recipe fields of each variant: `a=1,2 b=3` is [{a: 1, b: 3}, {a: 2, b: 3}]."""
    variants: list[dict[str, str]] = []
    for description in descriptions or [""]:
        fields = [field.partition("=")[::2] for field in description.split()]
        names = [name for name, _ in fields]
        variants += [dict(zip(names, values, strict=True)) for values in product(*(v.split(",") for _, v in fields))]
    return variants


def describe_variant(fields: dict[str, str]) -> str:
    """Return the fields as `a=1 b=3`, or `default` for none."""
    return " ".join(f"{field}={value}" for field, value in fields.items()) or "default"


def optimize_class_stimuli(network: Network, recipe: Recipe, batch: int) -> list[Visualization]:
    """Return a stimulus for each class, in the order of the classes; raise the error of the first that fails."""
    return optimize_units(network, CLASS_LAYER, range(len(network.card.classes)), recipe, batch)


def optimize_units(
    network: Network,
    layer: str,
    units: Sequence[int],
    recipe: Recipe,
    batch: int,
    a_hat: Sequence[float] | None = None,
) -> list[Visualization]:
    """Return a stimulus for each unit, made `batch` at a time; raise the error of the first that fails.

    `a_hat` are the units' largest activations over data.
    """
    finished: list[Visualization] = []
    for start in range(0, len(units), batch):
        chosen = list(units[start : start + batch])
        known = None if a_hat is None else a_hat[start : start + batch]
        for result in maximize_units(network, layer, chosen, [recipe] * len(chosen), a_hat=known):
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

"""Learn a dictionary from the activations of a layer, and say what its layer is on the network's card."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from app.contract.dictionary import MAX_DIRECTIONS, SEPARATOR, Dictionary, DictionaryFacts, Method
from app.contract.errors import InvalidRequest
from app.contract.network import Layer, NetworkCard
from worker.directions.activations import LayerSample, Rows, split_clips
from worker.directions.factorizations import learn_kmeans, learn_nmf, learn_pca
from worker.directions.measures import measure_dictionary
from worker.directions.sparse_autoencoder import STEPS, learn_sae
from worker.networks.dictionary import Directions

NEAREST_CHANNELS = 8  # stored with each direction
DEFAULT_ACTIVE = 8  # directions that a sparse autoencoder uses at a position

LEARNERS: dict[str, Callable[[Rows, int, int], Directions]] = {
    "pca": learn_pca,
    "nmf": learn_nmf,
    "kmeans": learn_kmeans,
}


@dataclass(frozen=True)
class Learned:
    """A dictionary, and what it was learned from."""

    directions: Directions
    dictionary: Dictionary
    facts: DictionaryFacts


def learn_dictionary(
    sample: LayerSample,
    base: Layer,
    dataset: str,
    *,
    method: Method,
    size: int,
    seed: int = 0,
    active: int = DEFAULT_ACTIVE,
    steps: int = STEPS,
    margin: int = 0,
) -> Learned:
    """Return a dictionary of `size` directions, measured on a fifth of the clips, which it has not seen.

    `margin` is what the sample leaves out of each map, to be noted. Raises InvalidRequest for a size that the method
    cannot give.
    """
    learned, held = split_clips(len(sample.names), seed)
    rows = sample.of_clips(learned)
    check_size(method, size, active, rows, base)
    learners = LEARNERS | {"sae": partial(learn_sae, active=active, steps=steps)}
    directions = learners[method](rows, size, seed)
    settings: dict[str, int | float | str] = {"seed": seed, "positions": len(rows), "clips": len(learned)}
    settings |= {"margin": margin} if margin else {}
    facts = DictionaryFacts(
        dataset=dataset,
        settings=settings | ({"active": active, "steps": steps} if method == "sae" else {}),
        measures=measure_dictionary(directions, method, sample, learned, held, seed),
    )
    return Learned(directions, Dictionary(base=base.name, method=method), facts)


def check_size(method: Method, size: int, active: int, rows: Rows, base: Layer) -> None:
    """Raise InvalidRequest for a number of directions that the method cannot give."""
    positions, channels = rows.shape
    if not 1 <= size <= MAX_DIRECTIONS:
        raise InvalidRequest(f"A dictionary has 1 to {MAX_DIRECTIONS:,} directions, not {size:,}.")
    if method == "pca" and size > min(positions, channels):
        raise InvalidRequest(
            f"{base.name} has {channels:,} channels, sampled at {positions:,} positions: there are no more than "
            f"{min(positions, channels):,} principal components. Ask for fewer."
        )
    if size > positions:
        raise InvalidRequest(
            f"{size:,} directions cannot be learned from {positions:,} positions: take more clips, or fewer directions."
        )
    if method == "sae" and not 1 <= active <= size:
        raise InvalidRequest(f"--active is how many of the {size:,} directions describe a position: 1 to {size:,}.")


def check_base(card: NetworkCard, name: str) -> Layer:
    """Return the layer that a dictionary is to read. Raises UnknownLayer; InvalidRequest for classes, dictionaries."""
    layer = card.layer(name)
    if layer.is_class:
        raise InvalidRequest("The units of the layer `class` are the classes already: take a layer before it.")
    if layer.dictionary is not None:
        raise InvalidRequest(
            f"{name} is a dictionary itself: learn another one of the layer that it reads, {layer.dictionary.base}."
        )
    return layer


def nearest_channels(directions: Directions) -> list[tuple[tuple[int, float], ...]]:
    """Return for each direction the channels whose axes are nearest to it, with the cosines, the largest first."""
    cosines = torch.nn.functional.normalize(directions.decoder, dim=1)
    largest, channels = cosines.topk(min(NEAREST_CHANNELS, cosines.shape[1]), 1)
    return [
        tuple(zip(numbers, values, strict=True))
        for numbers, values in zip(channels.tolist(), largest.tolist(), strict=True)
    ]


def dictionary_layer(card: NetworkCard, dictionary: Dictionary, name: str, directions: Directions) -> Layer:
    """Return the layer of a dictionary: that of its base, with directions for units, named `base~name`.

    Codes of linear encoders have two signs.
    """
    base = check_base(card, dictionary.base)
    return base.model_copy(
        update={
            "name": layer_name(base, name),
            "units": directions.size,
            "signed": directions.kind == "linear",
            "dictionary": dictionary,
        }
    )


def layer_name(base: Layer, name: str) -> str:
    """Return the name of a dictionary's layer."""
    return f"{base.name}{SEPARATOR}{name}"

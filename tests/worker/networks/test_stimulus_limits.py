"""What a layer's limits refuse is what the worker cannot compute, and nothing else."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRecipe
from app.contract.network import CLASS_LAYER, NetworkCard, StreamName
from app.contract.recipe import Recipe
from app.store.catalog import networks
from app.store.database.engine import Store
from tests.worker.conftest import save_random
from worker.maximize.from_recipe import make_model
from worker.networks.load import describe_network, load_network
from worker.networks.network import Network
from worker.networks.registry import find_family
from worker.networks.stimulus_limits import with_limits
from worker.networks.trace import trace
from worker.tasks.network_cache import NetworkCache

SIZES = (16, 17, 24, 31, 32, 33, 40, 64)


class Unpadded(nn.Module):
    """Layers that need more and more of a clip, the last ones a map of exactly their own size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 2, (5, 19, 19))
        self.conv2 = nn.Conv3d(2, 2, 3)
        self.scores = nn.Linear(2 * 2 * 12 * 12, 4)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        scores: Tensor = self.scores(self.conv2(self.conv1(inputs[StreamName.CLIP])).flatten(1))
        return scores


class Even(nn.Module):
    """A layer that takes even sizes alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(12, 2, 1)
        self.scores = nn.Linear(2, 4)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        clip = inputs[StreamName.CLIP]
        batch, colours, frames, height, width = clip.shape
        blocks = clip.reshape(batch, colours, frames, height // 2, 2, width // 2, 2)
        blocks = blocks.permute(0, 1, 4, 6, 2, 3, 5).flatten(1, 3)
        scores: Tensor = self.scores(self.conv(blocks).mean((2, 3, 4)))
        return scores


def accepts(card: NetworkCard, layer: str, recipe: Recipe) -> bool:
    try:
        recipe.resolved(card).require_fit(card, layer)
    except InvalidRecipe:
        return False
    return True


def can_compute(network: Network, layer: str, recipe: Recipe) -> bool:
    resolved = recipe.resolved(network.card)
    try:
        make_model(network, layer, resolved.in_pixels(network.card, layer))
    except InvalidRecipe:
        return False
    return True


@pytest.mark.parametrize(
    ("family", "sizes"),
    [("tiny_two_stream", SIZES), ("tiny_clip", SIZES), ("tiny_wide", SIZES), ("mocap_two_stream", (96, 97, 128, 129))],
)
def test_a_request_is_refused_where_the_worker_would_refuse_it(
    family: str, sizes: tuple[int, ...], tmp_path: Path
) -> None:
    weights = save_random(family, tmp_path / "weights.safetensors")
    network = load_network(describe_network(family=family, weights=weights, slug="net"), weights.read_bytes())
    recipes = [*(Recipe(size=size) for size in sizes), Recipe(size=sizes[1], objective="center")]
    for layer in (network.card.layers[0], *network.card.layers[-2:]):
        for recipe in recipes:
            fits = accepts(network.card, layer.name, recipe)
            assert fits == can_compute(network, layer.name, recipe), (layer, recipe)


def test_limits_are_ranges_of_sizes_and_of_lengths() -> None:
    stream = find_family("tiny_clip").streams[0]
    stimulus = find_family("tiny_clip").stimulus
    module = Unpadded().eval()
    layers, points = trace(module, [stream])
    limits = {each.name: (each.sizes, each.lengths) for each in with_limits(module, layers, points, [stream], stimulus)}
    assert limits == {
        "conv1": (((19, 512),), ((5, 128),)),
        "conv2": (((21, 512),), ((7, 128),)),
        CLASS_LAYER: (((32, 32),), ((8, 8),)),
    }
    even = Even().eval()
    layers, points = trace(even, [stream])
    [conv, *_] = with_limits(even, layers, points, [stream], stimulus)
    assert (conv.sizes, conv.lengths) == ((), ((1, 128),))  # of sizes only trying tells


def test_the_worker_adds_limits_to_an_older_card(
    store: Store, tiny_two_stream: Network, tiny_two_stream_weights: Path
) -> None:
    card = tiny_two_stream.card
    older = tuple(layer.model_copy(update={"sizes": None, "lengths": None}) for layer in card.layers)
    with store.transaction() as session:
        old_card = card.model_copy(update={"layers": older})
        networks.add_network(session, card=old_card, weights=[tiny_two_stream_weights.read_bytes()])
    assert NetworkCache(store, torch.device("cpu")).load(card.slug).card.layers == card.layers
    with store.session() as session:
        stored = networks.network_row(session, card.slug).card
    assert NetworkCard.model_validate(stored).layers == card.layers

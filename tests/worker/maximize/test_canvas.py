"""Canvases: layouts, bounds, sizes."""

from functools import partial

import torch

from app.contract.network import StreamName
from app.contract.recipe import Recipe
from worker.graph.inputs import as_input
from worker.maximize.canvas import Canvas
from worker.maximize.from_recipe import make_canvases, visible_streams
from worker.networks.network import Network


def test_layouts_at_the_networks_door() -> None:
    def layout(name: StreamName, x: torch.Tensor) -> torch.Tensor:
        _, depth, frames, height, width = x.shape
        return Canvas(depth, frames, height, width, layout=partial(as_input, name)).layout(x)

    flow = torch.tensor([[1.0, 2, 3], [-1, -2, -3]]).view(1, 2, 3, 1, 1)  # u1..u3, v1..v3
    assert layout(StreamName.MOTION, flow).flatten().tolist() == [1, -1, 2, -2, 3, -3]
    assert layout(StreamName.APPEARANCE, torch.zeros(2, 3, 1, 4, 5)).shape == (2, 3, 4, 5)
    assert layout(StreamName.CLIP, torch.zeros(2, 3, 6, 4, 5)).shape == (2, 3, 6, 4, 5)


def test_projection_keeps_direction_bounds_the_norm_and_leaves_the_rest() -> None:
    x = torch.tensor([[3.0, 0.1], [4.0, 0.2]]).view(1, 2, 1, 1, 2)
    projected = Canvas(depth=2, frames=1, height=1, width=2, bound=0.5).project(x)
    torch.testing.assert_close(projected.flatten(), torch.tensor([0.3, 0.1, 0.4, 0.2]))
    colour = Canvas(depth=3, frames=1, height=1, width=1, bound=4).project(
        torch.tensor([2.0, 0.5, -3.0]).view(1, 3, 1, 1, 1)
    )
    assert colour.flatten().tolist() == [1, 0.5, -1]


def test_size_and_bound_come_from_recipe_and_stream(two_stream_network: Network) -> None:
    card = two_stream_network.card
    made = make_canvases(card, Recipe(size=32, jitter=5, bound=2).resolved(card))
    motion = made[StreamName.MOTION]
    assert motion.shape == (2, 8, 38, 38)
    assert (motion.height, motion.bound) == (32, 0.6)
    assert made[StreamName.APPEARANCE].shape == (3, 1, 38, 38)
    assert motion.crop(torch.zeros(1, *motion.shape)).shape == (1, 2, 8, 32, 32)


def test_only_the_streams_a_layer_sees_are_optimized(two_stream_network: Network) -> None:
    card = two_stream_network.card
    assert visible_streams(card, "appearance.conv1") == (StreamName.APPEARANCE,)
    assert visible_streams(card, "fusion.conv2") == (StreamName.APPEARANCE, StreamName.MOTION)

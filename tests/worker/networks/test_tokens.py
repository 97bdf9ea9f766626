"""Layers of tokens in networks of one's own, and what is said of modules that are no layers."""

from collections.abc import Mapping
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, Stream, StreamName
from worker.graph.forward_hook import forward_to
from worker.networks.network import Point
from worker.networks.omitted import refuse_only_ends
from worker.networks.tokens import FrameTap, Order, TokenTap
from worker.networks.trace import trace, trace_network

STREAMS = [Stream(name=StreamName.CLIP, frames=4, height=16, width=24)]


@pytest.mark.parametrize("order", ["thw", "hwt"])
@pytest.mark.parametrize("class_tokens", [0, 1, 2])
def test_a_tap_shows_tokens_as_a_map_and_passes_them_on(order: Order, class_tokens: int) -> None:
    t, h, w = 2, 3, 4
    positions = torch.arange(t * h * w).view(t, h, w)
    cells = positions if order == "thw" else positions.permute(1, 2, 0)
    tokens = torch.cat([torch.full((class_tokens,), -1), cells.flatten()])[None, :, None] * torch.tensor([1, 100])
    tap = TokenTap((t, h, w), order=order, class_tokens=class_tokens, show_class_token=True)
    module = nn.Sequential(nn.Identity(), nn.Identity())
    tap.attach(module[0])
    module.add_module("taps", tap)
    with forward_to(nn.Sequential(module[:1], tap), "1.tap") as read:
        maps = read(tokens)
    torch.testing.assert_close(maps, torch.stack([positions, positions * 100])[None])
    torch.testing.assert_close(module[:1](tokens), tokens)
    tap.tap.register_forward_hook(lambda part, inputs, output: output + 1)
    changed = module[:1](tokens)
    torch.testing.assert_close(changed[:, class_tokens:], tokens[:, class_tokens:] + 1)
    torch.testing.assert_close(changed[:, :class_tokens], tokens[:, :class_tokens])


def test_frames_that_are_folded_into_the_batch() -> None:
    tap, folded = FrameTap(3), torch.rand(6, 5, 2, 2)
    with forward_to(tap, "tap") as read:
        torch.testing.assert_close(read(folded)[1, :, 2], folded[5])
    torch.testing.assert_close(tap(folded), folded)


class Patches(nn.Module):
    """Embed patches, change the tokens in two layers, classify; `with_taps` marks the tokens as layers."""

    def __init__(self, with_taps: bool) -> None:
        super().__init__()
        self.patches = nn.Conv3d(3, 6, (2, 8, 8), stride=(2, 8, 8))
        self.first, self.second, self.unused = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.head = nn.Linear(6, 5)
        self.blocks = nn.ModuleList()
        for part in (self.first, self.second) if with_taps else ():
            tap = TokenTap((2, 2, 3))
            tap.attach(part)
            self.blocks.append(tap)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        tokens = self.patches(inputs[StreamName.CLIP]).flatten(2).transpose(1, 2)
        tokens = self.second(self.first(tokens).tanh())
        return self.head(tokens.mean(1))  # type: ignore[no-any-return]


def test_tokens_of_a_network_of_ones_own_are_layers() -> None:
    layers, points = trace(Patches(with_taps=True), STREAMS)
    assert [(layer.name, layer.units, layer.map) for layer in layers[:-1]] == [
        (f"blocks.{index}", 6, Extent(frames=2, height=2, width=3)) for index in range(2)
    ]
    assert points["blocks.1"] == Point("blocks.1.tap", rectified=False)


def test_a_copy_of_a_network_has_taps_of_its_own() -> None:
    module = Patches(with_taps=True)
    copy = deepcopy(module)
    copy.get_submodule("blocks.0.tap").register_forward_hook(lambda part, inputs, output: output * 0)
    inputs = {StreamName.CLIP: torch.rand(1, 3, 4, 16, 24)}
    assert not torch.allclose(copy(inputs), module(inputs))


def test_a_network_of_which_only_the_ends_can_be_shown_is_refused_with_what_to_do() -> None:
    module = Patches(with_taps=False)
    traced = trace_network(module, STREAMS)
    tokens = "its output is a sequence of tokens, whose places in the clip are not known: mark it with TokenTap"
    assert {part.module: (part.shape, part.reason) for part in traced.omitted} == {
        "first": ((2, 12, 6), tokens),
        "second": ((2, 12, 6), tokens),
        "unused": ((), "the network does not run it, or takes its weights alone"),
    }
    with pytest.raises(InvalidRequest, match=r"\(patches and class\): 2 modules .*TokenTap"):
        refuse_only_ends(traced.layers, traced.omitted)

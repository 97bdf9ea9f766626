"""Layers whose units have two signs are found by tracing."""

import pytest
import torch
from torch import Tensor, nn

from app.contract.network import Stream, StreamName
from worker.graph.inputs import Inputs
from worker.networks.tap import Tap
from worker.networks.trace import trace

CLIP = Stream(name=StreamName.CLIP, frames=4, height=8, width=8)


class Tapped(nn.Module):
    """A tap in every place where the sign of activations is settled by what comes before or after it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3, padding=1)
        self.last = nn.Linear(4, 2)
        names = (
            "before",
            "residual",
            "rectified",
            "in_place",
            "gated",
            "pooled",
            "shifted",
            "smooth",
            "normed",
            "after",
        )
        self.taps = nn.ModuleDict({name: nn.ModuleDict({"tap": Tap(rectified=name == "before")}) for name in names})

    def tap(self, name: str, x: Tensor) -> Tensor:
        shown: Tensor = self.taps[name].get_submodule("tap")(x)
        return shown

    def forward(self, inputs: Inputs) -> Tensor:
        x = self.conv(inputs[StreamName.CLIP])
        y = nn.functional.relu(self.tap("before", x))
        z = self.tap("residual", x + y)
        z = self.tap("rectified", nn.functional.relu(z))
        w = self.tap("in_place", nn.functional.relu_(z - 1))
        w = self.tap("gated", w * torch.sigmoid(x) + y)
        w = self.tap("pooled", nn.functional.max_pool3d(w.transpose(2, 3), 2).flatten(2, 3).unsqueeze(3))
        w = self.tap("shifted", w + -0.5)
        w = self.tap("smooth", nn.functional.gelu(w))
        w = self.tap("normed", nn.functional.layer_norm(w, w.shape[2:]))
        logits: Tensor = self.last(self.tap("after", w.abs()).mean((2, 3, 4)))
        return logits


def test_a_layer_has_two_signs_unless_a_relu_follows_or_nothing_negative_can_be_in_it() -> None:
    layers, points = trace(Tapped().eval(), [CLIP])
    signed = {layer.name.rpartition(".")[2]: layer.signed for layer in layers}
    assert signed == {
        "before": False,
        "residual": True,
        "rectified": False,
        "in_place": False,
        "gated": False,
        "pooled": False,
        "shifted": True,
        "smooth": True,
        "normed": True,
        "after": False,
        "class": False,
    }
    assert not points["taps.rectified"].rectified


class Plain(nn.Module):
    def __init__(self, *, in_place: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Conv3d(3, 3, 1), nn.Conv3d(3, 3, 1)
        self.relu = nn.ReLU(inplace=in_place)
        self.last = nn.Linear(3, 2)

    def forward(self, inputs: Inputs) -> Tensor:
        x = self.relu(self.first(inputs[StreamName.CLIP]))
        out = self.second(x)
        out += x
        logits: Tensor = self.last(self.relu(out).mean((2, 3, 4)))
        return logits


@pytest.mark.parametrize("in_place", [False, True])
def test_the_last_convolution_of_a_residual_block_has_two_signs(in_place: bool) -> None:
    layers, _ = trace(Plain(in_place=in_place).eval(), [CLIP])
    assert {layer.name: layer.signed for layer in layers} == {"first": False, "second": True, "class": False}

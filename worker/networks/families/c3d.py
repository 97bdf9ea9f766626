"""C3D: eight 3 x 3 x 3 convolutions on 16 frames of 112 px (Tran et al. 2015, arXiv 1412.0767).

Its ports to PyTorch call their tensors `conv1.weight` ... `fc8.bias`, as the Caffe model does, or number them as those
of VGG (`features.0.weight`, `classifier.6.bias`). Some add batch normalisations, `bn1` ... `bn5b`.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, Stream, StreamName
from worker.networks.families.two_stream import FullyConnected
from worker.networks.labels import check_label_count
from worker.networks.registry import Family, Recognised, find_family, register
from worker.networks.tap import Tap

FRAMES, SIZE = 16, 112
STAGES = (("1",), ("2",), ("3a", "3b"), ("4a", "4b"), ("5a", "5b"))  # a pool follows each
STEMS = tuple(stem for stage in STAGES for stem in stage)
FULL = ("fc6", "fc7", "fc8")
NUMBERED = {  # as a sequence of layers numbers them
    **{f"features.{n}": f"conv{stem}" for n, stem in zip((0, 3, 6, 8, 11, 13, 16, 18), STEMS, strict=True)},
    **{f"classifier.{n}": name for n, name in zip((0, 3, 6), FULL, strict=True)},
}
MEAN = (102.0, 98.0, 90.0)  # R, G, B of 8-bit frames: the mean of Sports-1M, rounded as ports do
SIDES = {4: 1, 3: 0}  # of the map after the last pool, and that pool's padding


class Convolution(nn.Conv3d):
    """A 3 x 3 x 3 convolution, the normalisation that is given, a tap and a ReLU."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units, 3, padding=1)
        self.tap = Tap()

    def apply_with(self, norm: nn.Module, x: Tensor) -> Tensor:
        return torch.relu(self.tap(norm(self(x))))


class C3D(nn.Module):
    """A network that maps inputs[clip] (B, 3, 16, 112, 112) in [-1, 1] to logits (B, classes)."""

    mean: Tensor

    def __init__(self, widths: tuple[int, ...], full: tuple[int, ...], side: int, *, has_norms: bool) -> None:
        """Build the network for the units of each convolution, and of each fully connected layer."""
        super().__init__()
        channels = 3
        for stem, units in zip(STEMS, widths, strict=True):
            self.add_module(f"conv{stem}", Convolution(channels, units))
            self.add_module(f"bn{stem}", nn.BatchNorm3d(units) if has_norms else nn.Identity())
            channels = units
        inputs = channels * side * side
        for name, units in zip(FULL[:-1], full, strict=False):
            self.add_module(name, FullyConnected(inputs, units))
            inputs = units
        self.fc8 = nn.Linear(inputs, full[-1])
        self.last_padding = SIDES[side]
        # the weights expect B, G, R in 0 ... 255 less the mean of each
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1, 1), persistent=False)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = ((inputs[StreamName.CLIP] + 1) * 127.5 - self.mean).flip(1)
        for number, stage in enumerate(STAGES, 1):
            for stem in stage:
                convolution, norm = self.get_submodule(f"conv{stem}"), self.get_submodule(f"bn{stem}")
                assert isinstance(convolution, Convolution)
                x = convolution.apply_with(norm, x)
            padding = self.last_padding if number == len(STAGES) else 0
            x = F.max_pool3d(x, (1, 2, 2) if number == 1 else 2, padding=(0, padding, padding))
        x = x.flatten(1)
        for name in FULL[:-1]:
            x = self.get_submodule(name)(x)
        return self.fc8(x)  # type: ignore[no-any-return]


def recognise(state: Mapping[str, Tensor], content: Mapping[str, object]) -> Recognised | None:
    """Return the network of a checkpoint with the tensors of C3D, under either naming."""
    renamed = {}
    for name, tensor in state.items():
        stem, _, kind = name.rpartition(".")
        renamed[f"{NUMBERED.get(stem, stem)}.{kind}"] = tensor
    convolutions = [renamed.get(f"conv{stem}.weight") for stem in STEMS]
    full = [renamed.get(f"{name}.weight") for name in FULL]
    if not all(w is not None and w.ndim == 5 and w.shape[2:] == (3, 3, 3) for w in convolutions):
        return None
    if not all(w is not None and w.ndim == 2 for w in full):
        return None
    widths = [len(w) for w in convolutions if w is not None]
    units = [len(w) for w in full if w is not None]
    area = full[0].shape[1] / widths[-1] if full[0] is not None else 0
    side = next((side for side in SIDES if side * side == area), None)
    if side is None:
        raise InvalidRequest(
            f"The tensors are those of C3D, but `fc6` takes {area:g} positions of each unit, where 16 frames of 112 px "
            "give 16 (with padding in the last pool) or 9: register it with a family file of your own."
        )
    config = {"widths": widths, "full": units, "side": side, "has_norms": "bn1.weight" in renamed}
    return Recognised(json.dumps(config), renamed)


def configure(text: str) -> Family:
    """Return the family of one network, from the sizes that its weights carry."""
    config = json.loads(text)
    widths, full = tuple(config["widths"]), tuple(config["full"])

    def build(classes: int) -> nn.Module:
        check_label_count(full[-1], classes)
        return C3D(widths, full, config["side"], has_norms=config["has_norms"])

    return replace(find_family("c3d"), build=build, labels=())


@register(
    name="c3d",
    title="C3D",
    summary="3 x 3 x 3 convolutions on 16 frames of 112 px (Tran et al. 2015). Ports differ in their pixels; assumed "
    "are blue, green, red from 0 to 255 less 90, 98, 102.",
    streams=[Stream(name=StreamName.CLIP, frames=FRAMES, height=SIZE, width=SIZE)],
    stimulus=Extent(frames=FRAMES, height=SIZE, width=SIZE),
    classes=487,
    short_side=128,
    configure=configure,
    recognise=recognise,
)
def c3d(classes: int) -> nn.Module:
    """Build the network of Sports-1M."""
    return C3D((64, 128, 256, 256, 512, 512, 512, 512), (4096, 4096, classes), 4, has_norms=False)

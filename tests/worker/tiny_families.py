"""Two small families as a person would write them in a file of their own: one with taps, one without."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from worker.networks.families.two_stream import two_stream, two_stream_inputs
from worker.networks.registry import register


@register(
    name="tiny_two_stream",
    title="Tiny two-stream",
    streams=two_stream_inputs(32, 3),
    stimulus=Extent(frames=3, height=32, width=32),
    classes=("jump", "run", "sit", "wave", "walk"),
)
def tiny_two_stream(classes: int) -> nn.Module:
    return two_stream(
        classes,
        size=32,
        flows=3,
        widths=(4, 4, 6, 6, 8),
        convs=(1, 1, 1, 1, 1),
        first_kernel=3,
        first_stride=1,
        fusion=8,
        fc=(12, 10),
    )


class TinyClip(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, 6, 3, (1, 2, 2), padding=1, bias=False), nn.BatchNorm3d(6), nn.ReLU(inplace=True)
        )
        self.conv2 = nn.Conv3d(6, 8, 3, 2, padding=1)
        self.shortcut = nn.Conv3d(8, 8, 1)
        self.conv3 = nn.Conv3d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = nn.functional.relu(self.conv2(self.stem(inputs[StreamName.CLIP])))
        x = torch.relu(self.conv3(x) + self.shortcut(x))
        logits: Tensor = self.head(x.mean((2, 3, 4)))
        return logits


@register(
    name="tiny_clip",
    title="Tiny clip network",
    streams=(Stream(name=StreamName.CLIP, frames=8, height=32, width=32),),
    stimulus=Extent(frames=8, height=32, width=32),
    classes=4,
)
def tiny_clip(classes: int) -> nn.Module:
    return TinyClip(classes)


class TinyWide(nn.Module):
    """Three convolutions of a clip that is wider than high, as the inputs of C3D and R(2+1)D are."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv3d(4, 5, 3, (1, 2, 2), padding=1)
        self.conv3 = nn.Conv3d(5, 5, 1)
        self.head = nn.Linear(5, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = torch.relu(self.conv2(torch.relu(self.conv1(inputs[StreamName.CLIP]))))
        x = torch.relu(self.conv3(x))
        logits: Tensor = self.head(x.mean((2, 3, 4)))
        return logits


@register(
    name="tiny_wide",
    title="Tiny wide network",
    streams=(Stream(name=StreamName.CLIP, frames=4, height=24, width=41),),
    stimulus=Extent(frames=4, height=24, width=41),
    classes=("left", "right"),
)
def tiny_wide(classes: int) -> nn.Module:
    return TinyWide(classes)

"""A network whose units depend on motion in known ways, and frames whose flow is known exactly."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from tests.worker.evidence.traced_network import trace_network
from worker.networks.network import Network
from worker.networks.registry import register, unregister
from worker.networks.tap import Tap
from worker.video.flow import Flow, FlowMethod, Frames

FAMILY = "planted_motion"
SIDE, FIELDS = 8, 8
LINEAR, ROOT, IGNORES, RATE_TUNED = range(4)
TUNED_FREQUENCY = 0.25  # cycles a frame: twice that of `oscillating`
STREAMS = (
    Stream(name=StreamName.APPEARANCE, frames=1, height=SIDE, width=SIDE),
    Stream(name=StreamName.MOTION, frames=FIELDS, height=SIDE, width=SIDE),
)


def encoded_flow(frames: Frames) -> Flow:
    """Return the flow that the first channel encodes: to the right, a tenth of a pixel for each step above 128."""
    u = (frames[:-1, ..., 0].astype(np.float32) - 128) / 10
    return np.stack([u, np.zeros_like(u)], -1)


class PlantedMotion(nn.Module):
    """Units: the mean flow; its root; the brightness alone; the flow at one temporal frequency."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.ModuleDict({"tap": Tap(rectified=False)})
        self.units = nn.ModuleDict({"tap": Tap()})
        self.scores = nn.Linear(4, 2)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        flow = self.early["tap"](inputs[StreamName.MOTION])[:, 0::2].mean((2, 3))  # (B, L)
        size = flow.mean(1).abs()
        brightness = (inputs[StreamName.APPEARANCE][:, 2].mean((1, 2)) + 1) / 2
        phase = 2 * torch.pi * TUNED_FREQUENCY * torch.arange(FIELDS)
        window = torch.hann_window(FIELDS, periodic=False)
        changing = (flow - flow.mean(1, keepdim=True)) * window
        tuned = ((changing * phase.cos()).sum(1) ** 2 + (changing * phase.sin()).sum(1) ** 2).sqrt()
        units = self.units["tap"](torch.stack([size, size.sqrt(), brightness, tuned], 1))
        logits: Tensor = self.scores(units.relu())
        return logits


@contextmanager
def planted_network() -> Iterator[Network]:
    """Yield the network, its family registered meanwhile; its layers are named as tracing names them."""
    torch.manual_seed(0)
    stimulus = Extent(frames=FIELDS, height=SIDE, width=SIDE)
    register(
        name=FAMILY,
        title="Units that depend on motion in known ways",
        streams=STREAMS,
        stimulus=stimulus,
        classes=("yes", "no"),
        flow=FlowMethod(encoded_flow, 1, quantised=True),
    )(lambda classes: PlantedMotion())
    try:
        yield trace_network(PlantedMotion(), STREAMS, stimulus, slug="planted-motion", family=FAMILY)
    finally:
        unregister(FAMILY)


def oscillating(frames: int, size: float, brightness: int = 200) -> Frames:
    """Return frames whose flow oscillates about `size` pixels, once in eight frames."""
    t = np.arange(frames) - (frames - 1) / 2
    u = size * (1 + 0.8 * np.cos(2 * np.pi * TUNED_FREQUENCY / 2 * t))
    clip = np.full((frames, SIDE, SIDE, 3), brightness, np.uint8)
    clip[..., 0] = np.rint(128 + 10 * u)[:, None, None]
    return clip

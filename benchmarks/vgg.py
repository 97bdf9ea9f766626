"""A VGG-16 with the same weights as our Network and as a plain module for PyTorch libraries."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from app.contract.network import Extent, NetworkCard, Stream, StreamName
from worker.networks.network import Network, Point
from worker.networks.trace import trace

SIZE, CLASSES = 224, 1000
STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LAYERS = ("conv2_2", "conv3_3", "conv4_3", "conv5_3", "fc6", "class")
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Vgg16(nn.Module):
    """VGG-16 (Simonyan and Zisserman 2015, arXiv 1409.1556) as a plain module, each layer a submodule before its ReLU.

    Images (B, 3, 224, 224), normalised as for ImageNet, to logits (B, 1000).
    """

    def __init__(self) -> None:
        super().__init__()
        channels, self.steps = 3, []
        self.mean, self.std = MEAN, STD  # of values in [0, 1]
        for stage, (width, count) in enumerate(STAGES, 1):
            for number in range(1, count + 1):
                self.add_module(f"conv{stage}_{number}", nn.Conv2d(channels, width, 3, padding=1))
                self.steps.append(f"conv{stage}_{number}")
                channels = width
            self.steps.append("pool")
        self.fc6, self.fc7 = nn.Linear(512 * 7 * 7, 4096), nn.Linear(4096, 4096)
        self.scores = nn.Linear(4096, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for name in self.steps:
            x = nn.functional.max_pool2d(x, 2) if name == "pool" else torch.relu(self.get_submodule(name)(x))
        x = torch.relu(self.fc6(nn.functional.adaptive_avg_pool2d(x, 7).flatten(1)))  # libraries vary the size
        logits: Tensor = self.scores(torch.relu(self.fc7(x)))
        return logits


class AppearanceInput(nn.Module):
    """The plain module as Kinetoscope runs it: of one appearance stream, in [-1, 1]."""

    mean: Tensor
    std: Tensor

    def __init__(self, vgg: Vgg16) -> None:
        super().__init__()
        self.vgg = vgg
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        logits: Tensor = self.vgg((inputs[StreamName.APPEARANCE] / 2 + 0.5 - self.mean) / self.std)
        return logits


def make_vgg(weights: Path | None, seed: int = 0) -> Vgg16:
    """Return a VGG-16 with weights of torchvision's naming from a file, else He-normal weights from a seed."""
    torch.manual_seed(seed)
    vgg = Vgg16()
    modules = [part for part in vgg.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    if weights is None:
        for part in modules:
            nn.init.kaiming_normal_(part.weight)
            assert part.bias is not None
            nn.init.zeros_(part.bias)
    else:
        state = torch.load(weights, weights_only=True)
        names = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
        for part, name in zip(modules, names, strict=True):
            part.load_state_dict({"weight": state[f"{name}.weight"], "bias": state[f"{name}.bias"]})
    return vgg.eval()


def make_network(vgg: Vgg16, precision: torch.dtype) -> Network:
    """Return the module as a network that shares its weights."""
    module = AppearanceInput(vgg).eval()
    streams = (Stream(name=StreamName.APPEARANCE, frames=1, height=SIZE, width=SIZE),)
    layers, points = trace(module, streams)
    short_names = {layer.name: layer.name.removeprefix("vgg.") for layer in layers}
    card = NetworkCard(
        slug="vgg16",
        title="VGG-16",
        family="vgg16",
        checksum="0" * 64,
        streams=streams,
        layers=tuple(layer.model_copy(update={"name": short_names[layer.name]}) for layer in layers),
        classes=tuple(f"class {index}" for index in range(CLASSES)),
        parameters=sum(p.numel() for p in module.parameters()),
        stimulus=Extent(frames=1, height=SIZE, width=SIZE),
    )
    short_points: dict[str, Point] = {short_names[name]: point for name, point in points.items()}
    return Network(card, module, short_points, precision)


def machine() -> str:
    """Return a line that says what the figures were measured on."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "CPU"
    )
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    words = f"{model}, {os.cpu_count()} cores, {torch.get_num_threads()} thread(s){gpu}"
    return f"{words}, Python {platform.python_version()}, torch {torch.__version__}"


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []

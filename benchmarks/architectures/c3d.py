"""C3D with tiny layers, and its logits from loops of NumPy that follow the paper and the Caffe model's definition."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.contract.network import StreamName
from benchmarks.architectures.case import Case, Inputs, SavedNetwork

Array = np.ndarray[Any, np.dtype[np.float64]]

STEMS = ("1", "2", "3a", "3b", "4a", "4b", "5a", "5b")
WIDTHS = (4, 6, 8, 8, 10, 10, 8, 8)
POOLED = {"1": 1, "2": 2, "3b": 2, "4b": 2, "5b": 2}  # frames that the pool after a convolution takes
CLASSES = 101


def random_state(*, has_norms: bool) -> dict[str, Tensor]:
    """Return seeded tensors under the names of the ports; normalisations have the statistics of noise."""
    generator = torch.Generator().manual_seed(9)

    def normal(*shape: int, std: float = 1.0) -> Tensor:
        return torch.randn(shape, generator=generator) * std

    state: dict[str, Tensor] = {}
    channels = 3
    x = normal(4, 3, 8, 32, 32, std=70)
    for stem, units in zip(STEMS, WIDTHS, strict=True):
        # the first divides what 8-bit values bring
        std = (2 / (27 * channels)) ** 0.5 * (1 / 80 if channels == 3 else 1)
        state |= {f"conv{stem}.weight": normal(units, channels, 3, 3, 3, std=std), f"conv{stem}.bias": normal(units)}
        if has_norms:
            state |= {f"bn{stem}.weight": 1 + normal(units, std=0.1), f"bn{stem}.bias": normal(units, std=0.1)}
            y = functional.conv3d(x, state[f"conv{stem}.weight"], state[f"conv{stem}.bias"], padding=1)
            mean, variance = y.mean((0, 2, 3, 4)), y.var((0, 2, 3, 4)) + 0.2
            state |= {f"bn{stem}.running_mean": mean, f"bn{stem}.running_var": variance}
            y = functional.batch_norm(y, mean, variance, state[f"bn{stem}.weight"], state[f"bn{stem}.bias"])
            x = functional.max_pool3d(torch.relu(y), 2 if stem in POOLED else 1, ceil_mode=True)
        channels = units
    inputs = channels * 16
    for name, units in (("fc6", 12), ("fc7", 12), ("fc8", CLASSES)):
        state |= {f"{name}.weight": normal(units, inputs, std=0.3 / inputs**0.5), f"{name}.bias": normal(units)}
        inputs = units
    return state


def convolve(x: Array, weight: Array, bias: Array) -> Array:
    """Return the 3 x 3 x 3 correlation of x (C, T, H, W), padded by zeros, with weight (D, C, 3, 3, 3)."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3, 3), axis=(1, 2, 3))
    y: Array = np.einsum("ctyxijk,dcijk->dtyx", windows, weight, optimize=True) + bias[:, None, None, None]
    return y


def pool(x: Array, frames: int, *, padding: int) -> Array:
    """Return the maximum of every `frames` x 2 x 2 positions of x (C, T, H, W); what does not fill a window is cut."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), constant_values=-np.inf)
    c, t, h, w = x.shape
    x = x[:, : t // frames * frames, : h // 2 * 2, : w // 2 * 2]
    return x.reshape(c, t // frames, frames, h // 2, 2, w // 2, 2).max((2, 4, 6))  # type: ignore[no-any-return]


def compute(state: Mapping[str, Tensor], clip: Array) -> Array:
    """Return the logits (classes,) of one clip (3, 16, 112, 112) in [-1, 1]."""
    values = {name: tensor.numpy().astype(np.float64) for name, tensor in state.items()}
    red, green, blue = (clip + 1) / 2 * 255
    x = np.stack([blue - 90, green - 98, red - 102])
    for stem in STEMS:
        x = convolve(x, values[f"conv{stem}.weight"], values[f"conv{stem}.bias"])
        if f"bn{stem}.weight" in values:
            mean, variance, gain, shift = (
                values[f"bn{stem}.{part}"][:, None, None, None]
                for part in ("running_mean", "running_var", "weight", "bias")
            )
            x = (x - mean) / np.sqrt(variance + 1e-5) * gain + shift
        x = np.maximum(x, 0)
        if stem in POOLED:
            x = pool(x, POOLED[stem], padding=int(stem == "5b"))
    y = x.reshape(-1)
    for name in ("fc6", "fc7"):
        y = np.maximum(values[f"{name}.weight"] @ y + values[f"{name}.bias"], 0)
    logits: Array = values["fc8.weight"] @ y + values["fc8.bias"]
    return logits


def save(folder: Path, *, has_norms: bool, name: str = "c3d.pth") -> SavedNetwork:
    """Save a network as the ports do, with its labels."""
    folder.mkdir(parents=True)
    state = random_state(has_norms=has_norms)
    torch.save({"epoch": 3, "state_dict": state}, folder / name)
    labels = folder / "classInd.txt"
    labels.write_text("".join(f"{number} Action{number}\n" for number in range(1, CLASSES + 1)))

    def logits(inputs: Inputs) -> Tensor:
        clips = inputs[StreamName.CLIP].double().numpy()
        return torch.from_numpy(np.stack([compute(state, clip) for clip in clips])).float()

    return SavedNetwork(folder / name, logits, labels)


CASES = (
    Case("C3D", "numpy", partial(save, has_norms=False), middle="conv3b"),
    Case("C3D with batch normalisation", "numpy", partial(save, has_norms=True), middle="conv4a"),
)

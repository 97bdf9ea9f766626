"""A survey on its way, on disk: a pass that was killed goes on where it was, and memory stays bounded."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.contract.errors import DiskFull
from app.contract.evidence import TOP_CLIPS
from app.contract.network import Layer, NetworkCard
from worker.evidence.activation_reader import Readings

VERSION = 1  # of what is kept here
MAXIMA = "maxima.npy"
PROGRESS = "progress.pt"

Floats = npt.NDArray[np.float32]


def survey_key(card: NetworkCard, dataset: str, clips: Sequence[tuple[str, str]]) -> str:
    """Names what a survey depends on: the network, the data set, its clips (name, label) in order."""
    layers = [(layer.name, layer.units, layer.map.frames) for layer in card.layers]
    facts = json.dumps([VERSION, card.checksum, layers, dataset, list(clips)])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Top:
    """The strongest clips of each unit of a layer, the strongest first; clip -1 where there are not so many."""

    peak: Tensor  # (U, K)
    clip: Tensor  # (U, K)
    place: Tensor  # (U, K, 3)
    trace: Tensor  # (U, K, T)

    @staticmethod
    def empty(layer: Layer) -> "Top":
        size = (layer.units, TOP_CLIPS)
        return Top(
            torch.full(size, -torch.inf),
            torch.full(size, -1),
            torch.zeros(*size, 3),
            torch.zeros(*size, layer.map.frames),
        )

    def with_clips(self, numbers: Tensor, peak: Tensor, place: Tensor, trace: Tensor) -> "Top":
        """With the readings (B, U, ...) of these clips (B,)."""
        peaks = torch.cat([self.peak, peak.T], 1)
        best, order = peaks.topk(TOP_CLIPS, 1)
        clips = torch.cat([self.clip, numbers.expand(len(self.clip), -1)], 1).gather(1, order)
        return Top(best, clips, _taken(self.place, place, order), _taken(self.trace, trace, order))


def _taken(kept: Tensor, new: Tensor, order: Tensor) -> Tensor:
    both = torch.cat([kept, new.transpose(0, 1)], 1)
    return both.gather(1, order[:, :, None].expand(-1, -1, both.shape[2]))


class Tally:
    """Peaks of all N clips x U units on disk, the strongest clips of each unit in memory, and how far we are.

    `save` makes what was added last; what came after it is computed again by whoever opens the folder next.
    """

    def __init__(self, folder: Path, card: NetworkCard, clips: int) -> None:
        self.folder = folder
        self.clips = clips
        self.layers = card.layers
        self.columns: dict[str, slice] = {}
        start = 0
        for layer in card.layers:
            self.columns[layer.name] = slice(start, start + layer.units)
            start += layer.units
        self.done = 0
        self.seconds = 0.0
        self.skipped: dict[int, str] = {}
        self.top = {layer.name: Top.empty(layer) for layer in card.layers}
        self._open(start)

    def _open(self, units: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / MAXIMA
        if (self.folder / PROGRESS).exists():
            self._load()
            self.maxima: Floats = np.lib.format.open_memmap(path, "r+")
            return
        needed, free = self.clips * units * 4, shutil.disk_usage(self.folder).free
        if needed * 1.05 > free:
            raise DiskFull(
                f"The survey takes {needed / 1e9:.1f} GB and {self.folder} has {free / 1e9:.1f} GB free: make room, or "
                "take fewer clips."
            )
        self.maxima = np.lib.format.open_memmap(path, "w+", np.float32, (self.clips, units))

    def add(self, numbers: Sequence[int], readings: Readings) -> None:
        """The readings of clips by their numbers."""
        index = torch.tensor(numbers)
        for name, reading in readings.items():
            peak, place, trace = (values.float().cpu() for values in (reading.peak, reading.place, reading.trace))
            self.maxima[list(numbers), self.columns[name]] = peak.numpy()
            self.top[name] = self.top[name].with_clips(index, peak, place, trace)

    def skip(self, number: int, reason: str) -> None:
        self.skipped[number] = reason

    @property
    def seen(self) -> npt.NDArray[np.int64]:
        """Numbers of the clips that have been read."""
        return np.array([number for number in range(self.done) if number not in self.skipped], np.int64)

    def peaks(self, layer: str) -> Floats:
        """Of all units of the layer on the clips that were read: (n, U), mapped from disk where none was skipped."""
        maxima = self.maxima[: self.done, self.columns[layer]]
        return maxima[self.seen] if self.skipped else maxima

    def chunks(self, layer: str, size: int = 256) -> Iterator[tuple[slice, Floats]]:
        """The layer's units in pieces, each with its peaks on the clips that were read: (n, u)."""
        columns, seen = self.columns[layer], self.seen
        for start in range(columns.start, columns.stop, size):
            stop = min(start + size, columns.stop)
            units = slice(start - columns.start, stop - columns.start)
            yield units, np.asarray(self.maxima[:, start:stop])[seen]

    def save(self) -> None:
        """All or nothing: the peaks reach the disk first, then what says how many of them count."""
        self.maxima.flush()  # type: ignore[attr-defined]
        content = {
            "done": self.done,
            "seconds": self.seconds,
            "skipped": self.skipped,
            "top": {name: vars(top) for name, top in self.top.items()},
        }
        partial = self.folder / f"{PROGRESS}.partial"
        torch.save(content, partial)
        partial.rename(self.folder / PROGRESS)

    def _load(self) -> None:
        content = torch.load(self.folder / PROGRESS, map_location="cpu", weights_only=True)
        self.done, self.seconds, self.skipped = content["done"], content["seconds"], content["skipped"]
        top: Mapping[str, Mapping[str, Tensor]] = content["top"]
        self.top = {name: Top(**values) for name, values in top.items()}

    def remove(self) -> None:
        del self.maxima  # closes the memory map
        shutil.rmtree(self.folder)

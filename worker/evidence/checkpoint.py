"""The state of a survey on disk: a survey that was killed continues from here, and memory stays bounded."""

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
from app.contract.evidence import TOP_CLIPS_PER_UNIT
from app.contract.network import Layer, NetworkCard
from worker.evidence.activation_reader import LayerReading, Readings
from worker.evidence.types import Labels

VERSION = 3  # of the files in a checkpoint: raise it when their meaning changes, and old checkpoints are ignored
PEAKS_FILE = "maxima.npy"  # float32 (clips, units)
PROGRESS_FILE = "progress.pt"
UNITS_PER_CHUNK = 256  # read from the file of peaks at once

Peaks = npt.NDArray[np.float32]


def survey_key(card: NetworkCard, dataset: str, clips: Sequence[tuple[str, str]]) -> str:
    """Return a hash of what a survey depends on: network, data set, and its clips (name, label) in order."""
    layers: list[tuple[object, ...]] = [(layer.name, layer.units, layer.map.frames) for layer in card.layers]
    layers = [(*key, "signed") if layer.signed else key for key, layer in zip(layers, card.layers, strict=True)]
    content = json.dumps([VERSION, card.checksum, card.classes, layers, dataset, list(clips)])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class StrongestClips:
    """The K strongest clips of each of the U units of a layer, strongest first; clip -1 where there are fewer.

    The lowest clips of units of two signs are kept as the strongest of minus their activations.
    """

    peak: Tensor  # (U, K)
    clip: Tensor  # (U, K): clip numbers
    position: Tensor  # (U, K, 3): of the peak, as (time, y, x) in [0, 1]
    trace: Tensor  # (U, K, T)

    @staticmethod
    def empty(layer: Layer) -> "StrongestClips":
        size = (layer.units, TOP_CLIPS_PER_UNIT)
        return StrongestClips(
            torch.full(size, -torch.inf),
            torch.full(size, -1),
            torch.zeros(*size, 3),
            torch.zeros(*size, layer.map.frames),
        )

    def merge(self, numbers: Tensor, peak: Tensor, position: Tensor, trace: Tensor) -> "StrongestClips":
        """Return the strongest of these clips and B more, given by their numbers (B,) and readings (B, U, ...)."""
        peaks = torch.cat([self.peak, peak.T], 1)
        strongest, order = peaks.topk(TOP_CLIPS_PER_UNIT, 1)
        clips = torch.cat([self.clip, numbers.expand(len(self.clip), -1)], 1).gather(1, order)
        return StrongestClips(
            strongest, clips, _merge_columns(self.position, position, order), _merge_columns(self.trace, trace, order)
        )

    def state_dict(self) -> dict[str, Tensor]:
        """Return the tensors by the names that they have in a checkpoint's file."""
        return {"peak": self.peak, "clip": self.clip, "place": self.position, "trace": self.trace}

    @staticmethod
    def from_state_dict(state: Mapping[str, Tensor]) -> "StrongestClips":
        return StrongestClips(state["peak"], state["clip"], state["place"], state["trace"])


def _merge_columns(old: Tensor, new: Tensor, order: Tensor) -> Tensor:
    """Pick the columns (U, K) named by `order` from old (U, K, D) and new (B, U, D): (U, K, D)."""
    both = torch.cat([old, new.transpose(0, 1)], 1)
    return both.gather(1, order[:, :, None].expand(-1, -1, both.shape[2]))


def _on_cpu(reading: LayerReading) -> tuple[Tensor, ...]:
    return tuple(x.float().cpu() for x in (reading.peak, reading.position, reading.trace))


class SurveyCheckpoint:
    """The peaks of N clips x U units in a file, the strongest clips of each unit in memory, and the progress so far.

    Layers of two signs have the lowest clips of each unit too: `lowest`, with the sign of activations turned. `sums`
    has the sums (2, U) of x and x^2 over all clips and positions, of the layers whose statistics a prior uses.

    Opening a folder that has a checkpoint continues it. What was added after the last `save` is not counted, and is
    computed again. Raises DiskFull where a new file of peaks would not fit.
    """

    def __init__(self, folder: Path, card: NetworkCard, clip_count: int) -> None:
        self.folder = folder
        self.layers = card.layers
        self.columns: dict[str, slice] = {}  # of each layer in the file of peaks
        first = 0
        for layer in card.layers:
            self.columns[layer.name] = slice(first, first + layer.units)
            first += layer.units
        self.clips_done = 0
        self.seconds = 0.0
        self.skipped: dict[int, str] = {}  # clip number -> why it cannot be read
        self.strongest = {layer.name: StrongestClips.empty(layer) for layer in card.layers}
        self.lowest = {layer.name: StrongestClips.empty(layer) for layer in card.layers if layer.signed}
        self.sums = {layer.name: torch.zeros(2, layer.units, dtype=torch.float64) for layer in card.statistics_layers}
        self._open(clip_count, units=first)

    def _open(self, clip_count: int, units: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / PEAKS_FILE
        if (self.folder / PROGRESS_FILE).exists():
            self._load()
            self._peaks: Peaks = np.lib.format.open_memmap(path, "r+")
            return
        needed, free = clip_count * units * 4, shutil.disk_usage(self.folder).free
        if needed * 1.05 > free:
            raise DiskFull(
                f"The survey takes {needed / 1e9:.1f} GB and {self.folder} has {free / 1e9:.1f} GB free: make room, or "
                "take fewer clips."
            )
        self._peaks = np.lib.format.open_memmap(path, "w+", np.float32, (clip_count, units))

    def add(self, numbers: Sequence[int], readings: Readings) -> None:
        """Add the readings of a batch of clips, given by their numbers."""
        index = torch.tensor(numbers)
        for name, reading in readings.items():
            peak, position, trace = _on_cpu(reading)
            self._peaks[list(numbers), self.columns[name]] = peak.numpy()
            self.strongest[name] = self.strongest[name].merge(index, peak, position, trace)
            if reading.lowest is not None:
                trough, position, trace = _on_cpu(reading.lowest)
                self.lowest[name] = self.lowest[name].merge(index, -trough, position, -trace)
            if reading.sums is not None:
                for each in reading.sums.cpu():  # clip by clip, so that batches of other sizes give the same bits
                    self.sums[name] += each

    def skip(self, number: int, reason: str) -> None:
        """Note that a clip cannot be read, and why."""
        self.skipped[number] = reason

    @property
    def recorded(self) -> Labels:
        """The numbers (n,) of the clips that have been recorded, ascending."""
        return np.array([number for number in range(self.clips_done) if number not in self.skipped], np.int64)

    def peaks(self, layer: str) -> Peaks:
        """Return the peaks (n, U) of a layer's units on the recorded clips, as a memory map where none was skipped."""
        peaks = self._peaks[: self.clips_done, self.columns[layer]]
        return peaks[self.recorded] if self.skipped else peaks

    def unit_chunks(self, layer: str, size: int = UNITS_PER_CHUNK) -> Iterator[tuple[slice, Peaks]]:
        """Yield the layer's units in chunks of `size`, each with its peaks (n, size) on the recorded clips."""
        columns, recorded = self.columns[layer], self.recorded
        for start in range(columns.start, columns.stop, size):
            stop = min(start + size, columns.stop)
            units = slice(start - columns.start, stop - columns.start)
            yield units, np.asarray(self._peaks[:, start:stop])[recorded]

    def strongest_clips(self, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return by layer the numbers (U, K) of the clips that excite its units most, -1 where fewer excite one."""
        strongest = {name: self.strongest[name] for name in layers}
        return {name: clips.clip.where(clips.peak > 0, -1) for name, clips in strongest.items()}

    def save(self) -> None:
        """Write the checkpoint atomically: first the peaks, then the file that says how many of them count."""
        self._peaks.flush()  # type: ignore[attr-defined]
        content = {
            "done": self.clips_done,
            "seconds": self.seconds,
            "skipped": self.skipped,
            "top": {name: strongest.state_dict() for name, strongest in self.strongest.items()},
            "bottom": {name: lowest.state_dict() for name, lowest in self.lowest.items()},
            "sums": self.sums,
        }
        partial = self.folder / f"{PROGRESS_FILE}.partial"
        torch.save(content, partial)
        partial.rename(self.folder / PROGRESS_FILE)

    def _load(self) -> None:
        content = torch.load(self.folder / PROGRESS_FILE, map_location="cpu", weights_only=True)
        self.clips_done, self.seconds, self.skipped = content["done"], content["seconds"], content["skipped"]
        self.sums = content["sums"]
        self.strongest, self.lowest = (
            {name: StrongestClips.from_state_dict(state) for name, state in content[end].items()}
            for end in ("top", "bottom")
        )

    def remove(self) -> None:
        """Delete the checkpoint from disk; it cannot be used any more."""
        del self._peaks  # closes the memory map
        shutil.rmtree(self.folder)

"""Record how a network's units respond to clips' partners, on disk, and read them unit by unit."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from app.contract.network import Layer, NetworkCard
from worker.devices import device_of
from worker.evidence.activation_reader import Readings, read_activations
from worker.evidence.checkpoint import UNITS_PER_CHUNK, Peaks
from worker.evidence.clip_partners import Partner, make_partners
from worker.evidence.coding import Factor, Responses
from worker.evidence.types import Floats, Labels, ReadClips
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch, join_clips

ReadPeaks = Callable[[str], Floats]  # of a layer, by name: (n, U)


def spread_groups(numbers: Sequence[int], groups: Labels, limit: int, seed: int) -> list[int]:
    """Return at most `limit` of the clips in random order, the groups in turn, so that neighbours differ in group.

    `groups` has the group of each of the clips.
    """
    generator = np.random.default_rng(seed)
    queues = [
        [numbers[index] for index in generator.permutation(np.flatnonzero(groups == group))]
        for group in generator.permutation(np.unique(groups))
    ]
    rounds = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(rounds) for queue in queues if turn < len(queue)][:limit]


def record_partners(
    network: Network,
    read_clips: ReadClips,
    order: Sequence[int],
    folder: Path,
    seed: int,
    observe: Callable[[int], None] = lambda passes: None,
) -> dict[Partner, Peaks]:
    """Show a network the partners of the clips, and return the largest activation of every unit on each.

    The clips before each one in `order` are those that its partners are made with. The arrays (n, units) lie in files
    in `folder`, which is emptied first. `observe` is called with the passes that each clip took.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    units = sum(layer.units for layer in network.card.layers)
    device, size = device_of(network.module), clips_per_batch(network.card)
    tables: dict[Partner, Peaks] = {}
    before: list[Inputs] = []
    with read_activations(network) as read:
        for index, (number, inputs) in enumerate(read_clips([*order[-2:], *order])):
            clip = on_device(inputs, device)
            if index >= 2:
                generator = torch.Generator().manual_seed((seed << 32) + number)
                partners = make_partners(clip, before[1], before[0], generator)
                clips = list(partners.values())
                batches = [join_clips(clips[start : start + size]) for start in range(0, len(clips), size)]
                peaks = torch.cat([_peaks(read(batch)) for batch in batches]).numpy()
                for partner, row in zip(partners, peaks, strict=True):
                    if partner not in tables:
                        path = folder / f"{partner}.npy"
                        tables[partner] = np.lib.format.open_memmap(path, "w+", np.float32, (len(order), units))
                    tables[partner][index - 2] = row
                observe(len(partners))
            before = [*before, clip][-2:]
    return tables


def record_peaks(
    network: Network,
    read_clips: ReadClips,
    numbers: Sequence[int],
    path: Path,
    observe: Callable[[int], None] = lambda passes: None,
) -> Peaks:
    """Return the largest activation (n, units) of every unit on each of the clips, kept in a file at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    units = sum(layer.units for layer in network.card.layers)
    table = np.lib.format.open_memmap(path, "w+", np.float32, (len(numbers), units))
    device, size = device_of(network.module), clips_per_batch(network.card)
    with read_activations(network) as read:
        clips = (on_device(inputs, device) for _, inputs in read_clips(numbers))
        row = 0
        while batch := list(islice(clips, size)):
            table[row : row + len(batch)] = _peaks(read(join_clips(batch))).numpy()
            row += len(batch)
            observe(len(batch))
    return table


def _peaks(readings: Readings) -> Tensor:
    """Return the peaks (B, units of all layers)."""
    return torch.cat([reading.peak.float().cpu() for reading in readings.values()], 1)


def table_columns(card: NetworkCard) -> dict[str, slice]:
    """Return the columns of each layer in a table."""
    columns, first = {}, 0
    for layer in card.layers:
        columns[layer.name] = slice(first, first + layer.units)
        first += layer.units
    return columns


def response_reader(
    clips: ReadPeaks, partners: Mapping[Partner, ReadPeaks], *, swapped: bool
) -> Callable[[Layer], Iterator[tuple[slice, Responses]]]:
    """Return a function that yields the responses of a layer in chunks of units.

    `clips` and `partners` give the peaks (n, U) of a layer by its name. Where streams are swapped, or partners are
    given by the data set (`swapped`), the baseline of the static partner is the one that shares neither. Elsewhere a
    factor that is static has two partners: the clip's still middle frame, whose baseline is that of another clip (two
    rows before), which tells what a picture without motion shows; and the clip in random order, whose baseline is in
    another look too, which tells what looks do to a response to motion.
    """

    def read(layer: Layer) -> Iterator[tuple[slice, Responses]]:
        base = clips(layer.name)
        peaks = {partner: table(layer.name) for partner, table in partners.items()}
        for start in range(0, layer.units, UNITS_PER_CHUNK):
            units = slice(start, min(start + UNITS_PER_CHUNK, layer.units))
            part = {partner: np.asarray(values[:, units]) for partner, values in peaks.items()}
            static, neither = part[Partner.STATIC], part[Partner.NEITHER]
            shuffled = part.get(Partner.SHUFFLED, static)
            still = Factor(static, np.roll(static, 2, 0))
            yield (
                units,
                Responses(
                    np.asarray(base[:, units]),
                    (Factor(static, neither),) if swapped else (still, Factor(shuffled, neither)),
                    (Factor(part[Partner.DYNAMIC], neither),),
                    shuffled,
                ),
            )

    return read

"""Silence the units of a network and of its control on all recorded clips, each clip read twice."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.contract.necessity import MIN_CHANGED_GROUPS, Necessity, UnitNecessity
from worker.devices import device_of
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.necessity_facts import summarize
from worker.evidence.paired_changes import ClassGroups
from worker.evidence.resampling import GroupedClips
from worker.evidence.silenced_network import SilencedNetwork
from worker.evidence.silencing import count_tails, silenceable_layers
from worker.evidence.silencing_plan import MAX_PASSES, MEAN_CLIPS, plan_effort
from worker.evidence.types import Observe, ReadClips, UnitKey
from worker.evidence.unit_sets import choose_classes
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch, join_clips


@dataclass(frozen=True)
class RecordedNetwork:
    """A network, and the peaks of its units on the recorded clips."""

    network: Network
    checkpoint: SurveyCheckpoint


def measure_necessity(
    trained: RecordedNetwork,
    make_control: Callable[[], RecordedNetwork] | None,
    numbers: Sequence[int],
    clips: GroupedClips,
    read_clips: ReadClips,
    seed: int = 0,
    observe: Observe = lambda done, total: None,
    layers: Collection[str] | None = None,
    max_passes: float = MAX_PASSES,
    budget: float = math.inf,
) -> tuple[Necessity | None, dict[UnitKey, UnitNecessity]]:
    """Return which classes need which units; None for a network of fewer than two classes.

    `numbers` are those of the recorded clips, whose labels and groups `clips` has. Without two classes that have
    MIN_CHANGED_GROUPS groups, or where no layer fits into `max_passes` for each clip, nothing is silenced, and the
    facts say so. `make_control` is called if something is. `layers` names those that are wanted, by default all of the
    network's own. Where all clips would take more than `budget` passes, of both networks together, a part is shown.
    """
    recorded = len(numbers)
    effort = plan_effort(recorded, budget)
    max_passes = min(max_passes, effort.passes_per_clip)
    rows = effort.choose(clips)
    numbers = [numbers[row] for row in rows]
    clips = GroupedClips(clips.labels[rows], clips.groups[rows])
    names = tuple(name for name in silenceable_layers(trained.network.card) if layers is None or name in layers)
    groups = ClassGroups.of(clips.labels, clips.groups)
    tested = int((groups.groups_per_class >= MIN_CHANGED_GROUPS).sum())
    if not names or len(trained.network.card.classes) < 2:
        return None, {}
    nothing = Necessity(
        clips=len(clips.labels),
        groups=len(groups.labels),
        classes=len(groups.classes),
        tested_classes=tested,
        margin_deviation=0.0,
        not_measured=names,
        seed=seed,
    )
    if tested < 2:
        return nothing, {}
    tails = count_tails(trained.network, names)
    classes = choose_classes(clips.labels, np.random.default_rng(seed))

    def plan(each: RecordedNetwork) -> SilencedNetwork:
        shown = rows if len(rows) < recorded else None
        return SilencedNetwork(
            each.network, each.checkpoint, clips.labels, groups, tails, classes, seed, max_passes, shown
        )

    networks = [plan(trained)]
    if not networks[0].layers:
        return nothing, {}
    if make_control:
        control = plan(make_control())
        networks += [control] if control.layers else []
    calibrating = np.unique(np.linspace(0, len(numbers) - 1, min(MEAN_CLIPS, len(numbers))).astype(np.int64))
    everything = np.arange(len(numbers))
    total, done = len(calibrating) + len(numbers), 0
    for _, inputs in _read_batches(trained.network, calibrating, numbers, read_clips):
        for network in networks:
            network.add_to_means(inputs)
        done += len(next(iter(inputs.values())))
        observe(done, total)
    for places, inputs in _read_batches(trained.network, everything, numbers, read_clips):
        for network in networks:
            network.add(places, inputs)
        done += len(places)
        observe(done, total)
    measured = {layer.name for layer in networks[0].layers}
    not_measured = [name for name in names if name not in measured]
    return summarize(networks[0], networks[1] if len(networks) > 1 else None, not_measured, seed)


def _read_batches(
    network: Network, places: npt.NDArray[np.int64], numbers: Sequence[int], read_clips: ReadClips
) -> Iterator[tuple[npt.NDArray[np.int64], Inputs]]:
    """Yield the places (B,) of clips among the recorded ones, and their inputs on the network's device."""
    device, size = device_of(network.module), clips_per_batch(network.card)
    batch: list[Inputs] = []
    for done, (_, inputs) in enumerate(read_clips([numbers[place] for place in places]), 1):
        batch.append(inputs)
        if len(batch) == size or done == len(places):
            yield places[done - len(batch) : done], on_device(join_clips(batch), device)
            batch = []

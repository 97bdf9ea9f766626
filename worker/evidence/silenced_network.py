"""A network whose units are silenced, one by one and in sets, on every recorded clip of a data set."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from worker.devices import device_of
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.paired_changes import ClassGroups, PairedChanges
from worker.evidence.selectivity import class_share
from worker.evidence.silencing import MeanActivations, copies_at_once, silenced_logits
from worker.evidence.silencing_plan import MAX_PASSES, SilencedLayer, plan_silencing
from worker.evidence.types import Floats, Labels
from worker.evidence.unit_sets import DetectorSets, choose_sets
from worker.graph.inputs import Inputs
from worker.networks.network import Network


class SilencedNetwork:
    """What silencing changes in a network: the plan, the sets of units, and by layer the changes so far.

    The checkpoint has the peaks of the N recorded clips, whose classes are `labels` (N,). `tails` are the costs of
    its layers, `classes` (m,) those whose detectors are silenced together. First measure the means, then add all clips.
    Of more recorded clips `rows` (N,) are those meant. Each clip takes `max_passes` at most.
    """

    def __init__(
        self,
        network: Network,
        checkpoint: SurveyCheckpoint,
        labels: Labels,
        groups: ClassGroups,
        tails: Mapping[str, float],
        classes: Labels,
        seed: int = 0,
        max_passes: float = MAX_PASSES,
        rows: Labels | None = None,
    ) -> None:
        self.network, self.labels, self.groups = network, labels, groups
        self.sets: dict[str, DetectorSets] = {}
        self.selectivity: dict[str, Floats] = {}  # (U,) 1 - effective classes / classes
        live: dict[str, npt.NDArray[np.bool_]] = {}
        for name in tails:
            peaks = np.asarray(checkpoint.peaks(name))
            peaks = peaks if rows is None else peaks[rows]
            live[name] = (peaks != 0).any(0)
            self.sets[name] = choose_sets(peaks, live[name], labels, classes)
            self.selectivity[name] = 1 - class_share(np.maximum(peaks, 0), labels)
        sets = {name: chosen.sets for name, chosen in self.sets.items()}
        copies = {name: copies_at_once(network.card, name) for name in tails}
        self.layers = plan_silencing(tails, live, sets, len(groups.labels), seed, max_passes=max_passes, copies=copies)
        self.changes = {layer.name: PairedChanges(len(layer.silenced) - 1, groups) for layer in self.layers}
        self._means = MeanActivations(network, [layer.name for layer in self.layers])

    @property
    def passes(self) -> float:
        """Forward passes for each clip, without that for the means."""
        return sum(layer.passes for layer in self.layers)

    def add_to_means(self, inputs: Inputs) -> None:
        """Add a batch (B, ...) by stream, on the network's device, to the means of the units."""
        self._means.add(inputs)

    def add(self, clips: npt.NDArray[np.int64], inputs: Inputs) -> None:
        """Add a batch of clips, given by their places (B,) among the N."""
        labels = torch.from_numpy(self.labels[clips])
        device, means = device_of(self.network.module), self._means.means()
        for layer in self.layers:
            silenced = torch.from_numpy(layer.silenced).to(device)
            logits = silenced_logits(self.network, inputs, layer.name, silenced, means[layer.name])
            self.changes[layer.name].add(clips, labels, logits)

    @property
    def first(self) -> PairedChanges:
        """The changes of the first layer; what it says of the network as it is, all others say too."""
        return self.changes[self.layers[0].name]

    @property
    def margin_deviation(self) -> float:
        """The standard deviation over clips of the margin of the network as it is; 1 where all are alike."""
        return self.first.margin_deviation or 1.0

    def of_units(self, layer: SilencedLayer) -> tuple[Floats, Floats]:
        """Return the changes of margin, in standard deviations, and of correct clips for single units, (n, K) each."""
        changes, count = self.changes[layer.name], len(layer.units)
        return changes.margin[:count] / self.margin_deviation, changes.correct[:count]

    def of_sets(self, layer: SilencedLayer) -> tuple[Floats, Floats]:
        """Return the same for the sets of the layer, (2 m, K) each."""
        changes, count = self.changes[layer.name], len(layer.units)
        return changes.margin[count:] / self.margin_deviation, changes.correct[count:]

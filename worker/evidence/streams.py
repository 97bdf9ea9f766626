"""What each stream of a two-stream network contributes to its classes, measured by swapping streams between clips.

A silenced stream would be an input that the network never saw in training, so every changed clip is made of real
ones: the appearance of one with the motion of another.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.contract.survey import AppearanceBias, StreamFacts, StreamPair, StreamShares
from worker.evidence.appearance_bias import appearance_bias
from worker.evidence.measures import roc_auc
from worker.evidence.stream_pairs import stream_pairs
from worker.evidence.stream_swaps import StreamSwapper
from worker.evidence.synergy import MOTION
from worker.evidence.types import Labels, Observe, ReadClips
from worker.evidence.variance import SwapVariance
from worker.graph.inputs import Inputs
from worker.networks.network import Network

DONORS = 6  # clips that give their motion to each clip
MAX_CLIPS = 600  # whose streams are swapped
MAX_REMEASURED_PAIRS = 10  # pairs of classes
MIN_FUSED_AREA = 0.8  # under the ROC curve of both streams together: pairs below it are not measured again
PAIR_CLIPS = 10  # clips of each class of a pair that is measured again
OTHER_CLASS_CLIPS = 16  # clips of other classes whose foregrounds are pasted onto the backgrounds of a class
BIAS_CLIPS = 4  # correct clips and missed clips of a class, at most, between which the appearance is swapped

LogitsByClip = Mapping[int, npt.NDArray[np.float32]]  # (classes,) by clip number


def stream_facts(
    network: Network,
    read_clips: ReadClips,
    labels: Labels,
    logits: LogitsByClip,
    observe: Observe,
    max_clips: int = MAX_CLIPS,
) -> StreamFacts | None:
    """Return what each stream contributes, or None for a network of one stream and for too few clips.

    `labels` (N,) are the classes of all clips, by number; `logits` those of the clips that were recorded.
    """
    streams = {stream.name for stream in network.card.streams}
    numbers = np.random.default_rng(0).permutation(sorted(logits))[:max_clips].tolist()
    if MOTION not in streams or len(streams) < 2 or len(numbers) <= DONORS:
        return None
    return _StreamStudy(network, read_clips, labels, logits, numbers, observe).facts()


class _StreamStudy:
    """One set of clips, given by `numbers` in random order, whose streams are swapped with each other."""

    def __init__(
        self,
        network: Network,
        read_clips: ReadClips,
        labels: Labels,
        logits: LogitsByClip,
        numbers: Sequence[int],
        observe: Observe,
    ) -> None:
        self.read_clips, self.numbers, self.observe = read_clips, numbers, observe
        self.label = {number: int(labels[number]) for number in numbers}
        self.predicted = {number: int(logits[number].argmax()) for number in numbers}
        self.logits = torch.from_numpy(np.stack([logits[number] for number in numbers]))
        self.bias_clips = dict(self._find_bias_clips())
        self.pasted = 0
        # at most: swaps of all clips, pairs measured again, swaps and pasted clips of biases
        self.total_passes = len(numbers) + DONORS + MAX_REMEASURED_PAIRS * 4 * PAIR_CLIPS
        self.total_passes += len(self.bias_clips) * (3 * BIAS_CLIPS + BIAS_CLIPS * OTHER_CLASS_CLIPS)
        self.swapper = StreamSwapper(network, *(inputs for _, inputs in read_clips(numbers[:2])))

    def facts(self) -> StreamFacts:
        """Carry out all swaps and return the facts that they show."""
        labels = np.array([self.label[number] for number in self.numbers], np.int64)
        appearance, motion, shares = self.measure_swaps()

        def accuracy(scores: Tensor) -> float:
            return float((scores.argmax(1) == torch.from_numpy(labels)).float().mean())

        pairs = stream_pairs(self.logits.numpy(), appearance.numpy(), motion.numpy(), labels)
        separable = [pair for pair in pairs if pair.fused >= MIN_FUSED_AREA][:MAX_REMEASURED_PAIRS]
        remeasured = {pair.classes: self.remeasure_pair(pair) for pair in separable}
        return StreamFacts(
            clips=len(self.numbers),
            fused=accuracy(self.logits),
            appearance=accuracy(appearance),
            motion=accuracy(motion),
            late_fusion=accuracy(appearance + motion),
            shares=shares,
            pairs=tuple(remeasured.get(pair.classes, pair) for pair in pairs),
            biases=tuple(self.measure_bias(label) for label in self.bias_clips),
        )

    def measure_swaps(self) -> tuple[Tensor, Tensor, StreamShares | None]:
        """Give each clip the motion of the six clips before it.

        Returns the scores (N, classes) of appearance alone and of motion alone, which are the log of the mean
        probability over the swaps of a clip's stream, and the shares of the variance.
        """
        row = {number: index for index, number in enumerate(self.numbers)}
        variance = SwapVariance(self.logits.argmax(1), self.logits.shape[1])
        probabilities = torch.zeros(2, *self.logits.shape)  # summed over swaps, by appearance and by motion
        donors: deque[tuple[int, Tensor]] = deque(maxlen=DONORS)
        for number, inputs in self.read_clips([*self.numbers, *self.numbers[:DONORS]]):
            if len(donors) < DONORS:
                own_motion = self.swapper.read_motion(inputs)
            else:
                swapped, own_motion = self.swapper.swap(inputs, [motion for _, motion in donors])
                donor_rows = [row[donor] for donor, _ in donors]
                variance.add(row[number], donor_rows, swapped)
                probabilities[0, row[number]] = swapped.softmax(1).sum(0)
                probabilities[1, donor_rows] += swapped.softmax(1)
            donors.append((number, own_motion))
            self._report()
        appearance, motion = (probabilities / DONORS).clamp_min(1e-12).log()
        return appearance, motion, variance.shares()

    def remeasure_pair(self, pair: StreamPair) -> StreamPair:
        """Measure a pair again on clips of its two classes alone, each with the motion of all of them.

        The motion of other classes may hide what a stream knows of these two. Donors without the clip itself would
        bias a stream that tells nothing alone below chance: they would have fewer that fit it.
        """
        by_class = [self._clips_of(label)[:PAIR_CLIPS] for label in pair.classes]
        numbers = [number for couple in zip(*by_class, strict=False) for number in couple]  # the two classes in turn
        if len(numbers) <= DONORS:
            return pair
        clips = dict(self.read_clips(numbers))
        is_one = np.arange(len(numbers)) % 2 == 0
        motions = [self.swapper.read_motion(clips[number]) for number in numbers]
        appearance, motion = np.zeros((2, len(numbers)))
        for index, number in enumerate(numbers):
            logits, _ = self.swapper.swap(clips[number], motions)
            probabilities = logits.softmax(1).clamp_min(1e-12)
            one, other = (probabilities[:, label].log() for label in pair.classes)
            difference = (one - other).numpy()
            appearance[index] = difference.sum()
            motion += difference
        return pair.model_copy(update={"appearance": roc_auc(appearance, is_one), "motion": roc_auc(motion, is_one)})

    def measure_bias(self, label: int) -> AppearanceBias:
        """Measure whether the appearance of a class's clips decides that they are recognised."""
        correct, missed = self.bias_clips[label]
        others = [number for number in self.numbers if self.label[number] != label][:OTHER_CLASS_CLIPS]
        clips: dict[int, Inputs] = dict(self.read_clips([*correct, *missed, *others]))
        bias = appearance_bias(
            label,
            [clips[number] for number in correct],
            [clips[number] for number in missed],
            [clips[number] for number in others],
            [self.predicted[number] for number in others],
            self.swapper,
        )
        self.pasted += len(correct) * len(others)
        self._report()
        return bias

    def _find_bias_clips(self) -> Iterator[tuple[int, tuple[list[int], list[int]]]]:
        """Yield the classes that have at least two correct and two missed clips, with some of each."""
        for label in sorted(set(self.label.values())):
            clips = self._clips_of(label)
            correct = [number for number in clips if self.predicted[number] == label][:BIAS_CLIPS]
            missed = [number for number in clips if self.predicted[number] != label][:BIAS_CLIPS]
            if min(len(correct), len(missed)) > 1:
                yield label, (correct, missed)

    def _clips_of(self, label: int) -> list[int]:
        return [number for number in self.numbers if self.label[number] == label]

    def _report(self) -> None:
        self.observe(min(self.swapper.passes + self.pasted, self.total_passes), self.total_passes)

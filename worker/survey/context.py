"""What every part of a survey works with: the network, the clips, what was recorded of them, and the control."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.contract.errors import NotFinite, VideoError
from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.protocol import SURVEY_SEED
from worker.devices import device_of
from worker.evidence.checkpoint import Peaks, SurveyCheckpoint
from worker.evidence.pass_budget import count_pass_budget
from worker.evidence.resampling import GroupedClips, merge_identical, number_groups
from worker.evidence.shuffled_weights import CALIBRATION_CLIPS, shuffle_weights
from worker.evidence.shuffled_weights import SEED as CONTROL_SEED
from worker.evidence.types import Labels, Observe, UnitKey
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.survey.clip_groups import clip_group
from worker.survey.prefetch import Sample
from worker.survey.recording import Recorder

COMPARED_UNITS = 256  # of all layers: clips with the same activations are copies of one
CONTROL_FOLDER = "control"  # in the checkpoint's: what the network with shuffled weights gives


def without_control(error: NotFinite) -> NotFinite:
    """Return what the error of a network with shuffled weights means: that there is no control."""
    return NotFinite(f"There is no control to compare with: with its weights shuffled, {error.detail}")


@dataclass(frozen=True)
class SurveyContext:
    """A network, the clips of a data set (N of them, with the class of each), and what was recorded of them.

    `probed_layers` are the layers that parts on changed clips measure, `attributed_layers` those whose contributions to
    the classes are measured. `stimuli` are optimized stimuli of units.
    """

    network: Network
    labels: Labels  # (N,) class of every clip, by number
    checkpoint: SurveyCheckpoint
    recorder: Recorder
    probed_layers: Sequence[str]
    attributed_layers: Sequence[str]
    stimuli: Mapping[UnitKey, Inputs]
    seed: int = SURVEY_SEED

    @property
    def card(self) -> NetworkCard:
        return self.network.card

    @cached_property
    def pass_budget(self) -> int:
        """How many forward passes a part may take, through the network and the control together."""
        return count_pass_budget(self.network)

    @property
    def samples(self) -> Sequence[Sample]:
        return self.recorder.clips.samples

    @cached_property
    def recorded(self) -> Labels:
        """The numbers (n,) of the clips that could be read, ascending."""
        return self.checkpoint.recorded

    @cached_property
    def recorded_labels(self) -> Labels:
        """The classes (n,) of the clips that could be read."""
        return np.asarray(self.labels[self.recorded])

    @cached_property
    def clips(self) -> GroupedClips:
        """The recorded clips with the groups within which they are not independent; copies of a clip are one group."""
        named = GroupedClips(self.recorded_labels, number_groups(self._group_names))
        layers = self.card.own_layers
        units = max(1, COMPARED_UNITS // len(layers))  # of each layer
        peaks = [self.checkpoint.peaks(layer.name)[:, :units] for layer in layers]
        return merge_identical(named, np.hstack(peaks))

    @property
    def groups_known(self) -> bool:
        """Whether the groups of all clips are known, by the data set or their names; others count as independent."""
        return None not in self._group_names

    @cached_property
    def _group_names(self) -> list[str | None]:
        samples = [self.samples[number] for number in self.recorded]
        return [sample.group or clip_group(sample.name) for sample in samples]

    @cached_property
    def logits(self) -> dict[int, Peaks]:
        """The recorded logits (classes,) by clip number. The network must have classes."""
        logits = np.asarray(self.checkpoint.peaks(CLASS_LAYER))
        return dict(zip(self.recorded.tolist(), logits, strict=True))

    def read_clips(self, numbers: Sequence[int]) -> Iterator[tuple[int, Inputs]]:
        """Yield the inputs of recorded clips by number, in that order; raise VideoError for one that is unreadable."""
        return self.recorder.clips.read(numbers)

    @cached_property
    def control(self) -> Network:
        """The same architecture with its weights shuffled and its batch normalisations calibrated."""
        return self.shuffle_weights(CONTROL_SEED)

    def shuffle_weights(self, seed: int) -> Network:
        """Return a control whose weights are shuffled by this seed."""
        chosen = self.recorded[:: max(1, len(self.recorded) // CALIBRATION_CLIPS)][:CALIBRATION_CLIPS].tolist()
        device = device_of(self.network.module)
        return shuffle_weights(self.network, (on_device(clip, device) for _, clip in self.read_clips(chosen)), seed)

    def record_control(self, observe: Observe) -> SurveyCheckpoint:
        """Return what the control gives for the same clips; it is recorded the first time."""
        control = SurveyCheckpoint(self.checkpoint.folder / CONTROL_FOLDER, self.card, len(self.samples))
        if control.clips_done < len(self.samples):
            try:
                self.recorder.record(self.control, control, observe)
            except NotFinite as error:
                raise without_control(error) from None
        if not np.array_equal(control.recorded, self.recorded):
            raise VideoError("Clips that could be read before can no longer be read: start the survey again.")
        return control

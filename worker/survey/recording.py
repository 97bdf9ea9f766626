"""Record the activations of a network on every clip into a checkpoint."""

import time
from collections.abc import Collection
from dataclasses import dataclass

from app.contract.errors import VideoError
from worker.devices import device_of
from worker.evidence.activation_reader import read_activations
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.types import Observe
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch, join_clips
from worker.survey.prefetch import Clips

SAVE_SECONDS = 10.0  # between two checkpoints


@dataclass(frozen=True)
class Recorder:
    """Records networks on the same clips; a recording that was stopped continues from its checkpoint."""

    clips: Clips
    save_seconds: float = SAVE_SECONDS

    def record(
        self, network: Network, checkpoint: SurveyCheckpoint, observe: Observe, summed: Collection[str] = ()
    ) -> None:
        """Read every layer's activations on each clip that the checkpoint does not have yet, and save it.

        Clips that cannot be read are noted in the checkpoint. The layers that `summed` names have their sums taken.
        Raises NotFinite, and what `observe` raises.
        """
        device = device_of(network.module)
        batch_size, count = clips_per_batch(network.card), len(self.clips.samples)
        seconds_before, started = checkpoint.seconds, time.monotonic()
        saved_at = started
        batch: dict[int, Inputs] = {}
        with read_activations(network, summed=summed) as read:
            for number, clip in self.clips.prefetch(range(checkpoint.clips_done, count)):
                if isinstance(clip, VideoError):
                    checkpoint.skip(number, clip.detail)
                else:
                    batch[number] = clip
                if len(batch) < batch_size and number + 1 < count:
                    continue
                if batch:
                    checkpoint.add(list(batch), read(on_device(join_clips(list(batch.values())), device)))
                    batch.clear()
                checkpoint.clips_done = number + 1
                checkpoint.seconds = seconds_before + time.monotonic() - started
                if time.monotonic() - saved_at > self.save_seconds:
                    checkpoint.save()
                    saved_at = time.monotonic()
                observe(checkpoint.clips_done, count)
        checkpoint.save()

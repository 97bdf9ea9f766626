"""Show a network the appearance of one clip with the motion of others, at the cost of one pass a clip.

Nothing after a stream's last own layer sees the rest of that stream. So in one pass of a clip the activation of its
appearance stream is repeated there, the activation of its motion stream is replaced by those of other clips, and only
what follows runs once for each swap. Networks whose streams meet in more than one place are detected by comparing
logits, and take a whole pass for each swap.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from worker.devices import device_of
from worker.evidence.output_hook import replace_output
from worker.evidence.predict import batched_logits
from worker.evidence.synergy import MOTION, with_motion_of
from worker.graph.forward_hook import forward_to
from worker.graph.inputs import Inputs, on_device
from worker.maximize.microbatches import is_out_of_memory
from worker.networks.network import Network

MAX_RELATIVE_DIFFERENCE = 1e-3  # of the logits of swaps and of whole passes, to the largest logit


class StreamSwapper:
    """Swaps motion between clips, (1, ...) by stream; `passes` counts the clips that went through the streams.

    The two clips given at the start are used to compare swapped streams with whole passes.
    """

    def __init__(self, network: Network, one: Inputs, other: Inputs) -> None:
        self.network = network
        self.passes = 0
        self.last_layers = last_stream_layers(network)  # None: a whole pass for each swap
        if self.last_layers is not None and not self._agrees_with_whole_passes(one, other):
            self.last_layers = None

    def read_motion(self, inputs: Inputs) -> Tensor:
        """Return what a clip's motion gives to other clips: the last activation of the stream, or its input."""
        if self.last_layers is None:
            return inputs[MOTION]
        self.passes += 1
        with torch.no_grad(), forward_to(self.network.module, self.last_layers[1]) as activation:
            return activation(self._on_device(inputs))

    def swap(self, inputs: Inputs, motions: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the logits (n, classes) of a clip's appearance with each of n motions, and the clip's own motion.

        Motions are what `read_motion` returns, and so is the second result.
        """
        if self.last_layers is None:
            clips = [{**inputs, MOTION: motion} for motion in motions]
            self.passes += len(clips)
            return batched_logits(self.network, clips), inputs[MOTION]
        self.passes += 1
        own_motion: list[Tensor] = []

        def repeat(appearance: Tensor) -> Tensor:
            return appearance.repeat(len(motions), *[1] * (appearance.ndim - 1))

        def replace(motion: Tensor) -> Tensor:
            own_motion.append(motion)
            return torch.cat(list(motions))

        module, (appearance_path, motion_path) = self.network.module, self.last_layers
        with replace_output(module, appearance_path, repeat), replace_output(module, motion_path, replace):
            return self.network.logits(self._on_device(inputs)).cpu(), own_motion[0]

    def _on_device(self, inputs: Inputs) -> Inputs:
        return on_device(inputs, device_of(self.network.module))

    def _agrees_with_whole_passes(self, one: Inputs, other: Inputs) -> bool:
        pairs = (with_motion_of(one, other), one)
        expected = torch.cat([self.network.logits(self._on_device(inputs)).cpu() for inputs in pairs])
        self.passes += 2
        try:
            motion = self.read_motion(other)
            swapped, own_motion = self.swap(one, [motion, motion])
            restored, _ = self.swap(one, [own_motion, motion])
        except RuntimeError as error:  # the shapes of the activations do not fit together
            if is_out_of_memory(error):
                raise
            return False
        difference = (torch.stack([swapped[1], restored[0]]) - expected).abs().max()
        return bool(difference <= MAX_RELATIVE_DIFFERENCE * expected.abs().max().clamp_min(1e-6))


def last_stream_layers(network: Network) -> tuple[str, str] | None:
    """Return the submodules of the last layer of the appearance stream and of the motion stream, or None."""
    layers = network.card.own_layers
    appearance = [layer.name for layer in layers if layer.stream in ("appearance", "clip")]
    motion = [layer.name for layer in layers if layer.stream == "motion"]
    if not appearance or not motion:
        return None
    return network.points[appearance[-1]].path, network.points[motion[-1]].path

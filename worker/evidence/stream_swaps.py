"""The pictures of a clip with the motion of others, each stream computed once a clip and not once a swap.

What follows a stream's last own layer sees nothing else of it. So in one pass of a clip its pictures are repeated
there, the motion of other clips is put in its own one's place, and only what follows runs once a swap. A network whose
streams meet in more places than one is told by its answers, and takes a whole pass a swap.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from worker.devices import device_of
from worker.evidence.explain import changed
from worker.evidence.synergy import MOTION, swapped
from worker.graph.forward_hook import probe
from worker.graph.inputs import Inputs, on_device
from worker.maximize.memory import is_out_of_memory
from worker.networks.network import Network
from worker.networks.preprocessing import batch_size, join


class Crossing:
    """`one` and `other` are clips to try it on. `passes` counts clips through the streams."""

    def __init__(self, network: Network, one: Inputs, other: Inputs) -> None:
        self.network = network
        self.ends = _ends(network)
        self.passes = 0
        if self.ends is not None and not self._agrees(one, other):
            self.ends = None

    def lend(self, inputs: Inputs) -> Tensor:
        """What a clip's motion is to others."""
        if self.ends is None:
            return inputs[MOTION]
        self.passes += 1
        with torch.no_grad(), probe(self.network.module, self.ends[1]) as activation:
            return activation(self._placed(inputs))

    def logits(self, inputs: Inputs, lent: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Of a clip's pictures with each of these motions, (motions, classes); and what its own motion is to others."""
        if self.ends is None:
            return self._plain(inputs, lent), inputs[MOTION]
        self.passes += 1
        own: list[Tensor] = []

        def repeated(pictures: Tensor) -> Tensor:
            return pictures.repeat(len(lent), *[1] * (pictures.ndim - 1))

        def replaced(motion: Tensor) -> Tensor:
            own.append(motion)
            return torch.cat(list(lent))

        module, (pictures, motion) = self.network.module, self.ends
        with changed(module, pictures, repeated), changed(module, motion, replaced):
            return self.network.logits(self._placed(inputs)).cpu(), own[0]

    def _plain(self, inputs: Inputs, lent: Sequence[Tensor]) -> Tensor:
        size = batch_size(self.network.card)
        clips = [{**inputs, MOTION: motion} for motion in lent]
        parts = [join(clips[start : start + size]) for start in range(0, len(clips), size)]
        self.passes += len(clips)
        return torch.cat([self.network.logits(self._placed(part)).cpu() for part in parts])

    def _placed(self, inputs: Inputs) -> Inputs:
        device = device_of(self.network.module)
        return on_device(inputs, device)

    def _agrees(self, one: Inputs, other: Inputs) -> bool:
        whole = torch.cat([self.network.logits(self._placed(x)).cpu() for x in (swapped(one, other), one)])
        self.passes += 2
        try:
            motion = self.lend(other)
            found, own = self.logits(one, [motion, motion])
            again, _ = self.logits(one, [own, motion])
        except RuntimeError as error:  # shapes that do not meet
            if is_out_of_memory(error):
                raise
            return False
        crossed = torch.stack([found[1], again[0]])
        return bool((crossed - whole).abs().max() <= 1e-3 * whole.abs().max().clamp_min(1e-6))


def _ends(network: Network) -> tuple[str, str] | None:
    """Where in the module the streams of pictures and of motion have their last own layers."""
    layers = network.card.layers
    pictures = [layer.name for layer in layers if layer.stream in ("appearance", "clip")]
    motion = [layer.name for layer in layers if layer.stream == "motion"]
    if not pictures or not motion:
        return None
    return network.points[pictures[-1]].path, network.points[motion[-1]].path

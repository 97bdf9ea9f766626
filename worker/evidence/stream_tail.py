"""Run what follows the streams of a network on any appearance with any motion; each stream runs once a clip."""

import copy
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from worker.devices import device_of
from worker.evidence.output_hook import replace_output
from worker.evidence.skipped_streams import BLANK_DEVICE, Shapes, choose_skipped, record_shapes, skip_modules
from worker.evidence.stream_swaps import StreamSwapper
from worker.evidence.synergy import MOTION
from worker.graph.forward_hook import forward_to_all, observe_outputs
from worker.graph.inputs import Inputs, on_device
from worker.maximize.microbatches import is_out_of_memory
from worker.networks.network import Network
from worker.networks.preprocessing import join_clips

MAX_BATCH_BYTES = 64_000_000  # of the streams' outputs that run through the rest at once
MAX_BATCH = 512


@dataclass(frozen=True)
class ClipStreams:
    """The outputs of the last layers of a clip's streams, (1, ...) each on the CPU.

    In networks whose streams meet in more than one place there is no such layer: motion is the input, and `inputs` are
    the others, because every combination is a whole pass.
    """

    appearance: Tensor
    motion: Tensor
    inputs: Inputs = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        tensors = (self.appearance, self.motion, *self.inputs.values())
        return sum(x.numel() * x.element_size() for x in tensors)


class StreamTail:
    """What follows the streams of a network; `report` is called with the size of each batch that ran through it.

    The two clips, (1, ...) by stream, are used to check that nothing else is needed of the streams.
    """

    def __init__(
        self, network: Network, one: Inputs, other: Inputs, report: Callable[[int], None] = lambda combinations: None
    ) -> None:
        self.network, self.report = network, report
        self.last_layers = StreamSwapper(network, one, other).last_layers
        self.blank = {name: torch.zeros_like(x) for name, x in one.items()}
        self.skipped: Shapes = {}  # modules of the streams, which do not run where the streams' outputs are known
        if self.last_layers is not None:
            self.skipped = self._find_skipped(self.read(one), self.read(other))

    @property
    def takes_whole_passes(self) -> bool:
        """Whether every combination of an appearance with a motion is a whole pass."""
        return self.last_layers is None

    def with_network(self, network: Network) -> "StreamTail":
        """Return the same for another network of the same architecture."""
        tail = copy.copy(self)
        tail.network = network
        return tail

    def _find_skipped(self, one: ClipStreams, other: ClipStreams) -> Shapes:
        """Return the modules that need not run; none where the network does not run without them."""
        found: list[dict[str, list[Tensor | None]]] = [{}, {}]
        for shapes, clips in zip(found, ([one], [one, other]), strict=True):
            with torch.no_grad(), record_shapes(self.network.module, shapes):
                expected = self._run_batch(clips, clips)
        self.skipped = choose_skipped(*found)
        try:
            with torch.no_grad():
                is_same = torch.equal(self._run_batch([one, other], [one, other]), expected)
        except Exception as error:  # whatever a network does that tensors without values cannot do
            if is_out_of_memory(error):
                raise
            is_same = False
        return self.skipped if is_same else {}

    @torch.no_grad()
    def read(self, inputs: Inputs) -> ClipStreams:
        """Return the streams of a clip, computed once."""
        if self.last_layers is None:
            others = {name: x for name, x in inputs.items() if name is not MOTION}
            return ClipStreams(torch.zeros(1, 0), inputs[MOTION], others)
        appearance, motion = self.last_layers
        with forward_to_all(self.network.module, self.last_layers) as outputs:
            reached = outputs(on_device(inputs, device_of(self.network.module)))
            return ClipStreams(reached[appearance].cpu(), reached[motion].cpu())

    def batch_size(self, clip: ClipStreams) -> int:
        """Return how many combinations run at once."""
        return max(1, min(MAX_BATCH, MAX_BATCH_BYTES // max(1, clip.bytes)))

    @torch.no_grad()
    def run(
        self,
        appearances: Sequence[ClipStreams],
        motions: Sequence[ClipStreams],
        observe: Callable[[str, Tensor], None] | None = None,
        paths: Sequence[str] = (),
    ) -> Tensor:
        """Return the outputs (n, ...) on the CPU for n combinations: the appearance of one clip, the motion of another.

        `observe` is called, batch by batch, with the output of each of the submodules `paths`.
        """
        size = self.batch_size(appearances[0])
        results = []
        for start in range(0, len(appearances), size):
            batch = slice(start, start + size)
            with observe_outputs(self.network.module, paths, observe or _ignore):
                results.append(self._run_batch(appearances[batch], motions[batch]).cpu())
            self.report(len(appearances[batch]))
        return torch.cat(results)

    def _run_batch(self, appearances: Sequence[ClipStreams], motions: Sequence[ClipStreams]) -> Tensor:
        device = device_of(self.network.module)
        motion = torch.cat([clip.motion for clip in motions]).to(device)
        if self.last_layers is None:
            others = join_clips([clip.inputs for clip in appearances])
            return self.network.logits({**on_device(others, device), MOTION: motion})
        appearance = torch.cat([clip.appearance for clip in appearances]).to(device)
        appearance_path, motion_path = self.last_layers
        with (
            skip_modules(self.network.module, self.skipped),
            replace_output(self.network.module, appearance_path, lambda _: appearance),
            replace_output(self.network.module, motion_path, lambda _: motion),
        ):
            return self.network.logits(on_device(self.blank, BLANK_DEVICE if self.skipped else device))

    def modules(self) -> list[str]:
        """Return the paths of the submodules that run after both streams, in order.

        Empty where every combination is a whole pass.
        """
        if self.last_layers is None:
            return []
        left = set(self.last_layers)  # streams that have not run yet
        found: dict[str, None] = {}

        def leave(path: str) -> Callable[..., None]:
            return lambda *_: left.discard(path)

        def note(path: str) -> Callable[..., None]:
            return lambda *_: None if left else found.update({path: None})

        with ExitStack() as hooks:
            for path, part in self.network.module.named_modules():
                if path in self.last_layers:
                    hooks.callback(part.register_forward_hook(leave(path)).remove)
                hooks.callback(part.register_forward_pre_hook(note(path)).remove)
            self.network.logits(on_device(self.blank, device_of(self.network.module)))
        return list(found)


def _ignore(path: str, output: Any) -> None:
    """Do nothing with an output that nobody reads."""

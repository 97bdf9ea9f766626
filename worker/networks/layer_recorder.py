"""Record the outputs of a network's modules that may be layers, while it runs once."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.network import CLASS_LAYER
from worker.graph.layout import Axis, Layout, along, single_axis
from worker.graph.origins import Origin
from worker.graph.receptive_field import ReceptiveFieldMode
from worker.graph.tracked import ReceptiveField
from worker.networks.inserted_maps import ReluCall, is_clips_first
from worker.networks.tap import Tap

LAYER_TYPES = (nn.Conv2d, nn.Conv3d, nn.Linear)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
TRACE_BATCH = 2  # clips; more than one, to distinguish the batch axis from frames that are folded into it


@dataclass
class RecordedOutput:
    """The output of a module that may be a layer, as it was when the module returned it.

    What runs later may write into it (`out += identity`): shape, version and receptive field are those from before.
    """

    path: str
    output: Tensor
    shape: torch.Size
    version: int
    field: ReceptiveField
    layout: Layout
    origin: Origin | None
    is_linear: bool = False  # whether a linear layer gave it, whose units come last
    relu: ReluCall | None = None  # the ReLU that made it of the map that is read instead
    tap_rectified: bool | None = None  # whether a ReLU follows, according to the tap; None without a tap

    @property
    def name(self) -> str:
        return self.path if self.tap_rectified is None else self.path.rpartition(".")[0] or self.path

    @property
    def map_shape(self) -> torch.Size | None:
        """The shape of the map that it is: (B, C), (B, C, H, W) or (B, C, T, H, W); None where it is no map.

        Frames that are folded into the batch are an axis of the map.
        """
        if len(self.shape) not in (2, 4, 5) or (self.channels_last and self.tap_rectified is None):
            return None
        if self.shape[0] == TRACE_BATCH:
            return self.shape
        if self.clips_first is None or len(self.shape) == 5:
            return None
        positions = self.shape[2:] or (1, 1)
        return torch.Size((TRACE_BATCH, self.shape[1], self.shape[0] // TRACE_BATCH, *positions))

    def gives(self, classes: int | None) -> bool:
        """Return whether it has a unit for each class."""
        is_map = len(self.shape) > 1 and self.map_shape is not None
        return classes is not None and (self.shape[1] if is_map else self.shape[-1:].numel()) == classes

    @property
    def clips_first(self) -> bool | None:
        """Whether clips come before frames along the first axis; None where it does not run along both."""
        return is_clips_first(self.layout, TRACE_BATCH) if self.shape else None

    @property
    def channels_last(self) -> bool:
        """Whether positions of the clip lie where a map has its channels, as after a linear layer of maps."""
        is_linear_map = self.is_linear and len(self.shape) > 2
        return is_linear_map or (len(self.shape) > 1 and single_axis(self.layout[1]) is not None)

    @property
    def is_followed_map(self) -> bool:
        """Whether it is known to be (B, C, H, W) or (B, C, T, H, W), also with frames folded into the batch."""
        is_batch = bool(self.shape) and self.layout[0] == along(Axis.CLIPS, TRACE_BATCH)
        if len(self.shape) not in (4, 5) or not (is_batch or self.clips_first is not None):
            return False
        axes = [single_axis(factors) for factors in self.layout[2:] if factors]
        return self.map_shape is not None and None not in axes and axes == sorted(axes, key=int)  # type: ignore[arg-type]


@dataclass
class RectifiedMap:
    """A joined map as it was when a ReLU got it."""

    call: ReluCall
    value: Tensor
    version: int
    result: Tensor | None = None  # what the ReLU returned

    def is_all_that_is_used(self, output: RecordedOutput, mode: ReceptiveFieldMode) -> bool:
        """Return whether an output is what the ReLU returned, and nothing else read the map."""
        return self.result is output.output and mode.rectified(self.value, self.version)


class LayerRecorder:
    """A context manager that records the outputs of modules that may be layers, in execution order.

    Besides convolutions and linear layers these are modules that join maps: a residual block, whose output is a sum,
    or a block that concatenates its branches. The innermost module that returns such a map names it.
    """

    def __init__(self, module: nn.Module, mode: ReceptiveFieldMode) -> None:
        self._mode = mode
        self._has_taps = any(isinstance(part, Tap) for part in module.modules())
        self._parts = [(path, part) for path, part in module.named_modules() if path]
        self.outputs: list[RecordedOutput] = []
        self.logits: RecordedOutput | None = None  # the last one, if it has a unit for each class
        self.shapes: dict[str, torch.Size | None] = {}  # of what each module gave first, of several tensors the first
        self._starts: dict[str, int] = {}  # the number of origins there were when a module first ran
        self._calls: Counter[str] = Counter()  # of each ReLU
        self._rectified: dict[int, RectifiedMap] = {}  # what ReLUs made of joined maps, by the number of their origin
        self._handles: list[Any] = []

    def __enter__(self) -> "LayerRecorder":
        for path, part in self._parts:
            self._handles.append(part.register_forward_pre_hook(self._start(path)))
            self._handles.append(part.register_forward_hook(self._end(path)))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _start(self, path: str) -> Any:
        def start(part: nn.Module, inputs: tuple[Any, ...]) -> None:
            self._starts.setdefault(path, self._mode.origins.count)
            if isinstance(part, nn.ReLU) and isinstance(inputs[0], Tensor):
                origin = self._mode.origins.of(inputs[0])
                if origin is not None and origin.is_joined:
                    call = ReluCall(path, self._calls[path])
                    self._rectified.setdefault(origin.number, RectifiedMap(call, inputs[0], inputs[0]._version))
                self._calls[path] += 1

        return start

    def _end(self, path: str) -> Any:
        def end(part: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            if isinstance(part, nn.ReLU):
                for rectified in self._rectified.values():
                    if rectified.call == ReluCall(path, self._calls[path] - 1):
                        rectified.result = output
            if path in self.shapes:
                return  # a module may be used several times: its first use counts
            first = output[0] if isinstance(output, tuple | list) and output else output
            self.shapes[path] = first.shape if isinstance(first, Tensor) else None
            if isinstance(output, Tensor) and (isinstance(part, Tap) or not self._has_taps):
                self._record(path, part, inputs, output)

        return end

    def _record(self, path: str, part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        mode = self._mode
        field, layout, origin = mode.receptive_field(output), mode.layout(output), mode.origins.of(output)
        is_linear = isinstance(part, nn.Linear)
        now = RecordedOutput(path, output, output.shape, output._version, field, layout, origin, is_linear)
        if isinstance(part, BATCH_NORMS):
            for place, earlier in enumerate(self.outputs):
                if earlier.output is inputs[0] and earlier.version == inputs[0]._version:
                    self.outputs[place] = now
        elif isinstance(part, Tap):
            now.tap_rectified = part.rectified
            self.outputs.append(now)
        elif isinstance(part, LAYER_TYPES) or self._joins_maps(now):
            self.outputs.append(now)
            rectified = self._rectified.get(origin.number) if origin is not None else None
            if rectified is not None and rectified.is_all_that_is_used(now, mode):
                now.relu = rectified.call

    def _joins_maps(self, output: RecordedOutput) -> bool:
        """Return whether a module has made its output, a map, by joining others, and no layer is that map already."""
        origin = output.origin
        if origin is None or not origin.is_joined or origin.number < self._starts[output.path]:
            return False
        is_new = all(earlier.origin is not origin for earlier in self.outputs)
        return is_new and output.is_followed_map

    def layers(self, classes: int | None, known: frozenset[str] = frozenset()) -> list[RecordedOutput]:
        """Return the outputs that are maps of units, or `known` as layers, without the last one if it is the logits.

        `classes` is the number of classes, None for a network that has none.
        """
        outputs = [output for output in self.outputs if output.name != CLASS_LAYER]
        last = outputs[-1] if outputs else None
        if last is not None and last.tap_rectified is None and last.gives(classes) and last.name not in known:
            self.logits = outputs.pop()
        return [output for output in outputs if output.map_shape is not None or output.name in known]

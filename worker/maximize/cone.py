"""The part of the frame that an objective sees, and the network run on that part alone.

The central position of a layer sees no more than its cone: a window of each input, in space and time. The network as
far as the layer is recorded once at the size of the frame (worker.graph.recording) and run again on the cone.
Positions of the cone within the frame need no padding; where the cone meets the border of the frame, the padding of
the frame belongs to it. Value and gradient are those of the full frame.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from worker.devices import device_of, stimulus_dtype
from worker.graph.bn_statistics import ChannelStatistics, bn_statistics, is_compared, marked_statistics
from worker.graph.forward_hook import forward_to_all, observe_outputs
from worker.graph.inputs import as_map, at_least_float32
from worker.graph.program import Program, optimized
from worker.graph.recording import NotRecordable, Recording, record
from worker.graph.windows import Window, bounding_window, crop, full_window, position_window
from worker.maximize.canvas import Canvas, InputName, Stimulus
from worker.maximize.microbatches import is_out_of_memory, out_of_memory
from worker.maximize.objective_function import Model
from worker.maximize.objectives import Activations, Objective
from worker.maximize.positions import Position, locate

TOLERANCE = 1e-3  # of the cone's activation against the frame's, relative to the largest: fp32 rounding is below 1e-5
MAX_CONES_PER_MODULE = 4  # kept for the next batch; each holds the layer's weights in the precision of its gradients

Frame = Mapping[InputName, Canvas]  # of every input, whole
StatisticsByPath = Mapping[str, ChannelStatistics]  # of the outputs (B, C, ...) of submodules, over data
NO_STATISTICS: StatisticsByPath = MappingProxyType({})


class EmptyMap(ValueError):
    """A layer's activation map has no position at this size of the frame."""


@dataclass(frozen=True)
class Cone:
    """A recorded network as far as one layer, on the windows of its inputs that the layer's wanted positions see."""

    layer: str
    canvases: Frame  # of the inputs that are seen, as large as what is seen
    reduced: Program  # in the precision of gradients
    float32: Program

    def activations(self, stimulus: Stimulus, *, reduced: bool) -> Activations:
        """Return the wanted window of the layer's activation, (B, C, T, H, W), of stimuli (B, D, T, H, W)."""
        return {self.layer: self._program(reduced)(self._inputs(stimulus))}

    def with_bn_divergence(self, stimulus: Stimulus, *, reduced: bool) -> tuple[Activations, Tensor | None]:
        """Return the activation and the divergence from the statistics, (B,) in nats; None without statistics."""
        activation, divergence = self._program(reduced).with_bn_divergence(self._inputs(stimulus))
        return {self.layer: activation}, divergence

    def _program(self, reduced: bool) -> Program:
        return self.reduced if reduced else self.float32

    def _inputs(self, stimulus: Stimulus) -> Mapping[InputName, Tensor]:
        return {name: canvas.layout(stimulus[name]) for name, canvas in self.canvases.items()}


@dataclass(frozen=True, kw_only=True)
class WholeModel:
    """A module as it is, on whole frames: for several layers, and where no recording can be had.

    Inputs of the frame that are not among the canvases stay at zero.
    """

    module: nn.Module
    paths: Mapping[str, str]  # of the layers' submodules, by layer
    frame: Frame
    canvases: Frame
    precision: torch.dtype = torch.float32  # of gradients, by autocast where it is less than float32
    statistics: StatisticsByPath = field(default_factory=dict)

    def activations(self, stimulus: Stimulus, *, reduced: bool) -> Activations:
        """Return the layers' activations, (B, C, T, H, W) in float32 at least, of stimuli (B, D, T, H, W)."""
        like = next(iter(stimulus.values()))
        inputs = {
            name: canvas.layout(stimulus[name] if name in stimulus else canvas.blank(len(like), like))
            for name, canvas in self.frame.items()
        }
        is_reduced = reduced and torch.finfo(self.precision).bits < 32
        with (
            forward_to_all(self.module, list(self.paths.values())) as outputs,
            torch.autocast(like.device.type, self.precision, enabled=is_reduced),
        ):
            by_path = outputs(inputs)
        return {layer: at_least_float32(as_map(by_path[path])) for layer, path in self.paths.items()}

    def with_bn_divergence(self, stimulus: Stimulus, *, reduced: bool) -> tuple[Activations, Tensor | None]:
        """Return the activations and the mean divergence from the given statistics, (B,) in nats; None without any.

        Those of batch normalisation are not compared: they are read from a recording.
        """
        divergences: list[Tensor] = []

        def compare(path: str, output: Tensor) -> None:
            statistics = self.statistics[path]
            if is_compared(path, statistics, output.shape):
                features = output.clone()  # what runs next may write into the output
                divergences.append(statistics.to(features).divergence(features))

        with observe_outputs(self.module, self.statistics.keys() - set(self.paths.values()), compare):
            activations = self.activations(stimulus, reduced=reduced)
        return activations, torch.stack(divergences).mean(0) if divergences else None


@dataclass(frozen=True)
class _Programs:
    """The programs of a layer, in the precision of gradients and in float32."""

    reduced: Program
    float32: Program


_programs: "WeakKeyDictionary[nn.Module, OrderedDict[tuple[object, ...], _Programs | str]]" = WeakKeyDictionary()


def make_cone(
    module: nn.Module,
    layer: str,
    path: str,
    frame: Frame,
    *,
    position: Position | None,
    precision: torch.dtype = torch.float32,
    statistics: StatisticsByPath = NO_STATISTICS,
) -> Cone | str:
    """Return the cone of one position of a layer, or of its whole map; or a clause that says why there is none.

    `statistics` are compared beside those of batch normalisation. Programs are kept for the next call, until weights
    change. Raises EmptyMap where the frame is too small for the layer, OutsideMap for a position that its map does not
    have, MixedDevices, OutOfMemory, ValueError for statistics of another number of channels, and whatever the module
    raises on inputs of this size.
    """
    version = sum(t._version for t in (*module.parameters(), *module.buffers()))
    sizes = tuple((name, canvas.frames, canvas.height, canvas.width) for name, canvas in frame.items())
    key = (path, position, precision, version, sizes, _content(statistics))
    cached = _programs.setdefault(module, OrderedDict())
    if key not in cached:
        cached[key] = _make_programs(module, path, frame, position, precision, statistics)
        while len(cached) > MAX_CONES_PER_MODULE:
            cached.popitem(last=False)
    cached.move_to_end(key)
    programs = cached[key]
    if isinstance(programs, str):
        return programs
    windows = programs.float32.input_windows
    canvases = {name: frame[name].restrict(window) for name, window in windows.items()}
    return Cone(layer, canvases, programs.reduced, programs.float32)


def _content(statistics: StatisticsByPath) -> tuple[object, ...]:
    """Return what tells statistics from others."""
    return tuple((path, *each.mean.tolist(), *each.variance.tolist()) for path, each in statistics.items())


def _make_programs(
    module: nn.Module,
    path: str,
    frame: Frame,
    position: Position | None,
    precision: torch.dtype,
    statistics: StatisticsByPath,
) -> _Programs | str:
    inputs = _random_inputs(frame, torch.empty(0, dtype=stimulus_dtype(module), device=device_of(module)))
    try:
        recording = record(module, path, inputs, list(statistics))
    except NotRecordable as problem:
        return str(problem)
    if not recording.activation.numel():
        raise EmptyMap("its activation map would be empty")
    shape = tuple(recording.activation.shape)
    window = full_window(shape)
    if position is not None:
        size = tuple(as_map(recording.activation).shape[2:])
        window = position_window(shape, locate(position, size)[len(size) - len(window) :])
    windows = common_windows(Program(recording, window).input_windows)
    placed = {name: each.to(recording.activation) for name, each in statistics.items()}
    by_node = {**bn_statistics(recording), **marked_statistics(recording, placed)}
    float32 = Program(recording, window, windows, by_node)
    if difference := _difference(float32, recording, inputs):
        return difference
    return _Programs(Program(optimized(recording, precision), window, windows, by_node), float32)


def _random_inputs(frame: Frame, like: Tensor) -> Mapping[InputName, Tensor]:
    """Return a random input of the frame's size for each canvas, uniform within its bound, for a batch of one."""
    generator = torch.Generator().manual_seed(0)

    def noise(canvas: Canvas) -> Tensor:
        shape = (1, canvas.depth, canvas.frames, canvas.height, canvas.width)
        return (torch.rand(shape, generator=generator) * 2 - 1) * canvas.bound

    return {name: canvas.layout(noise(canvas)).to(like) for name, canvas in frame.items()}


def common_windows(windows: Mapping[InputName, Window]) -> Mapping[InputName, Window]:
    """Return the windows with one window in space: inputs that are seen together show one scene."""
    space: Window = next(iter(windows.values()), ())[-2:]
    for window in windows.values():
        space = bounding_window(space, window[-2:])
    return {name: (*window[:-2], *space) for name, window in windows.items()}


@torch.no_grad()
def _difference(program: Program, recording: Recording, inputs: Mapping[InputName, Tensor]) -> str:
    """Return how the program, run on a batch of two, fails to give the frame's activation; "" if it does not fail."""
    windows = program.input_windows
    parts = {name: crop(inputs[name], full_window(inputs[name].shape), window) for name, window in windows.items()}
    expected = program.crop(recording.activation)
    try:
        repeated = program({name: torch.cat([x, x]) for name, x in parts.items()})
    except (RuntimeError, ValueError, IndexError) as error:
        if is_out_of_memory(error):
            raise out_of_memory() from error
        return f"it cannot be run again: {error}"
    if len(repeated) != 2:
        return "it cannot be run again: the first axis of its activation is not that of the stimuli"
    allowed = TOLERANCE * float(expected.nan_to_num(0, 0, 0).abs().max()) + 1e-12
    same = torch.allclose(repeated, expected.expand_as(repeated), rtol=0, atol=allowed, equal_nan=True)
    return "" if same else "it gives other values when it is run again"


class OneInput(nn.Module):
    """A module of one tensor as a module of a mapping."""

    name = "input"

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: Mapping[InputName, Tensor]) -> Tensor:
        output: Tensor = self.module(inputs[self.name])
        return output


def make_model(
    module: nn.Module,
    objective: Objective,
    canvases: Canvas | Mapping[InputName, Canvas],
    *,
    margin: int,
    statistics: StatisticsByPath = NO_STATISTICS,
) -> tuple[Model, Objective]:
    """Return a plain module as the model of an objective, whose layers are paths of its submodules.

    One layer runs as its cone, where that can be had; several layers run on whole frames. The canvases get `margin`.
    The objective comes with it, as that of the activations that the model gives.
    """
    prefix = ""
    if isinstance(canvases, Canvas):
        canvases, module, prefix = {OneInput.name: canvases}, OneInput(module), "module."
    frame = {name: replace(canvas, margin=margin) for name, canvas in canvases.items()}
    paths = {layer: f"{prefix}{layer}".rstrip(".") for layer in objective.layers}
    statistics = {f"{prefix}{path}".rstrip("."): each for path, each in statistics.items()}
    if len(paths) == 1:
        ((layer, path),) = paths.items()
        position, precision = objective.position, stimulus_dtype(module)
        cone = make_cone(module, layer, path, frame, position=position, precision=precision, statistics=statistics)
        if isinstance(cone, Cone):
            return cone, objective if objective.position is None else objective.on_its_position()
    return WholeModel(module=module, paths=paths, frame=frame, canvases=frame, statistics=statistics), objective

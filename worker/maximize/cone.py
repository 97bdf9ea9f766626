"""The part of the full frame that the objective sees, and the network run on that part alone.

The central position of a layer sees no more than its cone: a window of each stream, in space and time. The network as
far as the layer is recorded once at the size of the frame (worker.graph.recording) and run again on the cone.
Positions of the cone within the frame need no padding; where the cone meets the border of the frame, the padding of
the frame belongs to it. Value and gradient are those of the full frame.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from app.contract.errors import MixedDevices
from app.contract.network import StreamName
from app.contract.recipe import ResolvedRecipe
from worker.devices import device_of
from worker.graph.bn_statistics import normals
from worker.graph.inputs import Inputs
from worker.graph.program import Program, centre, prepared
from worker.graph.recording import NotRecordable, Recording, record
from worker.graph.windows import Window, cut, hull, whole
from worker.maximize.canvas import Canvas, canvases, reaching
from worker.maximize.memory import is_out_of_memory, out_of_memory
from worker.maximize.sizes import refusal
from worker.networks.network import Network

TOLERANCE = 1e-3  # of the cone's activation against the frame's, relative to the largest: fp32 rounding is below 1e-5
KEPT = 4  # cones a network: each holds the layer's weights in the precision of its gradients

Frame = Mapping[StreamName, Canvas]  # of every stream, whole


class Run(Protocol):
    """The network as far as a layer, as `Program` runs it."""

    def __call__(self, inputs: Inputs) -> Tensor: ...

    def watched(self, inputs: Inputs) -> tuple[Tensor, Tensor | None]: ...


@dataclass(frozen=True)
class Cone:
    canvases: Frame  # of the streams that the objective sees, as large as what it sees
    problem: str  # why the whole frame is computed where a part might do
    rough: Run  # in the precision of gradients
    exact: Run  # in float32

    def activation(self, seen: Mapping[StreamName, Tensor]) -> Tensor:
        """What the objective sums, before a following ReLU, (B, C, T, H, W), of stimuli (B, D, T, H, W)."""
        return self._run(self._inputs(seen))

    def watched(self, seen: Mapping[StreamName, Tensor]) -> tuple[Tensor, Tensor | None]:
        """The same, and how far features are from what the network was trained on (B,); None if it does not know."""
        return self._run.watched(self._inputs(seen))

    @property
    def _run(self) -> Run:
        return self.rough if torch.is_grad_enabled() else self.exact

    def _inputs(self, seen: Mapping[StreamName, Tensor]) -> Inputs:
        return {name: canvas.as_input(seen[name]) for name, canvas in self.canvases.items()}


@dataclass(frozen=True)
class _Programs:
    rough: Program
    exact: Program


_kept: "WeakKeyDictionary[nn.Module, OrderedDict[tuple[object, ...], _Programs | str]]" = WeakKeyDictionary()


def derive(network: Network, layer: str, recipe: ResolvedRecipe) -> Cone:
    """The cone of a layer under a recipe. Its programs are kept for the next batch.

    Raises InvalidRecipe for a size that the layer cannot take.
    """
    frame = canvases(network.card, recipe)
    version = sum(t._version for t in (*network.module.parameters(), *network.module.buffers()))
    sizes = tuple((name, canvas.frames, canvas.height, canvas.width) for name, canvas in frame.items())
    key = (layer, recipe.objective, network.precision, version, sizes)
    kept = _kept.setdefault(network.module, OrderedDict())
    if key not in kept:
        kept[key] = _programs(network, layer, frame, recipe.objective == "center")
        while len(kept) > KEPT:
            kept.popitem(last=False)
    kept.move_to_end(key)
    programs = kept[key]
    if isinstance(programs, str):
        return _whole(network, layer, frame, programs)
    parts = {name: frame[name].part(window) for name, window in programs.exact.windows.items()}
    return Cone(parts, "", programs.rough, programs.exact)


def _programs(network: Network, layer: str, frame: Frame, center: bool) -> _Programs | str:
    """The network on the cone, or why that cannot be had."""
    inputs = _example(frame, device_of(network.module))
    try:
        recording = record(network.module, network.points[layer].path, inputs)
    except NotRecordable as problem:
        return str(problem)
    except (RuntimeError, ValueError) as error:
        raise _refused(network, layer, frame, error) from error
    shape = tuple(recording.activation.shape)
    if not recording.activation.numel():
        raise refusal(network, layer, frame, "its activation map would be empty")
    want = centre(shape) if center else whole(shape)
    windows = common(Program(recording, want).windows)
    natural = normals(recording)
    exact = Program(recording, want, windows, natural)
    if difference := _difference(exact, recording, inputs):
        return difference
    return _Programs(Program(prepared(recording, network.precision), want, windows, natural), exact)


def _refused(network: Network, layer: str, frame: Frame, error: Exception) -> Exception:
    """What to tell of a network that failed on its inputs."""
    if is_out_of_memory(error):
        return out_of_memory()
    if any(words in str(error) for words in ("same device", "expected device")):
        return MixedDevices(
            f"The network computes in more than one place: {error}. Its builder must keep all tensors "
            "as parameters and buffers, so that they move together."
        )
    if all(canvas.is_own_size for canvas in frame.values()):
        return error
    return refusal(network, layer, frame, str(error))


def _example(frame: Frame, device: torch.device) -> Inputs:
    """A random input of the frame's size for each stream."""
    generator = torch.Generator().manual_seed(0)

    def noise(canvas: Canvas) -> Tensor:
        shape = (1, canvas.stream.depth, canvas.frames, canvas.height, canvas.width)
        return (torch.rand(shape, generator=generator) * 2 - 1) * canvas.bound

    return {name: canvas.as_input(noise(canvas)).to(device) for name, canvas in frame.items()}


def common(windows: Mapping[StreamName, Window]) -> Mapping[StreamName, Window]:
    """Streams that are seen together show one scene: they get one window in space."""
    space: Window = next(iter(windows.values()), ())[-2:]
    for window in windows.values():
        space = hull(space, window[-2:])
    return {name: (*window[:-2], *space) for name, window in windows.items()}


@torch.no_grad()
def _difference(program: Program, recording: Recording, inputs: Inputs) -> str:
    """What is wrong where the cone, in a batch of another size, does not give what the frame gave."""
    part = {name: cut(inputs[name], whole(inputs[name].shape), window) for name, window in program.windows.items()}
    expected = program.wanted(recording.activation)
    try:
        found = program({name: torch.cat([x, x]) for name, x in part.items()})
    except (RuntimeError, ValueError, IndexError) as error:
        if is_out_of_memory(error):
            raise out_of_memory() from error
        return f"it cannot be run again: {error}"
    allowed = TOLERANCE * float(expected.nan_to_num(0, 0, 0).abs().max()) + 1e-12
    same = torch.allclose(found, expected.expand_as(found), rtol=0, atol=allowed, equal_nan=True)
    return "" if same else "it gives other values when it is run again"


@dataclass(frozen=True)
class _Whole:
    """The network as it is, on the whole frame; streams that it is not given stay at zero."""

    network: Network
    layer: str
    frame: Frame

    def __call__(self, inputs: Inputs) -> Tensor:
        batch = next(iter(inputs.values()))
        blank = {name: c.as_input(c.blank(batch)) for name, c in self.frame.items() if name not in inputs}
        try:
            return self.network.activation(self.layer, {**inputs, **blank})
        except (RuntimeError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            raise _refused(self.network, self.layer, self.frame, error) from error

    def watched(self, inputs: Inputs) -> tuple[Tensor, None]:
        return self(inputs), None


def _whole(network: Network, layer: str, frame: Frame, problem: str) -> Cone:
    own = {name: frame[name] for name in reaching(network.card, layer)}
    run = _Whole(network, layer, frame)
    return Cone(own, problem, run, run)

"""Find the modules of a network that are no layers of its card, and say why, so that nothing is left out in silence."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from torch import nn

from app.contract.errors import InvalidRequest
from app.contract.network import Layer, OmittedModule
from worker.networks.layer_recorder import LAYER_TYPES, TRACE_BATCH, LayerRecorder, RecordedOutput
from worker.networks.tap import Tap

MAX_OMITTED = 200  # modules on a card
NOT_RUN = "the network does not run it, or takes its weights alone"


def find_omitted(module: nn.Module, recorder: LayerRecorder, shown: Collection[str]) -> tuple[OmittedModule, ...]:
    """Return the modules that may be layers and are none, with the shape of their output and the reason.

    `shown` are the paths of those that are layers. A module that contains taps has chosen its layers: it says itself
    what it omits, in an attribute `omitted`, in names that may stand for several modules (`blocks.*.norm1, norm2`).
    """
    if any(isinstance(part, Tap) for part in module.modules()):
        named: tuple[OmittedModule, ...] = tuple(getattr(module, "omitted", ()))
        return tuple(part.model_copy(update={"shape": part.shape or _shape_of(part, recorder)}) for part in named)
    outputs = {output.path: output for output in recorder.outputs}
    shown = {*shown, recorder.logits.path} if recorder.logits is not None else shown
    paths = [path for path, part in module.named_modules() if path and isinstance(part, LAYER_TYPES)]
    paths += [path for path in outputs if path not in paths]
    found: list[OmittedModule] = []
    for path in paths:
        shape = recorder.shapes.get(path)
        if path in shown or (path in recorder.shapes and shape is not None and path not in outputs):
            continue  # it is a layer or gives the classes, or a batch normalisation stands for it
        reason = NOT_RUN
        if path in recorder.shapes:
            reason = _reason(outputs[path]) if path in outputs else "its output is not one tensor"
        found.append(OmittedModule(module=path, reason=reason, shape=tuple(shape or ())))
    return tuple(found[:MAX_OMITTED])


def _shape_of(part: OmittedModule, recorder: LayerRecorder) -> tuple[int, ...]:
    """Return the shape of what the first module of that name gave, empty where none of it ran."""
    name = part.module.split(",")[0].strip()
    names = (name, f"*.{name}")  # in the model that a network wraps
    shapes = (shape for path, shape in recorder.shapes.items() if shape and any(fnmatchcase(path, n) for n in names))
    return tuple(next(shapes, ()))


def _reason(output: RecordedOutput) -> str:
    """Return why an output is no layer."""
    if len(output.shape) == 3:
        return "its output is a sequence of tokens, whose places in the clip are not known: mark it with TokenTap"
    if output.shape[0] != TRACE_BATCH:
        return f"its output has more than frames folded into the batch of {TRACE_BATCH}"
    if output.channels_last:
        return "its output has its channels last: mark it with ChannelsLastTap"
    return "its output is no map of the clip"


def refuse_only_ends(layers: Sequence[Layer], omitted: Sequence[OmittedModule]) -> None:
    """Raise InvalidRequest for a network of which nothing between its first layer and its classes can be shown."""
    hidden = [part for part in omitted if part.reason.startswith("its output")]
    if len(layers) > 2 or len(hidden) < 2:
        return
    names = " and ".join(layer.name for layer in layers)
    raise InvalidRequest(
        f"Only the ends of this network can be shown ({names}): {len(hidden)} modules between them are left out, the "
        f"first {hidden[0].module}: {hidden[0].reason}. Mark its layers with worker.networks.tokens.TokenTap, or with "
        "Tap where the module has maps (B, C, T, H, W); a directory of the library transformers needs no family."
    )

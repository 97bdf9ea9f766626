"""Find the modules of a network that are no layers of its card, and say why, so that nothing is left out in silence."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from app.contract.errors import InvalidRequest
from app.contract.network import Layer, OmittedModule, Stream
from worker.networks.layer_recorder import LAYER_TYPES, TRACE_BATCH
from worker.networks.network import Point
from worker.networks.tap import Tap
from worker.networks.trace import zero_inputs

MAX_OMITTED = 200  # modules on a card


def find_omitted(
    module: nn.Module, streams: Sequence[Stream], points: Mapping[str, Point]
) -> tuple[OmittedModule, ...]:
    """Return the modules that may be layers and are none, with the reason.

    A module that contains taps has chosen its layers: it says itself what it omits, in an attribute `omitted`.
    """
    if any(isinstance(part, Tap) for part in module.modules()):
        return tuple(getattr(module, "omitted", ()))
    shown = {point.path for point in points.values()}
    outputs: dict[str, Any] = {}

    def make_hook(path: str) -> Any:
        def record(part: nn.Module, inputs: Any, output: Any) -> None:
            outputs.setdefault(path, output.shape if isinstance(output, Tensor) else None)

        return record

    parts = {path: part for path, part in module.named_modules() if path and isinstance(part, LAYER_TYPES)}
    hooks = [part.register_forward_hook(make_hook(path)) for path, part in parts.items()]
    try:
        _run_on_shapes(module, streams)
    finally:
        for hook in hooks:
            hook.remove()
    reasons = {path: _reason(outputs.get(path), path in outputs) for path in parts if path not in shown}
    found = [OmittedModule(module=path, reason=reason) for path, reason in reasons.items() if reason]
    return tuple(found[:MAX_OMITTED])


def _run_on_shapes(module: nn.Module, streams: Sequence[Stream]) -> None:
    """Run the module on the meta device, as far as it can run there."""
    meta = torch.device("meta")
    tensors = {name: t.to(meta) for name, t in (*module.named_parameters(), *module.named_buffers())}
    try:
        with torch.no_grad(), meta:
            functional_call(module, tensors, (zero_inputs(streams, TRACE_BATCH, meta),))
    except Exception:  # noqa: S110 - code that depends on values; trace has run it with values
        pass


def _reason(shape: torch.Size | None, is_run: bool) -> str:
    """Return why a module with this output is no layer; empty for a map, which a batch normalisation may stand for."""
    if not is_run:
        return "the network does not run it"
    if shape is None:
        return "its output is not one tensor"
    sizes = " x ".join(map(str, shape))
    if len(shape) == 3:
        return f"its output {sizes} is a sequence of tokens, whose places in the clip are not known"
    if shape[0] != TRACE_BATCH:
        return f"its output {sizes} has frames or positions folded into the batch of {TRACE_BATCH}"
    return "" if len(shape) in (2, 4, 5) else f"its output {sizes} is no map of the clip"


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

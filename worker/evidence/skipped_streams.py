"""Run a network without the modules of its streams, where what the streams give is put in their place.

A module of a stream outputs as much for one combination of streams as for two: it sees the blank clip alone. Such
modules give tensors of the right shape without values (on the device `meta`), so that nothing of a stream is computed.
What follows cannot use them by mistake: a computation with a tensor that has no values fails.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

BLANK_DEVICE = torch.device("meta")

Shapes = Mapping[str, Sequence[Tensor]]  # by the path of a module, its outputs without values, one for each use


@contextmanager
def record_shapes(module: nn.Module, shapes: dict[str, list[Tensor | None]]) -> Iterator[None]:
    """While active, add what each submodule outputs to `shapes`, without values; None for what is no tensor."""

    def make_hook(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(part: nn.Module, inputs: Any, output: Any) -> None:
            is_tensor = isinstance(output, Tensor)
            shapes.setdefault(path, []).append(output.to(BLANK_DEVICE) if is_tensor else None)

        return hook

    with ExitStack() as hooks:
        for path, part in module.named_modules():
            if path:
                hooks.callback(part.register_forward_hook(make_hook(path)).remove)
        yield


def choose_skipped(of_one: Mapping[str, list[Tensor | None]], of_two: Mapping[str, list[Tensor | None]]) -> Shapes:
    """Return the outermost submodules that output the same shapes for one combination and for two."""
    chosen: dict[str, list[Tensor]] = {}
    for path, outputs in of_one.items():
        tensors = [x for x in outputs if x is not None]
        others = [x for x in of_two.get(path, ()) if x is not None]
        if len(tensors) == len(outputs) and [x.shape for x in tensors] == [x.shape for x in others]:
            chosen[path] = tensors
    return {path: outputs for path, outputs in chosen.items() if not _is_within(path, chosen)}


def _is_within(path: str, chosen: Collection[str]) -> bool:
    return any(path.startswith(f"{other}.") for other in chosen)


@contextmanager
def skip_modules(module: nn.Module, shapes: Shapes) -> Iterator[None]:
    """While active, give the recorded outputs, without values, in place of what these submodules compute."""
    with ExitStack() as restored:
        for path, outputs in shapes.items():
            part = module.get_submodule(path)
            restored.callback(_restore, part, part.__dict__.get("forward"))
            part.forward = _giver(outputs)
        yield


def _giver(outputs: Sequence[Tensor]) -> Callable[..., Tensor]:
    left = iter(outputs)

    def forward(*args: Any, **kwargs: Any) -> Tensor:
        try:
            return next(left)
        except StopIteration:
            raise RuntimeError("A module of a stream ran more often than before.") from None

    return forward


def _restore(part: nn.Module, forward: Any) -> None:
    if forward is None:
        del part.forward
    else:
        part.forward = forward

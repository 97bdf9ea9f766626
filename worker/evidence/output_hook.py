"""Replace the output of one submodule during a forward pass."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def replace_output(module: nn.Module, path: str, replace: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Replace what the submodule `path` outputs at its first use within the context; the hook is always removed."""
    is_used = False

    def hook(submodule: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        nonlocal is_used
        if is_used:
            return None
        is_used = True
        return replace(output)

    handle = module.get_submodule(path).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()

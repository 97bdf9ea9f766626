"""A borrowed hook: run a network as far as one of its submodules, and leave no trace in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from app.contract.errors import UnknownLayer, WorkError


class _Reached(BaseException):
    """Carries the activation out of the forward pass. Not an Exception, which a module might catch."""

    def __init__(self, activation: Any) -> None:
        self.activation = activation


def _stop(module: nn.Module, inputs: Any, output: Any) -> None:
    raise _Reached(output)


@contextmanager
def probe(module: nn.Module, path: str) -> Iterator[Callable[..., Tensor]]:
    """Gives a function that runs `module(inputs)` and returns the output of the submodule `path`.

    The forward pass stops there; the result is differentiable with respect to the inputs. The empty path is
    the module itself. Raises UnknownLayer for a path that the module does not have, WorkError where the
    forward pass never gets there.
    """
    try:
        target = module.get_submodule(path)
    except AttributeError:
        raise UnknownLayer(path, [name for name, _ in module.named_modules() if name]) from None

    def activation(*inputs: Any) -> Tensor:
        try:
            module(*inputs)
        except _Reached as reached:
            return reached.activation  # type: ignore[no-any-return]
        raise WorkError(f"The network never runs its submodule {path!r}: there is no activation to read.")

    handle = target.register_forward_hook(_stop)
    try:
        yield activation
    finally:
        handle.remove()

"""Run a network as far as some of its submodules, by forward hooks that are always removed again."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from app.contract.errors import UnknownLayer, WorkError


class _AllReached(BaseException):
    """Ends a forward pass. Not an Exception, which a module might catch."""


@contextmanager
def forward_to(module: nn.Module, path: str) -> Iterator[Callable[..., Tensor]]:
    """Yield a function that runs `module(*inputs)` and returns the output of the submodule `path`.

    The forward pass stops there; the result is differentiable with respect to the inputs. The empty path is the
    module itself. Raises UnknownLayer for a path that the module does not have, WorkError where the forward pass
    never runs that submodule.
    """
    with forward_to_all(module, [path]) as outputs:
        yield lambda *inputs: outputs(*inputs)[path]


@contextmanager
def forward_to_all(module: nn.Module, paths: Sequence[str]) -> Iterator[Callable[..., Mapping[str, Tensor]]]:
    """Yield a function that runs `module(*inputs)` and returns the outputs of the submodules, by path.

    The forward pass stops when all have run. For a submodule that runs several times, the first output counts. Raises
    the errors of `forward_to`.
    """
    reached: dict[str, Tensor] = {}

    def make_hook(path: str) -> Callable[[nn.Module, Any, Any], Any]:
        def record_output(module: nn.Module, inputs: Any, output: Any) -> Any:
            is_first = reached.setdefault(path, output) is output
            if len(reached) == len(set(paths)):
                raise _AllReached
            # what runs next may write into it (a ReLU in place, say), which must not change what was read here
            return output.clone() if is_first and isinstance(output, Tensor) else None

        return record_output

    def outputs(*inputs: Any) -> Mapping[str, Tensor]:
        try:
            module(*inputs)
        except _AllReached:
            return dict(reached)
        finally:
            missing = [path for path in paths if path not in reached]
            reached.clear()
        path = next(iter(missing), paths[-1])
        raise WorkError(f"The network never runs its submodule {path!r}: there is no activation to read.")

    with ExitStack() as hooks:
        for path in paths:
            hooks.callback(_submodule(module, path).register_forward_hook(make_hook(path)).remove)
        yield outputs


@contextmanager
def observe_outputs(
    module: nn.Module, paths: Collection[str], observe: Callable[[str, Tensor], None]
) -> Iterator[None]:
    """While active, call `observe` with the path and the output of each of these submodules when it first runs.

    Outputs that are no tensors are passed over. Raises UnknownLayer for a path that the module does not have.
    """
    seen: set[str] = set()

    def make_hook(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if path not in seen and isinstance(output, Tensor):
                seen.add(path)
                observe(path, output)

        return hook

    with ExitStack() as hooks:
        for path in paths:
            hooks.callback(_submodule(module, path).register_forward_hook(make_hook(path)).remove)
        yield


def _submodule(module: nn.Module, path: str) -> nn.Module:
    try:
        return module.get_submodule(path)
    except AttributeError:
        raise UnknownLayer(path, [name for name, _ in module.named_modules() if name]) from None

"""Tell of which family a checkpoint is, by the names and shapes of its tensors, and give it the form that is stored."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from app.contract.errors import InvalidRequest, KinetoscopeError, WeightsMismatch
from worker.networks.flow_scale import set_flow_scale
from worker.networks.registry import Family, Recognised, list_families
from worker.networks.state_fit import unwrap
from worker.networks.stored_config import store_with_config
from worker.networks.weights import Content, State, find_states, list_keys, parse_weights

MAX_CHECKPOINT_BYTES = 8_000_000_000  # of a file whose network is not known yet: a third of the memory asked for
MAX_LISTED = 3  # tensors in an error message
MAX_SHARING = 4  # times that the numbers of a file may be counted: layers with one tensor, a network and its average


def recognise(
    weights: bytes, path: Path, family: Family | None = None, flow_scale: float | None = None
) -> tuple[str, bytes]:
    """Return the name of the family that a checkpoint is of, and its weights with the config that builds it.

    `family` limits the search to one. `flow_scale` is for networks with flow, see `set_flow_scale`. Raises
    InvalidRequest where no family knows it, or several do; WeightsMismatch where the file holds several networks of
    one family. What a family says against the file counts only where no other family takes it.
    """
    content = parse_weights(weights, MAX_CHECKPOINT_BYTES)
    _check_claims(content)
    families = [family] if family is not None else [each for each in list_families() if each.recognise is not None]
    found, refusals = ask_families(families, content, path)
    if not found:
        raise refusals[0] if refusals else _unknown(content, path, families)
    if len(found) > 1:
        raise InvalidRequest(
            f"{path} may be of several families: {', '.join(found)}. Say which: `networks add FAMILY --weights {path}`."
        )
    ((name, networks),) = found.items()
    if len(networks) > 1:
        raise WeightsMismatch(
            f"{path} holds {len(networks)} networks of the family {name}, an average of the weights perhaps. Save the "
            "one that you mean in a file of its own, with torch.save(state, path)."
        )
    return name, store_with_config(dict(networks[0].state), set_flow_scale(networks[0].config, flow_scale))


def ask_families(
    families: Sequence[Family], content: Content, path: Path
) -> tuple[dict[str, list[Recognised]], list[KinetoscopeError]]:
    """Return the networks that each family finds in a checkpoint, by its name, and what families say against it."""
    found: dict[str, list[Recognised]] = {}
    refusals: list[KinetoscopeError] = []
    states = [plain for _, state in find_states(content) for plain in unwrap(state)]
    for family in families:
        for state in states:
            try:
                recognised = _ask(family, state, content, path)
            except KinetoscopeError as error:
                refusals.append(error)
                continue
            if recognised is not None and not any(_is_same(recognised, other) for other in found.get(family.name, [])):
                found.setdefault(family.name, []).append(recognised)
    return found, refusals


def _ask(family: Family, state: State, content: Content, path: Path) -> Recognised | None:
    """Return what a family reads from a checkpoint. Raises what it says against it, WeightsMismatch for odd shapes."""
    if family.recognise is None:
        return None
    try:
        return family.recognise(state, content)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsMismatch(
            f"The tensors of {path} have names as in {family.title}, but not its shapes ({type(error).__name__}: "
            f"{error}): the file is damaged, or of a network that was changed. Register that with a family file of "
            "your own (docs/networks.md)."
        ) from None


def _check_claims(content: Content) -> None:
    """Raise WeightsMismatch for tensors that claim many times the bytes of the file, as one repeated number can."""
    stored: dict[int, int] = {}
    claimed = 0
    for _, state in find_states(content):
        for tensor in state.values():
            if tensor.layout is torch.strided and not tensor.is_meta:
                stored[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
                claimed += tensor.numel() * tensor.element_size()
    held = sum(stored.values())
    if claimed > MAX_SHARING * held:
        raise WeightsMismatch(
            f"The tensors of the checkpoint claim {claimed:,} bytes, and the file holds {held:,} for them: it is "
            "damaged, or made to fill the memory. Fetch it again."
        )


def _is_same(one: Recognised, other: Recognised) -> bool:
    return (
        one.config == other.config
        and one.state.keys() == other.state.keys()
        and all(_equal(tensor, other.state[name]) for name, tensor in one.state.items())
    )


def _equal(one: Tensor, other: Tensor) -> bool:
    return one is other or (one.dtype == other.dtype and torch.equal(one, other))


def _unknown(content: Mapping[str, object], path: Path, families: list[Family]) -> InvalidRequest:
    tensors: list[str] = []
    for _, state in find_states(content):
        tensors += [f"{name} {tuple(tensor.shape)}" for name, tensor in state.items()]
        break
    holds = ", ".join(tensors[:MAX_LISTED]) or list_keys(content)
    return InvalidRequest(
        f"No family knows the tensors of {path} ({holds}, ...). Known by their tensors are "
        f"{', '.join(family.title for family in families) or 'none'}; for another, say which family it is of: "
        f"`networks add FAMILY --weights {path}` (`networks families` lists them)."
    )

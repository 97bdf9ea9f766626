"""Tell of which family a checkpoint is, by the names and shapes of its tensors, and give it the form that is stored."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from app.contract.errors import InvalidRequest, WeightsMismatch
from worker.networks.flow_scale import set_flow_scale
from worker.networks.registry import Family, Recognised, list_families
from worker.networks.state_fit import ALL_WRAPPERS, WRAPPERS
from worker.networks.stored_config import store_with_config
from worker.networks.weights import Content, State, find_states, list_keys, parse_weights

MAX_CHECKPOINT_BYTES = 8_000_000_000  # of a file whose network is not known yet: a third of the memory asked for
MAX_LISTED = 3  # tensors in an error message


def recognise(
    weights: bytes, path: Path, family: Family | None = None, flow_scale: float | None = None
) -> tuple[str, bytes]:
    """Return the name of the family that a checkpoint is of, and its weights with the config that builds it.

    `family` limits the search to one. `flow_scale` is for networks with flow, see `set_flow_scale`. Raises
    InvalidRequest where no family knows it, or several do; WeightsMismatch where the file holds several networks of
    one family.
    """
    content = parse_weights(weights, MAX_CHECKPOINT_BYTES)
    families = [family] if family is not None else [each for each in list_families() if each.recognise is not None]
    found: dict[str, list[Recognised]] = {}
    for each in families:
        for state in _plain_states(content):
            recognised = each.recognise(state, content) if each.recognise is not None else None
            if recognised is not None and not any(_is_same(recognised, other) for other in found.get(each.name, [])):
                found.setdefault(each.name, []).append(recognised)
    if not found:
        raise _unknown(content, path, families)
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


def _plain_states(content: Content) -> Iterator[State]:
    """Yield each dictionary of tensors in the file, as it is and without the names that wrappers put in."""
    for _, state in find_states(content):
        yield state
        names = state.keys()
        for wrappers in (WRAPPERS, ALL_WRAPPERS):
            plain = {".".join(p for p in name.split(".") if p not in wrappers): t for name, t in state.items()}
            if plain.keys() != names and len(plain) == len(state):
                names = plain.keys()
                yield plain


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

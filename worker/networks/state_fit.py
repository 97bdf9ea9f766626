"""Find the state dict in a checkpoint that fits a module, in whatever way it was saved, and copy it into the module.

A reading is one dictionary of the file, with a prefix that its names begin with taken away. People's checkpoints keep
the state under any key (`state_dict`, `model`, `ema`) and under any prefix (`module.`, `_orig_mod.`, `net.`): all
readings are compared with the module, and the only one that fits is taken.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from app.contract.errors import WeightsMismatch, WeightsUnreadable
from worker.networks.weights import Content, State, find_states, list_keys

MAX_LISTED_TENSORS = 5  # in an error message, of each kind of mismatch
MAX_PREFIX_PARTS = 4  # of a name that may be a prefix, `a.b.c.d.`
BATCH_COUNTER = "num_batches_tracked"  # of batch normalisation: unused after training, and not in every file
# Parts of names that torch puts in where it wraps a module; `module` may be a part of the network's own names too
WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
ALL_WRAPPERS = (*WRAPPERS, "module")
KNOWN_KEYS = ("state_dict",)  # read first of a registered network, as it has always been
MAX_NETWORK_COPIES = 16  # times the network's own size: double precision, two moments of an optimizer, several averages
EXTRA_BYTES = 200_000_000  # what else a checkpoint may hold


def max_file_bytes(module: nn.Module) -> int:
    """Return how large a weights file of a module can be with all that a training may have saved beside it."""
    tensors: list[Tensor] = list(module.state_dict().values())
    own = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return EXTRA_BYTES + MAX_NETWORK_COPIES * own


@dataclass(frozen=True)
class Reading:
    """A state dict of the file under the module's names, and how it differs from the tensors that the module has."""

    keys: tuple[str, ...]  # to the dictionary in the file
    prefix: str  # taken away from the names
    state: State
    expected: Mapping[str, Tensor]

    @cached_property
    def missing(self) -> list[str]:
        return [n for n in self.expected if n not in self.state and not n.endswith(BATCH_COUNTER)]

    @cached_property
    def unexpected(self) -> list[str]:
        return [n for n in self.state if n not in self.expected and not n.endswith(BATCH_COUNTER)]

    @cached_property
    def mismatched(self) -> list[str]:
        own = self.expected
        return [n for n in own if n in self.state and self.state[n].shape != own[n].shape]

    @property
    def fits(self) -> bool:
        return not (self.missing or self.unexpected or self.mismatched)

    @property
    def distance(self) -> int:
        """Return how many tensors would have to be others for the reading to fit."""
        return len(self.missing) + len(self.unexpected) + len(self.mismatched)

    @property
    def where(self) -> str:
        """Return in words which part of the file this is; empty for all of it."""
        keys = f"under `{'.'.join(self.keys)}`" if self.keys else ""
        prefix = f"with names that begin with `{self.prefix}`" if self.prefix else ""
        return " ".join(filter(None, (keys, prefix)))

    def is_same(self, other: "Reading") -> bool:
        """Return whether another reading that fits gives the module the same values."""
        names = (name for name in self.expected if not name.endswith(BATCH_COUNTER))
        return all(torch.equal(self.state[name], other.state[name]) for name in names)


def load_state(
    module: nn.Module, content: Content, rename: Callable[[str], str], *, is_registered: bool = False
) -> None:
    """Copy the state dict that fits the module into it, floating-point tensors as float32.

    `rename` maps the names of tensors in public weights to the module's. Of a registered network, for which exactly one
    reading fitted when it was added, the first that fits is taken.

    Raises WeightsMismatch if no reading fits, with what differs from the nearest one, or if several do;
    WeightsUnreadable for tensors without numbers that the module could take.
    """
    expected = module.state_dict()
    readings = list(_readings(content, expected, rename))
    fitting: list[Reading] = []
    for reading in readings:
        if reading.fits and (is_registered or not any(reading.is_same(other) for other in fitting)):
            fitting.append(reading)
    if not readings:
        raise WeightsMismatch("The weights are of another network: its family gives several of their tensors one name.")
    if not fitting:
        raise _mismatch(content, min(readings, key=lambda reading: reading.distance))
    if is_registered:
        fitting.sort(key=lambda reading: reading.keys != KNOWN_KEYS or reading.prefix != "")
    elif len(fitting) > 1:
        places = "; ".join(reading.where or "at its top level" for reading in fitting)
        raise WeightsMismatch(
            f"The file holds {len(fitting)} sets of weights that fit the network: {places}. Save the one that you mean "
            "in a file of its own, with torch.save(state, path)."
        )
    found = fitting[0].state
    state = {name: _converted(name, found[name], own) for name, own in expected.items() if name in found}
    module.load_state_dict(state, strict=False)


def _readings(content: Content, expected: Mapping[str, Tensor], rename: Callable[[str], str]) -> Iterator[Reading]:
    for keys, state in find_states(content):
        for names in unwrap(state):
            for prefix in _prefixes(names, len(expected)):
                part = {name[len(prefix) :]: tensor for name, tensor in names.items() if name.startswith(prefix)}
                renamed = {_rename(rename, name): tensor for name, tensor in part.items()}
                if len(renamed) == len(part):  # no two tensors have come to one name
                    yield Reading(keys, prefix, renamed, expected)


def unwrap(state: State) -> list[State]:
    """Return the state as it is, and under the names that it has without the parts that wrappers of torch put in."""
    variants = [state]
    for wrappers in (WRAPPERS, ALL_WRAPPERS):
        unwrapped = {_without_parts(name, wrappers): tensor for name, tensor in state.items()}
        if unwrapped.keys() != variants[-1].keys() and len(unwrapped) == len(state):
            variants.append(unwrapped)
    return variants


def _prefixes(names: Mapping[str, Tensor], expected: int) -> list[str]:
    """Return the prefixes that at least half as many names have as are expected, the empty one first."""
    counts: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")[:-1]
        counts.update(".".join(parts[:count]) + "." for count in range(1, min(len(parts), MAX_PREFIX_PARTS) + 1))
    return ["", *(prefix for prefix, count in counts.items() if 2 * count >= expected)]


def _without_parts(name: str, parts: Collection[str]) -> str:
    return ".".join(part for part in name.split(".") if part not in parts)


def _rename(rename: Callable[[str], str], name: str) -> str:
    try:
        return rename(name)
    except (LookupError, ValueError):  # a rule for the names of its own weights alone
        return name


def _converted(name: str, tensor: Tensor, expected: Tensor) -> Tensor:
    """Return a tensor in the precision that the module is built in. Raises WeightsUnreadable where it has no values."""
    try:
        values = tensor.dequantize() if tensor.is_quantized else tensor
        if values.layout is not torch.strided or values.is_meta or values.is_complex() != expected.is_complex():
            raise TypeError
        if expected.is_floating_point():
            if not values.is_floating_point():
                raise TypeError
            values = values.float()
    except (RuntimeError, NotImplementedError, TypeError):
        kind = f"{tensor.dtype}".removeprefix("torch.")
        raise WeightsUnreadable(
            f"The tensor {name} holds {kind}{'' if tensor.layout is torch.strided else ' (sparse)'} where the network "
            f"has {f'{expected.dtype}'.removeprefix('torch.')}: save the weights unquantised, as float32."
        ) from None
    if values.is_floating_point() and not torch.isfinite(values).all():
        raise WeightsUnreadable(f"The tensor {name} holds NaN or infinity: take weights of a training that went well.")
    return values


def _mismatch(content: Content, nearest: Reading) -> WeightsMismatch:
    """Return the error that no reading fits, with what differs in the nearest one."""
    state, expected = nearest.state, nearest.expected
    if nearest.mismatched and not nearest.missing and not nearest.unexpected:
        _check_classes([(state[n].shape, expected[n].shape) for n in nearest.mismatched])
    shapes = [
        f"{n} is {_shape(state[n].shape)} where the network has {_shape(expected[n].shape)}" for n in nearest.mismatched
    ]
    complaints = [
        f"{title} {len(names)} ({_listed(names)})"
        for title, names in (
            ("missing:", [f"{n} {_shape(expected[n].shape)}" for n in nearest.missing]),
            ("unexpected:", [f"{n} {_shape(state[n].shape)}" for n in nearest.unexpected]),
            ("of another shape:", shapes),
        )
        if names
    ]
    where = f" {nearest.where}" if nearest.where else ""
    is_flat = all(isinstance(value, Tensor) for value in content.values())
    holds = "" if is_flat else f" The file holds the keys {list_keys(content)}."
    return WeightsMismatch(
        f"The weights are of another network. Tensors{where} {'; '.join(complaints)}.{holds}",
        missing=nearest.missing,
        unexpected=nearest.unexpected,
        shapes=shapes,
    )


def _check_classes(mismatched: list[tuple[torch.Size, torch.Size]]) -> None:
    """Raise WeightsMismatch if the tensors differ only in the number of classes."""
    outputs = {(actual[:1], expected[:1]) for actual, expected in mismatched}
    if len(outputs) == 1 and all(actual[1:] == expected[1:] for actual, expected in mismatched):
        ((actual, expected),) = outputs
        raise WeightsMismatch(
            f"The weights are of a network of {_shape(actual)} classes, but there are {_shape(expected)} labels: "
            f"give a file with {_shape(actual)} labels, one a line."
        )


def _listed(names: list[str]) -> str:
    return ", ".join([*names[:MAX_LISTED_TENSORS], *(["..."] if len(names) > MAX_LISTED_TENSORS else [])])


def _shape(shape: torch.Size) -> str:
    return "x".join(str(side) for side in shape) or "a number"

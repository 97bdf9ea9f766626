"""Reads weights without running anything that a file brings along, and says exactly what does not fit."""

import hashlib
import io
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from app.contract.errors import ChecksumMismatch, WeightsMismatch, WeightsUnreadable, WeightsUnsafe

State = dict[str, Tensor]

ADVICE = "Save a state dict as safetensors, or with torch.save(module.state_dict(), path)."
SHOWN = 5  # of each kind of misfit
COUNTER = "num_batches_tracked"  # of batch normalisation: of no use after training, and not in every file


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsUnreadable(f"The weights {path} cannot be read: {error.strerror or error}.") from None


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check(data: bytes, expected: str) -> None:
    found = checksum(data)
    if found != expected.lower():
        raise ChecksumMismatch(
            f"The weights have the sha256 {found}, not {expected}: they are damaged, or of another version. "
            "Fetch them again.",
            found=found,
        )


def read_state(data: bytes) -> State:
    """The tensors by name, floating ones as 32 bits. Safetensors, or what torch.save wrote (never run)."""
    if data[8:9] == b"{":
        state = _safetensors(data)
    elif data[:2] in (b"PK", b"\x80\x02"):  # torch.save's archive, and its pickle before that
        state = _torch(data)
    elif data[:1] == b"\x80":
        raise WeightsUnsafe(f"The file is a bare pickle, which can run code when it is read. {ADVICE}")
    else:
        raise WeightsUnreadable("This is no weights file: save a state dict as safetensors or with torch.save.")
    for name, tensor in state.items():
        if tensor.is_floating_point():
            state[name] = tensor.float()
            if not torch.isfinite(tensor).all():
                raise WeightsUnreadable(
                    f"The tensor {name} holds NaN or infinity: take weights of a training that went well."
                )
    return state


def _safetensors(data: bytes) -> State:
    try:
        return safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsUnreadable(f"The safetensors file is damaged or cut short ({error}): fetch it again.") from None


def _torch(data: bytes) -> State:
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _pickle_error(str(error), data) from None
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsUnreadable(f"The weights file is damaged or cut short ({first}): fetch it again.") from None
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]  # a training checkpoint
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsUnreadable("The file holds no state dict: save `module.state_dict()`, names to tensors.")
    return dict(content)


def _pickle_error(message: str, data: bytes) -> WeightsUnreadable | WeightsUnsafe:
    wanted = re.search(r"GLOBAL (\w+(?:\.\w+)+)", message)
    if wanted is None or _ends_within(data, wanted[1]):
        return WeightsUnreadable("The weights file is damaged, or no weights file: fetch it again.")
    return WeightsUnsafe(
        f"The weights file wants {wanted[1]} when it is read, which can run code; it was not read. {ADVICE}"
    )


def _ends_within(data: bytes, name: str) -> bool:
    """Whether the file is cut short within the name that it seems to want. The reader takes the last character of an
    unfinished line for its end.
    """
    return not data.endswith(b"\n") and data[:-1].endswith("\n".join(name.rsplit(".", 1)).encode())


def fill(module: nn.Module, state: State, rename: Callable[[str], str]) -> None:
    """Copies the tensors into the module; all must fit."""
    given = {rename(name): tensor for name, tensor in state.items()}
    wanted = module.state_dict()
    missing = [n for n in wanted if n not in given and not n.endswith(COUNTER)]
    unexpected = [n for n in given if n not in wanted and not n.endswith(COUNTER)]
    unlike = [n for n in wanted if n in given and given[n].shape != wanted[n].shape]
    shapes = [f"{n} is {_shape(given[n].shape)} where the network has {_shape(wanted[n].shape)}" for n in unlike]
    if unlike and not missing and not unexpected:
        _check_classes([(given[n].shape, wanted[n].shape) for n in unlike])
    complaints = [
        f"{title} {len(names)} ({', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''})"
        for title, names in (
            ("missing:", [f"{n} {_shape(wanted[n].shape)}" for n in missing]),
            ("unexpected:", [f"{n} {_shape(given[n].shape)}" for n in unexpected]),
            ("of another shape:", shapes),
        )
        if names
    ]
    if complaints:
        raise WeightsMismatch(
            f"The weights are of another network. Tensors {'; '.join(complaints)}.",
            missing=missing,
            unexpected=unexpected,
            shapes=shapes,
        )
    module.load_state_dict({n: t for n, t in given.items() if n in wanted}, strict=False)


def _check_classes(unlike: list[tuple[torch.Size, torch.Size]]) -> None:
    """Where nothing differs but the number of outputs, that is the thing to say."""
    outputs = {(given[:1], wanted[:1]) for given, wanted in unlike}
    if len(outputs) == 1 and all(given[1:] == wanted[1:] for given, wanted in unlike):
        ((given, wanted),) = outputs
        raise WeightsMismatch(
            f"The weights are of a network of {_shape(given)} classes, but there are {_shape(wanted)} labels: "
            f"give a file with {_shape(given)} labels, one a line."
        )


def _shape(shape: torch.Size) -> str:
    return "x".join(str(side) for side in shape) or "a number"

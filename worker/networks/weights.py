"""Read weights files without running code that they may contain, and copy the tensors into a module."""

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

SAVE_ADVICE = "Save a state dict as safetensors, or with torch.save(module.state_dict(), path)."
MAX_LISTED_TENSORS = 5  # in an error message, of each kind of mismatch
BATCH_COUNTER = "num_batches_tracked"  # of batch normalisation: unused after training, and not in every file


def read_weights(path: Path) -> bytes:
    """Return the content of a weights file. Raises WeightsUnreadable if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsUnreadable(f"The weights {path} cannot be read: {error.strerror or error}.") from None


def compute_checksum(data: bytes) -> str:
    """Return the sha256 of the weights as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def verify_checksum(data: bytes, expected: str) -> None:
    """Raise ChecksumMismatch unless the weights have the expected sha256."""
    actual = compute_checksum(data)
    if actual != expected.lower():
        raise ChecksumMismatch(
            f"The weights have the sha256 {actual}, not {expected}: they are damaged, or of another version. "
            "Fetch them again.",
            found=actual,
        )


def parse_weights(data: bytes) -> State:
    """Return the tensors by name, floating-point ones as float32, from safetensors or a file of torch.save.

    Code inside a pickle is never run. Raises WeightsUnsafe for a pickle that needs to run code, WeightsUnreadable for
    any other file that holds no state dict, or one with values that are not finite.
    """
    if data[8:9] == b"{":
        state = _safetensors(data)
    elif data[:2] in (b"PK", b"\x80\x02"):  # the archive that torch.save writes, and its older pickle
        state = _torch(data)
    elif data[:1] == b"\x80":
        raise WeightsUnsafe(f"The file is a bare pickle, which can run code when it is read. {SAVE_ADVICE}")
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
    unsafe_name = re.search(r"GLOBAL (\w+(?:\.\w+)+)", message)
    if unsafe_name is None or _ends_within(data, unsafe_name[1]):
        return WeightsUnreadable("The weights file is damaged, or no weights file: fetch it again.")
    return WeightsUnsafe(
        f"The weights file wants {unsafe_name[1]} when it is read, which can run code; it was not read. {SAVE_ADVICE}"
    )


def _ends_within(data: bytes, name: str) -> bool:
    """Return whether the file is cut short within a name, so that it only seems to need unsafe code.

    The unpickler takes the last character of an unfinished line for the line break.
    """
    return not data.endswith(b"\n") and data[:-1].endswith("\n".join(name.rsplit(".", 1)).encode())


def load_state(module: nn.Module, state: State, rename: Callable[[str], str]) -> None:
    """Copy the tensors into the module under their new names.

    Raises WeightsMismatch, which lists them, if tensors are missing, unexpected or of another shape.
    """
    actual = {rename(name): tensor for name, tensor in state.items()}
    expected = module.state_dict()
    missing = [n for n in expected if n not in actual and not n.endswith(BATCH_COUNTER)]
    unexpected = [n for n in actual if n not in expected and not n.endswith(BATCH_COUNTER)]
    mismatched = [n for n in expected if n in actual and actual[n].shape != expected[n].shape]
    shapes = [f"{n} is {_shape(actual[n].shape)} where the network has {_shape(expected[n].shape)}" for n in mismatched]
    if mismatched and not missing and not unexpected:
        _check_classes([(actual[n].shape, expected[n].shape) for n in mismatched])
    complaints = [
        f"{title} {len(names)} ({_listed(names)})"
        for title, names in (
            ("missing:", [f"{n} {_shape(expected[n].shape)}" for n in missing]),
            ("unexpected:", [f"{n} {_shape(actual[n].shape)}" for n in unexpected]),
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
    module.load_state_dict({n: t for n, t in actual.items() if n in expected}, strict=False)


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

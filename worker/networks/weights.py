"""Read weights files of any form, running no code that they contain, and no larger than their network can need."""

import hashlib
import io
import json
import os
import pickle
import re
import zipfile
import zlib
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from app.contract.errors import ChecksumMismatch, WeightsUnreadable, WeightsUnsafe

State = dict[str, Tensor]
Content = Mapping[str, object]  # of a weights file: tensors by name, or dictionaries that hold such

SAVE_ADVICE = "Save a state dict as safetensors, or with torch.save(module.state_dict(), path)."
MAX_DEPTH = 4  # of dictionaries within dictionaries in which tensors are looked for
MAX_HEADER_BYTES = 25_000_000  # of a safetensors file; a tensor takes about 100
# What a pickle may call and fill the memory with: bytearray(10**11), or hex of hex of hex
EXPANDING_CALLS = {b"\nbytearray\n": "bytearray", b"_codecs\nencode\n": "_codecs.encode"}
MATLAB_MAGICS = (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file", b"\x89HDF\r\n\x1a\n")  # the last of any HDF5
MATLAB_EXPANSION = 8  # times its size that a MATLAB file may expand to where no other bound is given
PUBLISHED_NAME = re.compile(r"-(?=[0-9]*[a-f])([0-9a-f]{8})\.(?:pth?|safetensors)$")
TRAINING_LOG = b"mmengine.logging.history_buffer\nHistoryBuffer\n"  # what checkpoints of mmengine's trainings pickle
SHARD_NAME = re.compile(r"-\d+-of-\d+\.")


def read_weights(path: Path, max_bytes: int | None = None) -> bytes:
    """Return the content of a weights file. Shards are joined: `path` is their index (`*.index.json`) or its folder.

    Raises WeightsUnreadable if it cannot be read or has more than `max_bytes`.
    """
    if os.path.isdir(path):  # noqa: PTH112 - unlike Path.is_dir, false for what cannot be looked at
        path = _index_in(path)
    data = _read_file(path, max_bytes)
    return _join_shards(path, data, max_bytes) if path.suffix == ".json" else data


def _read_file(path: Path, max_bytes: int | None) -> bytes:
    try:
        size = path.stat().st_size
        if max_bytes is not None and size > max_bytes:
            raise too_large(f"The weights {path} have {size:,} bytes", max_bytes)
        return path.read_bytes()
    except OSError as error:
        raise WeightsUnreadable(f"The weights {path} cannot be read: {error.strerror or error}.") from None


def too_large(what: str, max_bytes: int) -> WeightsUnreadable:
    """Return the error that weights declare more bytes than any training of their network would leave."""
    return WeightsUnreadable(
        f"{what}; the network with all that a training adds takes no more than {max_bytes:,}. They are of another "
        f"network, or made to fill the memory. {SAVE_ADVICE}"
    )


def _index_in(folder: Path) -> Path:
    indices = sorted(folder.glob("*.index.json"))
    if len(indices) != 1:
        raise WeightsUnreadable(
            f"{folder} is a folder with {len(indices) or 'no'} index of shards (*.index.json): give a weights file."
        )
    return indices[0]


def _join_shards(index: Path, content: bytes, max_bytes: int | None) -> bytes:
    """Return the tensors of all shards that an index with this content names, as one safetensors file."""
    try:
        names = json.loads(content)["weight_map"]
        files = sorted(set(names.values()))
        if not files or not all(isinstance(file, str) and Path(file).name == file for file in files):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WeightsUnreadable(
            f"{index} is no index of shards: it must have a `weight_map` from tensors to files beside it."
        ) from None
    joined: State = {}
    total = 0
    for file in files:
        data = _read_file(index.with_name(file), None if max_bytes is None else max_bytes - total)
        total += len(data)
        shard = parse_weights(data, max_bytes)
        for name in (name for name, holder in names.items() if holder == file):
            tensor = shard.get(name)
            if not isinstance(tensor, Tensor):
                raise WeightsUnreadable(f"The shard {file} lacks the tensor {name} that {index.name} says it holds.")
            joined[name] = tensor.contiguous().clone()
    return safetensors.torch.save(joined)


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


def verify_named_checksum(data: bytes, path: Path) -> None:
    """Raise ChecksumMismatch unless the weights have the sha256 with whose first digits a published file's name ends.

    `r3d_18-b3b3357e.pth` is such a name, of torch.hub's convention. Eight decimal digits alone may be a date.
    """
    found = PUBLISHED_NAME.search(path.name)
    actual = compute_checksum(data)
    if found is not None and not actual.startswith(found[1]):
        raise ChecksumMismatch(
            f"By its name, the sha256 of {path} begins with {found[1]}; it is {actual}. The file is damaged, or holds "
            "other weights: fetch it again. If you saved it yourself, give it a name without these digits.",
            found=actual,
        )


def parse_weights(data: bytes, max_bytes: int | None = None) -> Content:
    """Return what a file of safetensors, torch.save or MATLAB holds: tensors by name, or dictionaries that hold such.

    Code inside a pickle is never run. An archive may expand to `max_bytes`, or the size of the file where that is more.

    Raises WeightsUnsafe for a pickle that needs to run code, WeightsUnreadable for any other file without a state dict.
    """
    if data[8:9] == b"{":
        return _safetensors(data)
    if data.startswith(MATLAB_MAGICS):
        from worker.networks.matlab_weights import parse_matlab  # which imports this module

        return parse_matlab(data, max(len(data), max_bytes or len(data) * MATLAB_EXPANSION))
    if data[:2] == b"PK":  # the archive that torch.save writes
        pickled = _check_archive(data, max(len(data), max_bytes or 0))
    elif data[:2] != b"\x80\x02":  # its older pickle
        if data[:1] == b"\x80":
            raise WeightsUnsafe(f"The file is a bare pickle, which can run code when it is read. {SAVE_ADVICE}")
        raise WeightsUnreadable("This is no weights file: save a state dict as safetensors or with torch.save.")
    else:
        pickled = data
    if TRAINING_LOG in pickled:
        raise WeightsUnsafe(
            "This is a checkpoint of a training by mmengine, whose log (`message_hub`) is pickled objects: they can "
            "run code when they are read, and it was not read. Where you trust it, keep its weights and config alone: "
            "checkpoint = torch.load(FILE, weights_only=False); torch.save({key: checkpoint[key] for key in "
            "('meta', 'state_dict')}, 'plain.pth')."
        )
    for call, name in EXPANDING_CALLS.items():
        if call in pickled:
            raise WeightsUnsafe(
                f"The weights file wants {name} when it is read, which can fill the memory; it was not read. "
                f"{SAVE_ADVICE}"
            )
    return _torch(data)


def _safetensors(data: bytes) -> State:
    if int.from_bytes(data[:8], "little") > min(len(data), MAX_HEADER_BYTES):
        raise WeightsUnreadable("The safetensors file is damaged or cut short (its header): fetch it again.")
    try:
        state = safetensors.torch.load(data)
    except KeyError as error:
        raise WeightsUnreadable(
            f"The safetensors file holds tensors of the type {error}, which cannot be converted: save them as float32."
        ) from None
    except (SafetensorError, ValueError) as error:
        raise WeightsUnreadable(f"The safetensors file is damaged or cut short ({error}): fetch it again.") from None
    if not state:
        raise WeightsUnreadable("The safetensors file holds no tensors: save `module.state_dict()`.")
    return state


def _check_archive(data: bytes, max_bytes: int) -> bytes:
    """Return the pickle in an archive of torch.save.

    Raises WeightsUnreadable for an archive that torch.save has not written, or that expands to more than `max_bytes`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_entries(archive.infolist(), len(data), max_bytes)
            pickles = [entry for entry in archive.infolist() if entry.filename.rpartition("/")[2] == "data.pkl"]
            return b"".join(map(archive.read, pickles))  # of several of one name, each
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        OverflowError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise WeightsUnreadable(f"The weights file is damaged or cut short ({error}): fetch it again.") from None


def _check_entries(entries: Sequence[zipfile.ZipInfo], size: int, max_bytes: int) -> None:
    names = [entry.filename for entry in entries]
    if any("/code/" in f"/{name}" or name.rpartition("/")[2] == "constants.pkl" for name in names):
        raise WeightsUnsafe(
            "This is a TorchScript archive, which holds a program and not weights alone; it was not read. Save its "
            'weights: torch.save(torch.jit.load("file.pt").state_dict(), "weights.pt").'
        )
    if not any(name.rpartition("/")[2] == "data.pkl" for name in names):
        first = ", ".join(names[:3]) or "nothing"
        raise WeightsUnreadable(f"This archive is not one of torch.save (it holds {first}). {SAVE_ADVICE}")
    declared = sum(entry.file_size for entry in entries)
    if declared > max_bytes:
        raise too_large(f"The archive of {size:,} bytes expands to {declared:,}", max_bytes)


def _torch(data: bytes) -> Content:
    try:
        with torch.serialization.safe_globals([Namespace]):  # a training's options, plain values in a plain object
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _pickle_error(str(error), data) from None
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsUnreadable(f"The weights file is damaged or cut short ({first}): fetch it again.") from None
    if not isinstance(content, Mapping) or not any(True for _ in find_states(content)):
        holds = f"a {type(content).__name__}"
        if isinstance(content, Mapping):
            holds = f"the keys {list_keys(content)}" if content else "nothing"
        raise WeightsUnreadable(
            f"The file holds no state dict, but {holds}: save `module.state_dict()`, names to tensors."
        )
    return content


def find_states(content: Content) -> Iterator[tuple[tuple[str, ...], State]]:
    """Yield every dictionary in the content of a weights file that holds tensors by name, with the keys to it.

    What else such a dictionary holds (the number of an epoch, say) is left out. Outer dictionaries come first.
    """
    waiting: list[tuple[tuple[str, ...], Content]] = [((), content)]
    while waiting:
        keys, mapping = waiting.pop(0)
        names = {name: value for name, value in mapping.items() if isinstance(name, str)}
        state = {name: value for name, value in names.items() if isinstance(value, Tensor)}
        if state:
            yield keys, state
        if len(keys) < MAX_DEPTH:
            waiting += [((*keys, name), value) for name, value in names.items() if isinstance(value, Mapping)]


def list_keys(content: Content, most: int = 8) -> str:
    """Return the first keys of a dictionary in words."""
    keys = [str(key) for key in list(content)[: most + 1]]
    return ", ".join(keys[:most] + ["..."] * (len(keys) > most))


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

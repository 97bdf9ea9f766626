"""Read MATLAB's files as plain Python values. No class of MATLAB is loaded and nothing in a file is run.

A struct becomes a dictionary, a struct array and a cell a list in MATLAB's order (columns first), text a string, and an
array of numbers a NumPy array with MATLAB's axes. Objects and function handles become an `Unread`.
"""

import importlib
import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.contract.errors import InvalidRequest, WeightsUnreadable
from worker.networks.weights import too_large

Value = Any  # dict[str, Value] | list[Value] | str | NDArray | Unread
Array = npt.NDArray[Any]

V5_MAGIC, V73_MAGIC = b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file"
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
V73_HEADER_BYTES = 512
HEADER_BYTES = 128
MATRIX, COMPRESSED = 14, 15  # types of data elements in the format of version 5
CELL, STRUCT, OBJECT = 1, 2, 3  # classes of arrays that hold others
MAX_DEPTH = 24  # of arrays within arrays; networks have 6
DAMAGED = "The MATLAB file is damaged or cut short ({}): fetch it again."


@dataclass(frozen=True)
class Unread:
    """Something of MATLAB that is not read: an object or a function handle."""

    kind: str


def read_matlab(data: bytes, max_bytes: int) -> dict[str, Value]:
    """Return the variables of a MATLAB file, which may expand to `max_bytes`.

    Raises WeightsUnreadable for a file that is damaged, too large, or none of MATLAB's.
    """
    if data.startswith(HDF5_MAGIC):
        raise WeightsUnreadable(
            "This is an HDF5 file, but not one of MATLAB (Keras saves such): give a .mat file, or the network's "
            "weights as safetensors."
        )
    if data.startswith(V73_MAGIC):
        if data[V73_HEADER_BYTES : V73_HEADER_BYTES + 8] != HDF5_MAGIC:
            raise WeightsUnreadable(DAMAGED.format("its header is followed by no HDF5"))
        from worker.networks.matlab_hdf5 import read_hdf5

        return read_hdf5(data, max_bytes)
    expanded = _expand(data, max_bytes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a variable that occurs twice, or of an unreadable one
            read = _import_scipy().loadmat(io.BytesIO(expanded))
    except (ValueError, TypeError, KeyError, OSError, EOFError, MemoryError, OverflowError, struct.error) as error:
        raise WeightsUnreadable(DAMAGED.format(error)) from None
    return {name: _plain(value) for name, value in read.items() if not name.startswith("__")}


def _import_scipy() -> Any:
    try:
        return importlib.import_module("scipy.io")
    except ImportError as error:
        raise InvalidRequest(
            f"MATLAB files are read by scipy, which cannot be imported ({error}): run `.venv/bin/pip install -e "
            "'.[hub]'` in the project's folder."
        ) from None


def _expand(data: bytes, max_bytes: int) -> bytes:
    """Return a file of version 5 with its elements uncompressed, after a look at the sizes that it declares."""
    if len(data) < HEADER_BYTES:
        raise WeightsUnreadable(DAMAGED.format("it ends within its header"))
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise WeightsUnreadable(DAMAGED.format("its header names no byte order"))
    parts, total, at = [data[:HEADER_BYTES]], HEADER_BYTES, HEADER_BYTES
    while at < len(data):
        kind, size, start, end = _read_tag(data, at, len(data), order)
        element = data[at:end]
        if kind == COMPRESSED:
            element = _decompress(data[start : start + size], max_bytes - total)
            inner, _, _, _ = _read_tag(element, 0, len(element), order)
            kind, end = inner, start + size  # a compressed element is not padded
        if kind == MATRIX:
            _check_matrix(element, 0, len(element), order, 0)
        parts.append(element)
        total += len(element)
        at = end
    return b"".join(parts)


def _decompress(data: bytes, max_bytes: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        element = stream.decompress(data, max(max_bytes, 1))
    except zlib.error as error:
        raise WeightsUnreadable(DAMAGED.format(error)) from None
    if stream.unconsumed_tail:
        raise too_large("The MATLAB file expands to more", max_bytes)
    if not stream.eof:
        raise WeightsUnreadable(DAMAGED.format("a compressed variable has no end"))
    return element


def _read_tag(data: bytes, at: int, end: int, order: str) -> tuple[int, int, int, int]:
    """Return type and size of the data element at a position, where its data begin, and where the next one is."""
    if at + 8 > end:
        raise WeightsUnreadable(DAMAGED.format("it ends within an array"))
    kind, size = struct.unpack_from(f"{order}II", data, at)
    if kind >> 16:  # a small element has its size in the same four bytes, and its data in the next four
        return kind & 0xFFFF, kind >> 16, at + 4, at + 8
    if at + 8 + size > end:
        raise WeightsUnreadable(DAMAGED.format(f"an array of {size:,} bytes goes beyond the end"))
    return kind, size, at + 8, min(end, at + 8 + size + (-size % 8))


def _check_matrix(data: bytes, at: int, end: int, order: str, depth: int) -> None:
    """Raise WeightsUnreadable for an array that holds fewer bytes than the arrays within it that it declares.

    For these the reader would take memory before it finds out.
    """
    if depth > MAX_DEPTH:
        raise WeightsUnreadable(f"The MATLAB file has arrays within arrays, {MAX_DEPTH} deep: no network has.")
    _, size, at, _ = _read_tag(data, at, end, order)
    if size == 0:
        return
    end = at + size
    _, _, flags, at = _read_tag(data, at, end, order)
    _, dimension_bytes, dimensions, at = _read_tag(data, at, end, order)
    kind = struct.unpack_from(f"{order}I", data, flags)[0] & 0xFF
    if kind not in (CELL, STRUCT, OBJECT):
        return
    count = 1
    for side in struct.unpack_from(f"{order}{dimension_bytes // 4}i", data, dimensions):
        count *= side
    _, _, _, at = _read_tag(data, at, end, order)  # the name
    if kind == OBJECT:
        _, _, _, at = _read_tag(data, at, end, order)
    if kind != CELL:
        _, _, start, at = _read_tag(data, at, end, order)
        (longest,) = struct.unpack_from(f"{order}i", data, start)
        _, names, _, at = _read_tag(data, at, end, order)
        count *= names // max(longest, 1)
    if not 0 <= count <= (end - at) // 8:
        raise WeightsUnreadable(f"The MATLAB file declares {count:,} arrays in {end - at:,} bytes: it is damaged.")
    for _ in range(count):
        kind, _, _, after = _read_tag(data, at, end, order)
        if kind == MATRIX:
            _check_matrix(data, at, end, order, depth + 1)
        at = after


def _plain(value: Any) -> Value:
    """Return what scipy has read as plain values."""
    scipy = _import_scipy().matlab
    if isinstance(value, scipy.MatlabOpaque | scipy.MatlabFunction):
        return Unread("a function handle" if isinstance(value, scipy.MatlabFunction) else "an object")
    if isinstance(value, scipy.MatlabObject):
        return Unread(f"an object of the class {value.classname}")
    if not isinstance(value, np.ndarray):
        return Unread(f"a {type(value).__name__}")
    if value.dtype.names is not None:
        records = value.ravel(order="F")
        structs = [{name: _plain(record[name]) for name in value.dtype.names} for record in records]
        return structs[0] if value.shape == (1, 1) else structs
    if value.dtype.kind == "O":
        return [_plain(item) for item in value.ravel(order="F")]
    if value.dtype.kind == "U":
        texts = [str(text) for text in value.ravel(order="F")]
        return texts[0] if len(texts) == 1 else texts or ""
    return value

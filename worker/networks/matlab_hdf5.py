"""Read MATLAB's files of version 7.3, which are HDF5: axes reversed, cells and struct arrays as references."""

import importlib
import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.contract.errors import InvalidRequest, WeightsUnreadable
from worker.networks.matlab_file import DAMAGED, MAX_DEPTH, MAX_ITEMS, Unread, Value
from worker.networks.weights import too_large

REFERENCES = "#refs#"  # the group in which MATLAB keeps what cells refer to
SUBSYSTEM = "#subsystem#"  # in which it keeps objects


def read_hdf5(data: bytes, max_bytes: int) -> dict[str, Value]:
    """Return the variables of a file of version 7.3, whose arrays may take `max_bytes`."""
    h5py = _import_h5py()
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            reader = _Reader(h5py, file, max_bytes)
            return {name: reader.read_member(file, name, 0) for name in file if name not in (REFERENCES, SUBSYSTEM)}
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsUnreadable(DAMAGED.format(first)) from None


def _import_h5py() -> Any:
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise InvalidRequest(
            f"MATLAB files of version 7.3 are read by h5py, which cannot be imported ({error}): run `.venv/bin/pip "
            "install -e '.[hub]'` in the project's folder, or save the network in MATLAB with `save(..., '-v7')`."
        ) from None


@dataclass
class _Reader:
    h5py: Any
    file: Any
    max_bytes: int
    taken: int = field(default=0)  # bytes so far
    items: int = field(default=0)

    def read_member(self, group: Any, name: str, depth: int) -> Value:
        """Return a member of a group. One that lies in another file is refused."""
        if not isinstance(group.get(name, getlink=True), self.h5py.HardLink):
            raise WeightsUnreadable(
                f"`{name}` in the MATLAB file is a link, which MATLAB does not write: it was not read."
            )
        return self.read(group[name], depth)

    def read(self, item: Any, depth: int) -> Value:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise WeightsUnreadable(
                f"The MATLAB file has more than {MAX_ITEMS:,} arrays, or arrays {MAX_DEPTH} deep in others: no network "
                "has."
            )
        kind = item.attrs.get("MATLAB_class", b"")
        kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
        if "MATLAB_object_decode" in item.attrs or kind == "function_handle":
            return Unread("a function handle" if kind == "function_handle" else f"an object of the class {kind}")
        if isinstance(item, self.h5py.Group):
            return self._read_struct(item, depth)
        if not isinstance(item, self.h5py.Dataset):
            return Unread("a type")
        if item.external or item.is_virtual:
            raise WeightsUnreadable(f"`{item.name}` in the MATLAB file lies in another file: it was not read.")
        if item.attrs.get("MATLAB_empty", 0):
            return {"cell": [], "struct": [], "char": ""}.get(kind, np.zeros((0, 0)))
        self._take(item)
        if item.dtype == self.h5py.ref_dtype:
            return [self._follow(reference, depth) for reference in item[()].ravel()]
        if item.dtype.kind not in "biuf":
            return Unread(f"an array of {item.dtype}")
        values = item[()].T
        if kind == "char":
            rows = ["".join(chr(code) for code in row) for row in np.atleast_2d(values).astype(np.uint32)]
            return rows[0] if len(rows) == 1 else rows
        return values

    def _take(self, item: Any) -> None:
        self.taken += item.size * item.dtype.itemsize
        if self.taken > self.max_bytes:
            raise too_large(f"The arrays of the MATLAB file take {self.taken:,} bytes", self.max_bytes)

    def _follow(self, reference: Any, depth: int) -> Value:
        if not reference:
            raise WeightsUnreadable(DAMAGED.format("a cell refers to nothing"))
        return self.read(self.file[reference], depth + 1)

    def _read_struct(self, group: Any, depth: int) -> Value:
        """Return a struct; a struct array has references in each of its fields, which have no class of their own."""
        is_array = [
            isinstance(group[name], self.h5py.Dataset)
            and group[name].dtype == self.h5py.ref_dtype
            and "MATLAB_class" not in group[name].attrs
            for name in group
        ]
        fields = {name: self.read_member(group, name, depth + 1) for name in group}
        if not is_array or not all(is_array):
            return fields
        return [dict(zip(fields, values, strict=True)) for values in zip(*fields.values(), strict=True)]

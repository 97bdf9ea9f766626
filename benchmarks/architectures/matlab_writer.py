"""Write MATLAB files as MATLAB does: version 5 by scipy, version 7.3 as HDF5 with references and reversed axes."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Value = Any  # dict (a struct), StructArray, Cell, str, float or an array with MATLAB's axes


@dataclass(frozen=True)
class Cell:
    """A cell of 1 x n."""

    items: tuple[Value, ...]


@dataclass(frozen=True)
class StructArray:
    """A struct array of 1 x n, whose structs have the same fields."""

    items: tuple[Mapping[str, Value], ...]


def save_v5(path: Path, variables: Mapping[str, Value], *, compress: bool = True) -> None:
    """Save variables as MATLAB does with `-v7`, or with `-v6` uncompressed."""
    scipy = importlib.import_module("scipy.io")
    scipy.savemat(path, {name: _to_scipy(value) for name, value in variables.items()}, do_compression=compress)


def _to_scipy(value: Value) -> Any:
    if isinstance(value, Mapping):
        return _to_scipy(StructArray((value,)))
    if isinstance(value, StructArray):
        array = np.empty((1, len(value.items)), dtype=[(name, object) for name in value.items[0]])
        for index, struct in enumerate(value.items):
            for name, each in struct.items():
                array[0, index][name] = _to_scipy(each)
        return array
    if isinstance(value, Cell):
        cell = np.empty((1, len(value.items)), dtype=object)
        for index, each in enumerate(value.items):
            cell[0, index] = _to_scipy(each)
        return cell
    return value if isinstance(value, str) else np.atleast_2d(np.asarray(value))


def save_v73(path: Path, variables: Mapping[str, Value]) -> None:
    """Save variables as MATLAB does with `-v7.3`."""
    h5py = importlib.import_module("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        writer = _Hdf5Writer(h5py, file)
        for name, value in variables.items():
            writer.write(file, name, value)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2018 HDF5 schema 1.00 ."
    with path.open("r+b") as stream:
        stream.write(header.ljust(116) + bytes(8) + b"\x00\x02IM")


class _Hdf5Writer:
    def __init__(self, h5py: Any, file: Any) -> None:
        self.h5py, self.file, self.count = h5py, file, 0

    def write(self, group: Any, name: str, value: Value) -> Any:
        """Write a value into a group, and return its data set or group."""
        if isinstance(value, Mapping):
            item = group.create_group(name)
            for field, each in value.items():
                self.write(item, field, each)
            return self._mark(item, "struct")
        if isinstance(value, StructArray):
            item = group.create_group(name)
            for field in value.items[0]:
                self._write_references(item, field, [struct[field] for struct in value.items])
            return self._mark(item, "struct")
        if isinstance(value, Cell):
            if not value.items:
                return self._mark_empty(group, name, "cell")
            return self._mark(self._write_references(group, name, value.items), "cell")
        if isinstance(value, str):
            if not value:
                return self._mark_empty(group, name, "char")
            codes = np.array([[ord(character)] for character in value], np.uint16)
            item = group.create_dataset(name, data=codes)
            item.attrs["MATLAB_int_decode"] = np.int32(2)
            return self._mark(item, "char")
        array = np.atleast_2d(np.asarray(value))
        if not array.size:
            return self._mark_empty(group, name, "double")
        kinds = {"float32": "single", "float64": "double", "bool": "logical"}
        kind = kinds.get(str(array.dtype), str(array.dtype))
        stored = array.T.astype(np.uint8) if array.dtype == bool else array.T
        options = {"compression": "gzip", "shuffle": True} if array.size > 1 else {}
        return self._mark(group.create_dataset(name, data=np.ascontiguousarray(stored), **options), kind)

    def _write_references(self, group: Any, name: str, values: Any) -> Any:
        references = np.empty((len(values), 1), dtype=self.h5py.ref_dtype)
        refs = self.file.require_group("#refs#")
        for index, each in enumerate(values):
            self.count += 1
            references[index, 0] = self.write(refs, f"r{self.count}", each).ref
        return group.create_dataset(name, data=references, dtype=self.h5py.ref_dtype)

    def _mark(self, item: Any, kind: str) -> Any:
        item.attrs["MATLAB_class"] = np.bytes_(kind)
        return item

    def _mark_empty(self, group: Any, name: str, kind: str) -> Any:
        item = group.create_dataset(name, data=np.zeros(2, np.uint64))
        item.attrs["MATLAB_empty"] = np.uint8(1)
        return self._mark(item, kind)

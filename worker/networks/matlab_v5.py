"""Read MATLAB's files of version 5 to 7, element by element, as MathWorks documents them (MAT-File Format, 2019).

scipy reads them too, but a damaged file can end the process there, and arrays of declared sizes take memory before the
file proves to be shorter. Here nothing is taken before the bytes are there.
"""

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from app.contract.errors import WeightsUnreadable
from worker.networks.matlab_file import DAMAGED, MAX_DEPTH, MAX_ITEMS, Array, Unread, Value
from worker.networks.weights import too_large

HEADER_BYTES = 128
MATRIX, COMPRESSED = 14, 15  # types of data elements
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
CELL, STRUCT, OBJECT, CHAR = 1, 2, 3, 4  # classes of arrays
NUMERIC = range(6, 16)
NOT_READ = {3: "an object", 5: "a sparse array", 16: "a function handle", 17: "an object"}
OPAQUE = 17  # of classes that MATLAB itself defines, and which have no size
COMPLEX = 0x800
MAX_AXES = 32


def read_v5(data: bytes, max_bytes: int) -> dict[str, Value]:
    """Return the variables of a file, whose compressed ones may expand to `max_bytes` together."""
    order = {b"IM": "<", b"MI": ">"}.get(data[126:HEADER_BYTES])
    if order is None:
        raise WeightsUnreadable(DAMAGED.format("its header names no byte order"))
    variables: dict[str, Value] = {}
    items = 0
    for element in _elements(data, order, max_bytes):
        reader = _Reader(element, order, items)
        name, value, _ = reader.read_matrix(0, len(element), 0)
        items = reader.items
        if name:
            variables[name] = value
    return variables


def _elements(data: bytes, order: str, max_bytes: int) -> Iterator[memoryview]:
    """Yield the arrays of a file, uncompressed."""
    at, left = HEADER_BYTES, max_bytes
    file = _Reader(memoryview(data), order)
    while at < len(data):
        kind, size, start, after = file.read_tag(at, len(data))
        if kind == COMPRESSED:
            element = memoryview(_decompress(data[start : start + size], left))
            left -= len(element)
            after = start + size  # a compressed element is not padded
        else:
            element = file.data[at:after]
        if _Reader(element, order).read_tag(0, len(element))[0] == MATRIX:
            yield element
        at = after


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


class _Reader:
    """Reads the data elements in a buffer of one byte order. Positions are bytes from its start."""

    def __init__(self, data: memoryview, order: str, items: int = 0) -> None:
        """Start with the number of items that were read before, to which those read here are added."""
        self.data, self.order, self.items = data, order, items

    def read_tag(self, at: int, end: int) -> tuple[int, int, int, int]:
        """Return type and size of the data element at a position, where its data begin, and where the next one is."""
        if at + 8 > end:
            raise WeightsUnreadable(DAMAGED.format("it ends within an array"))
        kind, size = struct.unpack_from(f"{self.order}II", self.data, at)
        if kind >> 16:  # a small element has its size in the same four bytes, and its data in the next four
            kind, size, start, after = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        else:
            start, after = at + 8, at + 8 + size + (-size % 8)
        if start + size > min(after, end):
            raise WeightsUnreadable(DAMAGED.format(f"an array of {size:,} bytes goes beyond the end"))
        return kind, size, start, min(after, end)

    def read_numbers(self, at: int, end: int) -> tuple[Array, int]:
        """Return the numbers of a data element, and where the next one is."""
        kind, size, start, after = self.read_tag(at, end)
        if kind not in NUMBERS:
            raise WeightsUnreadable(DAMAGED.format(f"numbers of the type {kind}"))
        dtype = np.dtype(self.order + NUMBERS[kind])
        if size % dtype.itemsize:
            raise WeightsUnreadable(DAMAGED.format("an array ends within a number"))
        return np.frombuffer(self.data, dtype, size // dtype.itemsize, start), after

    def read_text(self, at: int, end: int) -> tuple[str, int]:
        kind, size, start, after = self.read_tag(at, end)
        encoding = TEXTS.get(kind)
        if encoding is None:
            raise WeightsUnreadable(DAMAGED.format(f"text of the type {kind}"))
        ending = {"<": "-le", ">": "-be"}[self.order] if encoding in ("utf-16", "utf-32") else ""
        return bytes(self.data[start : start + size]).decode(encoding + ending, "replace"), after

    def read_matrix(self, at: int, end: int, depth: int) -> tuple[str, Value, int]:
        """Return name and value of an array, and where the next data element is."""
        if depth > MAX_DEPTH:
            raise WeightsUnreadable(f"The MATLAB file has arrays within arrays, {MAX_DEPTH} deep: no network has.")
        kind, size, at, after = self.read_tag(at, end)
        if kind != MATRIX:
            raise WeightsUnreadable(DAMAGED.format(f"an element of the type {kind} where an array was expected"))
        if size == 0:
            return "", np.zeros((0, 0)), after
        end = at + size
        flags, at = self.read_numbers(at, end)
        if flags.dtype.kind == "f" or not len(flags):
            raise WeightsUnreadable(DAMAGED.format("an array without a class"))
        array_class, is_complex = int(flags[0]) & 0xFF, bool(int(flags[0]) & COMPLEX)
        if array_class == OPAQUE:
            return self.read_text(at, end)[0], Unread(NOT_READ[OPAQUE]), after
        shape, at = self._read_shape(at, end)
        name, at = self.read_text(at, end)
        if array_class in NOT_READ:
            return name, self._describe(array_class, at, end), after
        if array_class in (CELL, STRUCT):
            return name, self._read_items(array_class, shape, at, end, depth), after
        if array_class == CHAR:
            return name, self._read_characters(shape, at, end), after
        if array_class not in NUMERIC or is_complex:
            return name, Unread("an array of complex numbers" if is_complex else "an array of an unknown class"), after
        values, _ = self.read_numbers(at, end)
        if len(values) != math.prod(shape):
            raise WeightsUnreadable(DAMAGED.format(f"an array {shape} of {len(values):,} numbers"))
        return name, values.reshape(shape, order="F"), after

    def _read_shape(self, at: int, end: int) -> tuple[tuple[int, ...], int]:
        sides, at = self.read_numbers(at, end)
        shape = tuple(int(side) for side in sides[: MAX_AXES + 1])
        if not 2 <= len(shape) <= MAX_AXES or min(shape) < 0 or sides.dtype.kind == "f":
            raise WeightsUnreadable(DAMAGED.format(f"an array of the shape {shape}"))
        return shape, at

    def _read_items(self, array_class: int, shape: tuple[int, ...], at: int, end: int, depth: int) -> Value:
        """Return a cell, a struct, or a struct array."""
        fields: list[str] = []
        count = math.prod(shape)
        if array_class == STRUCT:
            length, at = self.read_numbers(at, end)
            _, size, start, at = self.read_tag(at, end)
            width = int(length[0]) if len(length) else 0
            if width < 1:
                raise WeightsUnreadable(DAMAGED.format("a struct without names"))
            raw = bytes(self.data[start : start + size])
            fields = [raw[i : i + width].split(b"\0")[0].decode("latin-1") for i in range(0, size, width)]
        total = count * len(fields) if array_class == STRUCT else count
        if total > (end - at) // 8:  # each takes eight bytes at least
            raise WeightsUnreadable(DAMAGED.format(f"{total:,} arrays in {end - at:,} bytes"))
        self.items += max(total, count)
        if self.items > MAX_ITEMS:
            raise WeightsUnreadable(f"The MATLAB file has more than {MAX_ITEMS:,} arrays: no network has.")
        values: list[Value] = []
        for _ in range(total):
            _, value, at = self.read_matrix(at, end, depth + 1)
            values.append(value)
        if array_class == CELL:
            return values
        if not fields:
            return {} if count == 1 else []
        rows = [values[first : first + len(fields)] for first in range(0, total, len(fields))]
        structs = [dict(zip(fields, row, strict=True)) for row in rows]
        return structs[0] if count == 1 else structs

    def _read_characters(self, shape: tuple[int, ...], at: int, end: int) -> Value:
        """Return a text; a list of them for an array of several rows, which are stored column by column."""
        text, _ = self.read_text(at, end) if at < end else ("", at)
        if shape[0] <= 1 or len(text) != math.prod(shape):
            return text
        return [text[row :: shape[0]] for row in range(shape[0])]

    def _describe(self, array_class: int, at: int, end: int) -> Unread:
        if array_class == OBJECT:
            return Unread(f"an object of the class {self.read_text(at, end)[0]}")
        return Unread(NOT_READ[array_class])

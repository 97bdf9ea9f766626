"""Packs lists of numbers into bytes for one column: little-endian float32, or compressed uint32 for counts."""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence


def pack(values: Sequence[float]) -> bytes:
    """Return the numbers as little-endian float32."""
    return struct.pack(f"<{len(values)}f", *values)


def unpack(data: bytes) -> tuple[float, ...]:
    """Return the numbers that `pack` was given, rounded to float32."""
    return struct.unpack(f"<{len(data) // 4}f", data)


def unpack_all(lists: Iterable[bytes]) -> "array[float]":
    """Return the numbers of several packed lists, one list after the other, in one array of four bytes each."""
    numbers = array("f", b"".join(lists))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def pack_counts(values: Sequence[int]) -> bytes:
    """Return the counts as compressed little-endian uint32; most counts of a confusion matrix are 0."""
    return zlib.compress(struct.pack(f"<{len(values)}I", *values))


def unpack_counts(data: bytes) -> tuple[int, ...]:
    """Return the counts that `pack_counts` was given; none for no bytes."""
    plain = zlib.decompress(data) if data else b""
    return struct.unpack(f"<{len(plain) // 4}I", plain)

"""Lists of numbers as bytes: float32, little-endian; counts compressed, because most of them are 0."""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence


def pack(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def unpack(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def unpack_all(lists: Iterable[bytes]) -> "array[float]":
    """Several lists, one after the other, in as little room as they had."""
    found = array("f", b"".join(lists))
    if sys.byteorder == "big":
        found.byteswap()
    return found


def pack_counts(values: Sequence[int]) -> bytes:
    return zlib.compress(struct.pack(f"<{len(values)}I", *values))


def unpack_counts(data: bytes) -> tuple[int, ...]:
    plain = zlib.decompress(data) if data else b""
    return struct.unpack(f"<{len(plain) // 4}I", plain)

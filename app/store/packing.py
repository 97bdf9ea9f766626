"""Lists of numbers as bytes: float32, little-endian; counts compressed, because most of them are 0."""

import struct
import zlib
from collections.abc import Sequence


def pack(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def unpack(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def pack_counts(values: Sequence[int]) -> bytes:
    return zlib.compress(struct.pack(f"<{len(values)}I", *values))


def unpack_counts(data: bytes) -> tuple[int, ...]:
    plain = zlib.decompress(data) if data else b""
    return struct.unpack(f"<{len(plain) // 4}I", plain)

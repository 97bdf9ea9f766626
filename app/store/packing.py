"""Lists of numbers as bytes: float32, little-endian; counts compressed, because most of them are 0."""

import struct
import zlib
from collections.abc import Sequence

_ONE = struct.Struct("<f")


def pack(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def unpack(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def unpack_at(data: bytes, places: Sequence[int]) -> tuple[float, ...]:
    """Some of them: a list of 400 takes long to unpack for all units of a layer."""
    return tuple(_ONE.unpack_from(data, 4 * place)[0] for place in places)


def pack_counts(values: Sequence[int]) -> bytes:
    return zlib.compress(struct.pack(f"<{len(values)}I", *values))


def unpack_counts(data: bytes) -> tuple[int, ...]:
    plain = zlib.decompress(data) if data else b""
    return struct.unpack(f"<{len(plain) // 4}I", plain)

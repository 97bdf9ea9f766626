"""Writes a ZIP archive piece by piece while it is sent, so that a large one needs no memory."""

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

COMPRESSED_SUFFIXES = (".json", ".csv", ".txt")  # media are compressed already


@dataclass(frozen=True)
class ArchiveFile:
    """A file of the archive. `name` is its path."""

    name: str
    data: bytes


class _Buffer:
    """A file that zipfile writes to, emptied after every file of the archive. It has no `seek`: zipfile needs none."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: zipfile calls it, and there is nothing behind the buffer."""

    def pop(self) -> bytes:
        """Return what was written since the last call."""
        data = b"".join(self._chunks)
        self._chunks.clear()
        return data


def stream_zip(files: Iterable[ArchiveFile], modified_at: datetime) -> Iterator[bytes]:
    """Yield the bytes of a ZIP archive, in which every file has the same time of modification."""
    buffer = _Buffer()
    with zipfile.ZipFile(buffer, "w") as archive:  # type: ignore[call-overload]
        for file in files:
            compression = zipfile.ZIP_DEFLATED if file.name.endswith(COMPRESSED_SUFFIXES) else zipfile.ZIP_STORED
            info = zipfile.ZipInfo(file.name, modified_at.timetuple()[:6])
            archive.writestr(info, file.data, compress_type=compression)
            yield buffer.pop()
    yield buffer.pop()

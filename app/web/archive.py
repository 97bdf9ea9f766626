"""A ZIP written as it is sent, so that its size costs no memory."""

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

LOOSE = (".json", ".csv", ".txt")  # what gets smaller; pictures are small already


@dataclass(frozen=True)
class File:
    name: str
    data: bytes


class _Sink:
    """Takes what the archive writes until it is sent on. It cannot seek, and the archive knows how to do without."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def take(self) -> bytes:
        taken = b"".join(self.pieces)
        self.pieces.clear()
        return taken


def zipped(files: Iterable[File], at: datetime) -> Iterator[bytes]:
    """`at`: the time that all files are given."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]
        for file in files:
            how = zipfile.ZIP_DEFLATED if file.name.endswith(LOOSE) else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(file.name, at.timetuple()[:6]), file.data, compress_type=how)
            yield sink.take()
    yield sink.take()

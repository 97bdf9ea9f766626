"""What comes of files that mean harm, and of real clips that were damaged at random."""

import io
import os
import random
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import pytest

from app.contract.errors import VideoError
from tests.worker.video.hostile_files import hostile_files
from worker.video.decoders import ClipDecoders
from worker.video.limits import DecodeLimits

LIMITS = DecodeLimits(frames=20_000, memory_bytes=300_000_000, cpu_seconds=10, wall_seconds=60)
MUTATIONS = 300
PACKETS = 16  # of the start of a real clip
MEMORY_SLACK_BYTES = 30_000_000
CONTAINERS = {".mp4": ("mp4", "matroska", "mpegts"), ".avi": ("avi", "matroska"), ".gif": ("gif",)}


@pytest.fixture(scope="module")
def decoders() -> Iterator[ClipDecoders]:
    with ClipDecoders(LIMITS) as decoders:
        yield decoders


def outcome(decoders: ClipDecoders, path: Path) -> str | None:
    """Return why a file was refused, or None where it was read."""
    try:
        assert decoders.read_clip(path, frames=4, short_side=16, crop=16).shape == (4, 16, 16, 3)
    except VideoError as error:
        return error.detail
    return None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound memory")
def test_hostile_files_are_refused_with_a_reason(decoders: ClipDecoders, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        files = hostile_files(server.getsockname()[1])
        wrong = {}
        for file in files:
            path = tmp_path / file.name
            file.write(path)
            reason = outcome(decoders, path)
            if (reason is None) != (file.words is None) or not re.search(file.words or "", reason or ""):
                wrong[file.name] = reason
            assert reason is None or str(tmp_path) not in reason
        assert wrong == {}
        assert select.select([server], [], [], 0)[0] == [], "a file made the decoder open a connection"
    assert len(files) >= 28


@pytest.fixture(scope="module")
def real_clips(test_data: Path) -> list[bytes]:
    """Return the starts of real clips, each copied into several containers."""
    starts = []
    for path in sorted((test_data / "clips").iterdir()):
        for container in CONTAINERS.get(path.suffix, ()):
            starts.append(_start(path, container))
    return starts


def _start(path: Path, container: str) -> bytes:
    """Return the first packets of a clip, copied into a container."""
    file = io.BytesIO()
    with av.open(str(path), metadata_errors="replace") as source, av.open(file, "w", format=container) as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(source.streams.video[0])):
            if number == PACKETS or packet.dts is None:
                break
            packet.stream = stream
            copy.mux(packet)
    return file.getvalue()


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Damage a file at random: flip bits, cut it short, insert bytes, or double, move or erase a chunk."""
    damaged = bytearray(data)
    size = len(damaged)
    start = chance.randrange(size if chance.random() < 0.5 else min(size, 2000))  # half of them in the header
    end = min(size, start + chance.randrange(1, 400))
    match chance.randrange(6):
        case 0:
            for _ in range(chance.randrange(1, 60)):
                at = chance.randrange(start, min(size, start + 4000))
                damaged[at] ^= 1 << chance.randrange(8)
        case 1:
            del damaged[start:]
        case 2:
            damaged[start:start] = chance.randbytes(end - start)
        case 3:
            damaged[end:end] = damaged[start:end] * chance.randrange(1, 50)
        case 4:
            damaged[start:end] = bytes([chance.choice((0, 255))]) * (end - start)
        case 5:
            at = chance.randrange(size)
            damaged[at:at] = damaged[start:end]
            del damaged[start:end]
    return bytes(damaged)


def test_damaged_clips_end_in_frames_or_in_a_reason(
    decoders: ClipDecoders, real_clips: list[bytes], tmp_path: Path
) -> None:
    chance = random.Random(18)
    slowest = 0.0

    def read(number: int) -> str | None:
        nonlocal slowest
        path = tmp_path / f"{number}.mp4"
        started = time.monotonic()
        reason = outcome(decoders, path)
        slowest = max(slowest, time.monotonic() - started)
        path.unlink()
        return reason

    for number in range(MUTATIONS):
        (tmp_path / f"{number}.mp4").write_bytes(mutate(real_clips[number % len(real_clips)], chance))
    with ThreadPoolExecutor(2) as pool:
        reasons = list(pool.map(read, range(20)))
        before = resident_bytes()
        reasons += list(pool.map(read, range(20, MUTATIONS)))
    assert len(reasons) == MUTATIONS
    assert 30 < reasons.count(None) < MUTATIONS - 30, "the mutations are too mild, or too strong, to test anything"
    assert all(reason is None or reason.endswith((".", ").")) for reason in reasons)
    assert slowest < LIMITS.cpu_seconds
    assert resident_bytes() - before < MEMORY_SLACK_BYTES


def resident_bytes() -> int:
    """Return the memory that this process uses."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0

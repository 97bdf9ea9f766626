"""Clips decoded by real child processes: what these may take, and that they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from app.contract.errors import VideoError
from app.settings import ROOT
from worker.video.decode import read_clip
from worker.video.decoder_process import ERROR, FRAMES, HEADER, OUT_OF_MEMORY, READY
from worker.video.decoders import ClipDecoders, read_clip_in_child
from worker.video.encode import write_video
from worker.video.limits import DecodeLimits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
SMALL: dict[str, Any] = {"frames": 8, "short_side": 48, "crop": 48}
LONG: dict[str, Any] = {"frames": 600, "short_side": 16, "crop": 16}  # all frames of `large`: seconds of work


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a clip of ten frames of 64 x 64 pixels."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    write_video(path, np.stack([np.roll(noise, index, 1) for index in range(10)]), fps=25)
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a clip of 600 grey frames of 4096 x 2304 pixels."""
    path = tmp_path_factory.mktemp("clips") / "large.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 4096, 2304, "yuvj420p"
        grey = np.full((2304, 4096, 3), 128, np.uint8)
        (picture,) = stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24"))
        for index in range(600):
            packet = av.Packet(bytes(picture))
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, index, index, True
            container.mux(packet)
    return path


def children(parent: int | None = None) -> list[int]:
    """Return the ids of the decoders that a process, by default this one, has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            is_child = int(status.read_text().rpartition(")")[2].split()[1]) == (parent or os.getpid())
            if is_child and b"decoder_process" in (status.parent / "cmdline").read_bytes():
                found.append(int(status.parent.name))
        except OSError:  # it has ended meanwhile
            pass
    return found


def open_files(process: int) -> list[Path]:
    found = []
    with suppress(FileNotFoundError):  # one is closed meanwhile, or the process ends
        found += [link.readlink() for link in Path(f"/proc/{process}/fd").iterdir()]
    return found


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def test_a_child_returns_the_frames_that_the_clip_has(clip: Path) -> None:
    for wanted in (SMALL, SMALL | {"crop": (40, 48), "frames": 30}, SMALL | {"loop": False, "frames": 30}):
        assert np.array_equal(read_clip_in_child(clip, **wanted), read_clip(clip, **wanted))
    assert children() == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (DecodeLimits(memory_bytes=130_000_000), "needs more than 0.13 GB of memory"),
        (DecodeLimits(cpu_seconds=0), "needs more than 0 seconds of processor time"),  # up to one second is left
        (DecodeLimits(wall_seconds=1), "was not decoded within 1 seconds"),
        (DecodeLimits(pixels=4096 * 2304 - 1), "4096 x 2304; 9,437,183 pixels"),
        (DecodeLimits(aspect=1.7), "one side may be at most 1.7 times the other"),
        (DecodeLimits(frames=599), "more than 599 frames"),
        (DecodeLimits(seconds=20), "longer than 20 seconds"),
        (DecodeLimits(file_bytes=1000), "1,000 are taken"),
    ],
)
def test_who_exceeds_a_limit_is_told_which(limits: DecodeLimits, words: str, large: Path) -> None:
    started = time.monotonic()
    with pytest.raises(VideoError, match=words):
        read_clip_in_child(large, limits=limits, **LONG)
    assert time.monotonic() - started < 15
    assert children() == []


def test_a_clip_that_takes_too_much_leaves_the_next_one_alone(clip: Path, large: Path) -> None:
    with ClipDecoders(DecodeLimits(memory_bytes=130_000_000)) as decoders:
        decoders.read_clip(clip, **SMALL)
        with pytest.raises(VideoError, match="memory"):
            decoders.read_clip(large, **LONG)
        decoders.read_clip(clip, **SMALL)


def test_frames_that_were_read_leave_the_memory(large: Path) -> None:
    """All 24 of them have 340 MB, and one 14 MB."""
    assert len(read_clip_in_child(large, frames=24, limits=DecodeLimits(memory_bytes=300_000_000))) == 24


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_child_that_dies_is_an_error_of_its_clip(number: signal.Signals, clip: Path, large: Path) -> None:
    def kill() -> None:
        for child in children():
            if large in open_files(child):
                os.kill(child, number)

    with ClipDecoders() as decoders:
        decoders.read_clip(clip, **SMALL)
        with pytest.raises(VideoError, match=r"large.avi crashed the decoder"):
            decoders.read_clip(large, observe=kill, **LONG)
        decoders.read_clip(clip, **SMALL)
        os.kill(children()[0], number)  # while it waits
        decoders.read_clip(clip, **SMALL)


def test_a_child_that_runs_out_of_memory_after_other_clips_is_replaced(clip: Path) -> None:
    head = HEADER.pack(READY, 0, 0, 0) + HEADER.pack(FRAMES, 8, 48, 48)
    program = f"""
import sys
sys.stdin.buffer.readline()
sys.stdout.buffer.write({head!r} + bytes({8 * 48 * 48 * 3}))
sys.stdout.flush()
sys.stdin.buffer.readline()
sys.exit({OUT_OF_MEMORY})
"""
    with ClipDecoders(program=[sys.executable, "-c", program]) as decoders:
        for _ in range(3):
            assert decoders.read_clip(clip, **SMALL).shape == (8, 48, 48, 3)


def test_a_child_uses_one_thread_besides_the_one_that_waits_for_its_parent(large: Path) -> None:
    threads = []

    def count() -> None:
        for child in children():
            if large in open_files(child):
                threads.append(len(list(Path(f"/proc/{child}/task").iterdir())))
        if len(threads) == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        read_clip_in_child(large, observe=count, **LONG)
    assert threads == [2, 2, 2, 2]


def test_who_stops_reading_ends_the_child(large: Path) -> None:
    with ClipDecoders() as decoders:
        with pytest.raises(InterruptedError):
            decoders.read_clip(large, observe=raise_interrupted, **LONG)
        assert children() == []


def raise_interrupted() -> None:
    raise InterruptedError


def test_children_end_with_their_parent(large: Path) -> None:
    program = f"from worker.video.decoders import *; read_clip_in_child(Path({str(large)!r}), **{LONG})"
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    wait_for(lambda: children(parent.pid))
    (child,) = children(parent.pid)
    parent.kill()
    parent.wait()
    wait_for(lambda: not Path(f"/proc/{child}").exists())


def test_a_child_decodes_many_clips_and_is_replaced_after_some(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.mp4").write_bytes(clip.read_bytes()[:100])
    with ClipDecoders(clips_per_child=3) as decoders:
        decoders.read_clip(clip, **SMALL)
        first = children()
        with pytest.raises(VideoError, match=r"torn.mp4"):
            decoders.read_clip(tmp_path / "torn.mp4", **SMALL)
        assert len(first) == 1
        assert children() == first
        decoders.read_clip(clip, **SMALL)
        assert children() == []
        decoders.read_clip(clip, **SMALL)
        assert len(children()) == 1
    assert children() == []


def test_threads_share_children(clip: Path) -> None:
    expected = read_clip(clip, **SMALL)
    with ClipDecoders() as decoders, ThreadPoolExecutor(3) as pool:
        clips = list(pool.map(lambda _: decoders.read_clip(clip, **SMALL), range(24)))
        assert 1 <= len(children()) <= 3
    assert all(np.array_equal(frames, expected) for frames in clips)


def test_a_child_has_no_secrets_no_open_files_and_limits(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINETOSCOPE_DATABASE_URL", "postgresql://user:secret@host/name")
    with (tmp_path / "open").open("w") as file, ClipDecoders() as decoders:
        os.set_inheritable(file.fileno(), True)
        decoders.read_clip(clip, **SMALL)
        (child,) = children()
        process = Path(f"/proc/{child}")
        assert "secret" not in (process / "environ").read_text()
        assert all(str(file).startswith(("pipe:", "/dev/null")) for file in open_files(child))
        limits = {line[:26].strip(): line[26:].split()[:2] for line in (process / "limits").read_text().splitlines()}
        modules = (process / "maps").read_text()
    assert "torch" not in modules
    assert limits["Max core file size"] == limits["Max file size"] == ["0", "0"]
    assert limits["Max data size"] == [str(1 << 30)] * 2
    assert limits["Max open files"] == ["16", "16"]
    assert limits["Max cpu time"][0] != "unlimited"


def answering(answer: bytes) -> list[str]:
    """Return the command of a child that answers every request so, and ends."""
    output = HEADER.pack(READY, 0, 0, 0) + answer
    program = f"import sys; sys.stdin.buffer.readline(); sys.stdout.buffer.write({output!r})"
    return [sys.executable, "-c", program]


@pytest.mark.parametrize(
    "answer",
    [
        HEADER.pack(FRAMES, 4_000_000_000, 48, 48),
        HEADER.pack(FRAMES, 8, 65535, 65535),
        HEADER.pack(FRAMES, 0, 48, 48),
        HEADER.pack(FRAMES, 8, 48, 48) + bytes(100),
        HEADER.pack(ERROR, 4_000_000_000, 0, 0),
        HEADER.pack(b"x", 0, 0, 0),
        b"",
    ],
)
def test_a_child_that_answers_nonsense_is_not_believed(answer: bytes, clip: Path) -> None:
    with (
        ClipDecoders(program=answering(answer)) as decoders,
        pytest.raises(VideoError, match="crashed the decoder"),
    ):
        decoders.read_clip(clip, **SMALL)


def test_words_of_a_child_are_printable(clip: Path) -> None:
    answer = HEADER.pack(ERROR, 6, 0, 0) + b"\x1b[2J\xff\n"
    with ClipDecoders(program=answering(answer)) as decoders, pytest.raises(VideoError) as raised:
        decoders.read_clip(clip, **SMALL)
    assert raised.value.detail == "\ufffd[2J\ufffd\ufffd"


@pytest.mark.parametrize(
    ("program", "words"),
    [(["/nowhere/python"], "No process could be started"), (["false"], "The decoder could not be started")],
)
def test_a_decoder_that_does_not_start_says_so(program: list[str], words: str, clip: Path) -> None:
    with ClipDecoders(program=program) as decoders, pytest.raises(VideoError, match=words):
        decoders.read_clip(clip, **SMALL)

"""Clips decoded by real child processes: what they may take, and that they end."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from worker.video.decode import read_clip
from worker.video.decoders import read_clip_in_child
from worker.video.encode import write_video

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound memory, and have no /proc")
SMALL = {"frames": 8, "short_side": 48, "crop": 48}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a clip of ten frames of 64 x 64 pixels."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    write_video(path, np.stack([np.roll(noise, index, 1) for index in range(10)]), fps=25)
    return path


@pytest.fixture(scope="module")
def large_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a clip of 600 frames of 1920 x 1080 pixels."""
    path = tmp_path_factory.mktemp("clips") / "large.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuvj420p"
        (packet,) = stream.encode(av.VideoFrame.from_ndarray(np.zeros((1080, 1920, 3), np.uint8), format="rgb24"))
        data = bytes(packet)
        for index in range(600):
            copy = av.Packet(data)
            copy.stream, copy.pts, copy.dts, copy.is_keyframe = stream, index, index, True
            container.mux(copy)
    return path


def children() -> set[int]:
    """Return the ids of the processes that decode for this one."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"decoder_process" in (path / "cmdline").read_bytes():
                found.add(int(path.name))
        except OSError:  # it has ended meanwhile
            pass
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def test_a_child_returns_what_the_clip_has(clip: Path) -> None:
    for arguments in (SMALL, SMALL | {"crop": (40, 48), "frames": 30}, SMALL | {"loop": False, "frames": 30}):
        assert np.array_equal(read_clip_in_child(clip, **arguments), read_clip(clip, **arguments))

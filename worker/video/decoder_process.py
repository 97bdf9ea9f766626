"""The program of the child processes in `decoders.py`: `python -m worker.video.decoder_process LIMITS`.

It reads requests from standard input, one JSON object a line, and answers each on standard output with a header and
either frames or an error's words. It ends when its input ends, which is also when its parent dies. It has no secrets
(`decoders.py` gives it an environment of its own), cannot write a file and leaves no core dump. Systems other than
Linux lack some of these limits, above all that of memory; there the others must do.
"""

import json
import os
import resource
import struct
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread, stack_size
from typing import BinaryIO, cast

import cv2

from app.contract.errors import VideoError
from worker.video.decode import Crop, Frames, read_clip
from worker.video.limits import DecodeLimits

# An answer begins with its kind and three numbers: of frames (T, H, W), of an error the bytes of its words, 0, 0.
HEADER = struct.Struct("<cIII")
READY, FRAMES, ERROR = b"r", b"f", b"e"
MAX_ERROR_BYTES = 2000
OUT_OF_MEMORY = 3  # exit status
MAX_OPEN_FILES = 16


@dataclass(frozen=True)
class ClipRequest:
    """What to read of which clip; see `decode.read_clip`."""

    path: Path
    fps: float
    frames: int
    short_side: int
    crop: Crop
    loop: bool

    def to_line(self) -> bytes:
        """Return the request as a line of JSON; the path as hexadecimal bytes, since it need not be text."""
        return json.dumps(asdict(self) | {"path": os.fsencode(self.path).hex()}).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "ClipRequest":
        """Read what `to_line` has written."""
        values = json.loads(line)
        crop = values["crop"] if isinstance(values["crop"], int) else tuple(values["crop"])
        return cls(**values | {"path": Path(os.fsdecode(bytes.fromhex(values["path"]))), "crop": crop})


def main(limits: DecodeLimits) -> None:
    """Answer requests until there are none."""
    cv2.setNumThreads(1)  # every thread needs memory of its own
    stack_size(256 * 1024)
    lines: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_read_lines, args=(lines,), daemon=True).start()
    set_process_limits(limits)
    with _take_output() as answers:
        answers.write(HEADER.pack(READY, 0, 0, 0))
        while True:
            answers.flush()
            request = ClipRequest.from_line(lines.get())
            limit_cpu_time(limits.cpu_seconds)
            try:
                frames = _read(request, limits)
            except VideoError as error:
                words = error.detail.encode("utf-8", "surrogateescape")[:MAX_ERROR_BYTES]
                answers.write(HEADER.pack(ERROR, len(words), 0, 0) + words)
            else:
                answers.write(HEADER.pack(FRAMES, *frames.shape[:3]))
                answers.write(frames.data)


def _read_lines(lines: "SimpleQueue[bytes]") -> None:
    """Pass on the lines of standard input, and end the process with them, in the middle of a clip too."""
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


def _take_output() -> BinaryIO:
    """Return standard output, and send what libraries print there and to standard error nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return cast(BinaryIO, answers)


def _read(request: ClipRequest, limits: DecodeLimits) -> Frames:
    """Read a clip. Whatever is raised but MemoryError becomes a VideoError: only the file can be the cause."""
    name = request.path.name
    try:
        return read_clip(
            request.path,
            fps=request.fps,
            frames=request.frames,
            short_side=request.short_side,
            crop=request.crop,
            limits=limits,
            loop=request.loop,
        )
    except (VideoError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem:
            raise MemoryError from None
        reason = type(error).__name__
        raise VideoError(f"The clip {name} is damaged, or of a kind that is not read here ({reason}).") from None


def set_process_limits(limits: DecodeLimits) -> None:
    """Bound the memory of this process, and forbid it to write files and to dump core."""
    for name, value in (
        ("RLIMIT_DATA", limits.memory_bytes),  # not RLIMIT_AS, which counts the libraries' files too
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", MAX_OPEN_FILES),
    ):
        _set_limit(name, value, lower_hard_limit=True)


def limit_cpu_time(seconds: int) -> None:
    """Let this process compute for `seconds` more, after which the system ends it."""
    _set_limit("RLIMIT_CPU", int(time.process_time()) + 1 + seconds, lower_hard_limit=False)


def _set_limit(name: str, value: int, *, lower_hard_limit: bool) -> None:
    try:
        limit = getattr(resource, name)
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value if lower_hard_limit else hard))
    except (AttributeError, OSError, ValueError):
        if sys.platform == "linux":
            raise


if __name__ == "__main__":
    try:
        main(DecodeLimits(**json.loads(sys.argv[1])))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # without another allocation

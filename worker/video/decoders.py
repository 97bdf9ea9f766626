"""Decode clips from outside in child processes, so that a file can end a child and never the worker."""

import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import numpy as np

from app.contract.errors import VideoError
from worker.video.decode import Crop, Frames
from worker.video.decoder_process import ERROR, FRAMES, HEADER, MAX_ERROR_BYTES, OUT_OF_MEMORY, READY, ClipRequest
from worker.video.limits import DEFAULT_LIMITS, DecodeLimits

CLIPS_PER_CHILD = 200  # then it is replaced, so that leaks of decoders do not add up; a start takes 0.2 s
POLL_SECONDS = 0.1  # between two calls of `observe`
EXIT_SECONDS = 1.0  # that a child which has closed its output has to end by itself
ROOT = Path(__file__).parents[2]  # of the code

PROGRAM = (sys.executable, "-P", "-m", "worker.video.decoder_process")

# All that a child inherits: where code and libraries are, and nothing of the database or other secrets.
LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
ENVIRONMENT = {
    "PYTHONUTF8": "1",
    "OPENBLAS_NUM_THREADS": "1",  # each thread would reserve tens of megabytes
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


class ClipDecoders:
    """Child processes that decode clips; threads may share one object. Use it in a `with` statement, which ends them.

    A child is started when all others are busy. It decodes one clip after the other until it dies, or has decoded
    `clips_per_child`. `program` is its command, to which the limits are added.
    """

    def __init__(
        self,
        limits: DecodeLimits = DEFAULT_LIMITS,
        *,
        clips_per_child: int = CLIPS_PER_CHILD,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.limits = limits
        self.clips_per_child = clips_per_child
        self.program = program
        self._idle: deque[_Child] = deque()

    def __enter__(self) -> "ClipDecoders":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            self._idle.pop().kill()

    def read_clip(
        self,
        path: Path,
        *,
        fps: float = 25,
        frames: int = 64,
        short_side: int = 256,
        crop: Crop = 224,
        loop: bool = True,
        observe: Callable[[], None] = lambda: None,
    ) -> Frames:
        """Read the middle of a clip as `decode.read_clip` does, (T, H, W, 3), RGB, in a child process.

        `observe` is called every tenth of a second; where it raises, the child is killed.

        Raises VideoError if the clip cannot be read or exceeds a limit, also if it crashes the decoder.
        """
        request = ClipRequest(path.absolute(), fps, frames, short_side, crop, loop)
        try:
            self._check_file(path)
            while True:
                with self._child() as child:
                    try:
                        return child.read_clip(request, observe)
                    except _ChildDied:
                        if child.clips == 1:
                            raise
                # a clip before may have damaged the child, or filled its memory: another child tries again
        except VideoError as error:
            raise VideoError(_printable(error.detail)) from None

    def _check_file(self, path: Path) -> None:
        try:
            self.limits.check_file(path)
        except (OSError, ValueError) as error:  # a ValueError is a name with a zero byte
            reason = getattr(error, "strerror", None) or error
            raise VideoError(f"The clip {path.name} cannot be read: {reason}.") from None

    @contextmanager
    def _child(self) -> Iterator["_Child"]:
        """Lend a child, and end it afterwards if it must not be used again."""
        try:
            child = self._idle.pop()
        except IndexError:
            child = _Child(self.program, self.limits)
        try:
            yield child
        finally:
            if child.is_waiting and child.clips < self.clips_per_child:
                self._idle.append(child)
            else:
                child.kill()


def read_clip_in_child(
    path: Path,
    *,
    fps: float = 25,
    frames: int = 64,
    short_side: int = 256,
    crop: Crop = 224,
    limits: DecodeLimits = DEFAULT_LIMITS,
    loop: bool = True,
    observe: Callable[[], None] = lambda: None,
) -> Frames:
    """Read one clip in a child process of its own, see `ClipDecoders.read_clip`. Raises VideoError."""
    with ClipDecoders(limits) as decoders:
        return decoders.read_clip(
            path, fps=fps, frames=frames, short_side=short_side, crop=crop, loop=loop, observe=observe
        )


def _environment() -> dict[str, str]:
    modules = os.pathsep.join(filter(os.path.isabs, [str(ROOT), *sys.path]))
    libraries = {name: os.environ[name] for name in LIBRARY_PATHS if name in os.environ}
    return ENVIRONMENT | libraries | {"PYTHONPATH": modules}


class _ChildDied(VideoError):
    """A child died while it decoded, or answered what makes no sense."""


class _Child:
    """One child process. `is_waiting` says that it has answered and can be asked again."""

    def __init__(self, program: Sequence[str], limits: DecodeLimits) -> None:
        self.limits = limits
        self.clips = 0
        self.is_waiting = False
        self._is_ready = False
        try:
            self._process = subprocess.Popen(
                [*program, json.dumps(asdict(limits))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                cwd="/",
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the worker; it ends its children
            )
        except OSError as error:
            raise VideoError(f"No process could be started that decodes clips: {error.strerror}.") from error

    def read_clip(self, request: ClipRequest, observe: Callable[[], None]) -> Frames:
        """Pass on a request and return the frames (T, H, W, 3). Raises VideoError, and what `observe` raises."""
        self.clips += 1
        self.is_waiting = False
        answer = _Answer(self._process, time.monotonic() + self.limits.wall_seconds, observe)
        name = request.path.name
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(request.to_line())
            if not self._is_ready:
                self._is_ready = answer.header()[0] == READY
            frames, words = _frames_or_words(answer, request)
        except TimeoutError:
            raise self.limits.out_of_time(name) from None
        except (EOFError, BrokenPipeError):
            raise self._death(name) from None
        self.is_waiting = True
        if frames is None:
            raise VideoError(words)
        return frames

    def _death(self, name: str) -> VideoError:
        """Return why the child ended, or why it is not listened to any longer."""
        try:
            code = self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        if not self._is_ready:
            return VideoError("The decoder could not be started; the log says why.")
        if code == OUT_OF_MEMORY:
            return _ChildDied(self.limits.out_of_memory(name).detail)
        if code == -signal.SIGXCPU:
            return self.limits.out_of_cpu_time(name)
        return _ChildDied(f"The clip {name} crashed the decoder. Convert it with another program.")

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class _Answer:
    """Reads a child's answer of known size until a deadline. Raises TimeoutError and EOFError."""

    def __init__(self, process: "subprocess.Popen[bytes]", deadline: float, observe: Callable[[], None]) -> None:
        assert process.stdout is not None
        self.file = process.stdout.fileno()
        self.deadline = deadline
        self.observe = observe
        self._observed = -POLL_SECONDS
        self._poll = select.poll()
        self._poll.register(self.file, select.POLLIN)

    def header(self) -> tuple[bytes, int, int, int]:
        kind, *numbers = HEADER.unpack(self.read(HEADER.size))
        return kind, numbers[0], numbers[1], numbers[2]

    def read(self, size: int) -> bytearray:
        data = bytearray(size)
        left = memoryview(data)
        while left:
            now = time.monotonic()
            if now >= self.deadline:
                raise TimeoutError
            if now >= self._observed + POLL_SECONDS:
                self.observe()
                self._observed = now
            if self._poll.poll(1000 * min(POLL_SECONDS, self.deadline - now)):
                count = os.readv(self.file, [left])
                if count == 0:
                    raise EOFError
                left = left[count:]
        return data


def _frames_or_words(answer: _Answer, request: ClipRequest) -> tuple[Frames | None, str]:
    """Return the frames of an answer, or the words of an error. Raises EOFError for any other answer."""
    kind, *numbers = answer.header()
    if kind == ERROR and numbers[0] <= MAX_ERROR_BYTES:
        return None, answer.read(numbers[0]).decode("utf-8", "replace")
    crop = (request.crop, request.crop) if isinstance(request.crop, int) else request.crop
    if kind != FRAMES or not 0 < numbers[0] <= request.frames or tuple(numbers[1:]) != crop:
        raise EOFError
    shape = (numbers[0], *crop, 3)
    return np.frombuffer(answer.read(math.prod(shape)), np.uint8).reshape(shape), ""


def _printable(words: str) -> str:
    """Replace every character that a terminal or a database cannot take."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in words)

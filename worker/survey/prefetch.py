"""Decode clips and make inputs in background threads, so that the network does not wait for them."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from app.contract.errors import VideoError
from app.contract.network import NetworkCard
from worker.evidence.stopwatch import current_stopwatch
from worker.graph.inputs import Inputs
from worker.networks.preprocessing import clip_format, make_inputs
from worker.video.flow import Frames

MAX_WAITING_PER_THREAD = 4  # clips that are made, or being made, and wait for the network

Made = TypeVar("Made")


@dataclass(frozen=True)
class Sample:
    """A labelled clip of a data set.

    `read(count)` returns the middle `count` frames at 25 a second, or all where there are fewer: (T, H, W, 3) uint8.
    It may raise VideoError. Samples of one `group` are not independent of each other; it is None where the data set
    does not say.
    """

    name: str
    label: str
    read: Callable[[int], Frames]
    group: str | None = None


def prefetch(
    card: NetworkCard, samples: Sequence[Sample], numbers: Sequence[int], threads: int
) -> Iterator[tuple[int, Inputs | VideoError]]:
    """Yield (number, inputs) of the samples with these numbers, in that order; VideoError for an unreadable one."""
    count = clip_format(card).frames

    def make(number: int) -> Inputs | VideoError:
        try:
            return make_inputs(card, samples[number].read(count))
        except VideoError as error:
            return error

    return make_ahead(make, numbers, threads)


def make_ahead(make: Callable[[int], Made], numbers: Sequence[int], threads: int) -> Iterator[tuple[int, Made]]:
    """Yield (number, made) in the order of the numbers; what comes next is made in background threads.

    PyAV and OpenCV release the interpreter lock, so threads decode in parallel.
    """

    def wait_for_first() -> tuple[int, Made]:
        first, future = waiting.popleft()
        started = time.monotonic()
        made = future.result()
        stopwatch.decode += time.monotonic() - started
        return first, made

    stopwatch = current_stopwatch()
    waiting: deque[tuple[int, Future[Made]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for number in numbers:
            waiting.append((number, pool.submit(make, number)))
            if len(waiting) >= threads * MAX_WAITING_PER_THREAD:
                yield wait_for_first()
        while waiting:
            yield wait_for_first()
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Clips:
    """The clips of a data set as inputs of a network, decoded in background threads."""

    card: NetworkCard
    samples: Sequence[Sample]
    threads: int = 1

    def prefetch(self, numbers: Sequence[int]) -> Iterator[tuple[int, Inputs | VideoError]]:
        """Yield (number, inputs) of the clips with these numbers, in that order; VideoError for an unreadable one."""
        return prefetch(self.card, self.samples, numbers, self.threads)

    def read(self, numbers: Sequence[int]) -> Iterator[tuple[int, Inputs]]:
        """Yield the inputs of clips that could be read before; raise VideoError for one that no longer can be."""
        for number, clip in self.prefetch(numbers):
            if isinstance(clip, VideoError):
                raise clip
            yield number, clip

"""Decodes and makes inputs in the background, so that the network does not wait for them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from app.contract.errors import VideoError
from app.contract.network import NetworkCard
from worker.graph.inputs import Inputs
from worker.networks.preprocessing import make_inputs, view
from worker.video.flow import Frames

AHEAD = 4  # clips a thread that may wait for the network


@dataclass(frozen=True)
class Sample:
    """A labelled clip of a data set. `read` gives so many frames of its middle, or all of fewer: (T, H, W, 3), 25 a
    second. It may raise VideoError.
    """

    name: str
    label: str
    read: Callable[[int], Frames]


def prepared(
    card: NetworkCard, samples: Sequence[Sample], numbers: Sequence[int], threads: int
) -> Iterator[tuple[int, Inputs | VideoError]]:
    """The inputs of the samples of these numbers, in that order. PyAV and OpenCV let other threads run meanwhile."""
    count = view(card).frames

    def prepare(number: int) -> Inputs | VideoError:
        try:
            return make_inputs(card, samples[number].read(count))
        except VideoError as error:
            return error

    waiting: deque[tuple[int, Future[Inputs | VideoError]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for number in numbers:
            waiting.append((number, pool.submit(prepare, number)))
            if len(waiting) >= threads * AHEAD:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)

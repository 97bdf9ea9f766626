"""What decoding in a child process costs: processor time of a clip in this process, and of children with it.

python -m benchmarks.decoders clip.mp4 ...
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import cv2

from app.contract.dataset import MAX_CLIP_FRAMES
from worker.survey.intake import SIDE_PX
from worker.video.decode import Frames, read_clip
from worker.video.decoders import ClipDecoders

ROUNDS = 3
CLIPS = 20  # that one child decodes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    clips = parser.parse_args().clips
    cv2.setNumThreads(1)
    print(f"| clip | in this process | in a child of its own | each of {CLIPS} in one child |")
    print("|---|---:|---:|---:|")
    for clip in clips:
        each = (
            best_cpu_seconds(decode, read_clip, clip, CLIPS) / CLIPS,
            best_cpu_seconds(in_child, clip, 1),
            best_cpu_seconds(in_child, clip, CLIPS) / CLIPS,
        )
        print(f"| {clip.name} | {' | '.join(f'{1000 * seconds:.0f} ms' for seconds in each)} |", flush=True)


def decode(read: Callable[..., Frames], clip: Path, count: int) -> None:
    """Read a clip again and again, as an intake reads it."""
    for _ in range(count):
        read(clip, frames=MAX_CLIP_FRAMES, short_side=SIDE_PX, crop=SIDE_PX, loop=False)


def in_child(clip: Path, count: int) -> None:
    with ClipDecoders() as decoders:
        decode(decoders.read_clip, clip, count)


def best_cpu_seconds(work: Callable[..., None], *arguments: object) -> float:
    """Return the least processor time of some calls, with that of the children that ended meanwhile."""
    times = []
    for _ in range(ROUNDS):
        before = os.times()
        work(*arguments)
        times.append(sum(os.times()[:4]) - sum(before[:4]))
    return min(times)


if __name__ == "__main__":
    main()

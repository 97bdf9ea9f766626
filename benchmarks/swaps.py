"""Swapping the motion of clips among them: passes through the streams and time, a whole pass a swap against one a clip.

python -m benchmarks.swaps flow_gated flow_gated_rwf2000.safetensors clips/*.mp4
"""

import time

import torch

from benchmarks.given import given
from worker.evidence.stream_swaps import StreamSwapper
from worker.evidence.streams import DONORS
from worker.evidence.synergy import with_motion_of


def main() -> None:
    torch.set_num_threads(1)
    network, clips = given(__doc__)
    donors = min(DONORS, len(clips) - 1)
    others = [[(place - back) % len(clips) for back in range(donors, 0, -1)] for place in range(len(clips))]

    started = time.process_time()
    whole = [
        torch.cat([network.logits(with_motion_of(clip, clips[other])) for other in others[place]])
        for place, clip in enumerate(clips)
    ]
    plain = time.process_time() - started

    started = time.process_time()
    swapper = StreamSwapper(network, *clips[:2])
    lent = [swapper.read_motion(clip) for clip in clips[-donors:]]
    crossed = []
    for clip in clips:
        logits, own = swapper.swap(clip, lent)
        crossed.append(logits)
        lent = [*lent[1:], own]
    seconds = time.process_time() - started

    swaps = donors * len(clips)
    difference = (torch.cat(whole) - torch.cat(crossed)).abs().max()
    print(f"{len(clips)} clips, {swaps} swaps; the logits differ by {difference:.2g} at most")
    print(f"a pass a swap  {swaps:5} passes {plain:8.1f} s of one core")
    print(f"a pass a clip  {swapper.passes:5} passes {seconds:8.1f} s: {plain / seconds:.1f} times less")


if __name__ == "__main__":
    main()

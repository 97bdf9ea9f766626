"""Compare two ways to swap motion between clips, one pass a swap and one pass a clip, in passes and in time.

python -m benchmarks.swaps flow_gated flow_gated_rwf2000.safetensors clips/*.mp4
"""

import time

import torch

from benchmarks.clip_arguments import read_arguments
from worker.evidence.stream_swaps import StreamSwapper
from worker.evidence.streams import DONORS
from worker.evidence.synergy import with_motion_of


def main() -> None:
    torch.set_num_threads(1)
    network, clips = read_arguments(__doc__)
    count = min(DONORS, len(clips) - 1)
    donors = [[(index - back) % len(clips) for back in range(count, 0, -1)] for index in range(len(clips))]

    started = time.process_time()
    logits_pass_a_swap = [
        torch.cat([network.logits(with_motion_of(clip, clips[donor])) for donor in donors[index]])
        for index, clip in enumerate(clips)
    ]
    seconds_pass_a_swap = time.process_time() - started

    started = time.process_time()
    swapper = StreamSwapper(network, *clips[:2])
    motions = [swapper.read_motion(clip) for clip in clips[-count:]]
    logits_pass_a_clip = []
    for clip in clips:
        logits, own_motion = swapper.swap(clip, motions)
        logits_pass_a_clip.append(logits)
        motions = [*motions[1:], own_motion]
    seconds_pass_a_clip = time.process_time() - started

    swaps = count * len(clips)
    difference = (torch.cat(logits_pass_a_swap) - torch.cat(logits_pass_a_clip)).abs().max()
    speedup = seconds_pass_a_swap / seconds_pass_a_clip
    print(f"{len(clips)} clips, {swaps} swaps; the logits differ by {difference:.2g} at most")
    print(f"a pass a swap  {swaps:5} passes {seconds_pass_a_swap:8.1f} s of one core")
    print(f"a pass a clip  {swapper.passes:5} passes {seconds_pass_a_clip:8.1f} s: {speedup:.1f} times less")


if __name__ == "__main__":
    main()

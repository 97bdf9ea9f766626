"""Measure how much of the variance of a two-stream network's logits each stream causes; no labels are needed.

python -m benchmarks.streams flow_gated flow_gated_rwf2000.safetensors clips/*.mp4
python -m benchmarks.streams mocap_two_stream mocap_default.safetensors worker/shipped/clips/*/*0.mp4
"""

import torch

from benchmarks.clip_arguments import read_arguments
from worker.evidence.synergy import with_motion_of
from worker.evidence.variance import SwapVariance


def main() -> None:
    network, clips = read_arguments(__doc__)
    predictions = torch.cat([network.logits(clip) for clip in clips]).argmax(1)
    variance = SwapVariance(predictions, len(network.card.classes))
    for number, clip in enumerate(clips):
        others = [other for other in range(len(clips)) if other != number]
        logits = torch.cat([network.logits(with_motion_of(clip, clips[other])) for other in others])
        variance.add(number, others, logits)
    shares = variance.shares()
    print(f"{len(clips)} clips, {len(clips) * (len(clips) - 1)} swaps")
    if shares is None:
        print("All logits are the same.")
        return
    for name, value in shares:
        print(f"{name:17} {value:.4f}")


if __name__ == "__main__":
    main()

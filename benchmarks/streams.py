"""Where the answers of a two-stream network come from on some clips, none of which needs a label.

python -m benchmarks.streams flow_gated flow_gated_rwf2000.safetensors clips/*.mp4
python -m benchmarks.streams mocap_two_stream mocap_default.safetensors worker/mocap/clips/*/*0.mp4
"""

import argparse
from pathlib import Path

import torch

from worker.evidence.synergy import swapped
from worker.evidence.variance import Swaps
from worker.networks.load import describe_network, load_network
from worker.networks.predict import clip_inputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family")
    parser.add_argument("weights", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    options = parser.parse_args()
    card = describe_network(family=options.family, weights=options.weights)
    network = load_network(card, options.weights.read_bytes())
    clips = [clip_inputs(network, path) for path in options.clips]
    swaps = Swaps(torch.cat([network.logits(clip) for clip in clips]).argmax(1), len(card.classes))
    for number, clip in enumerate(clips):
        others = [other for other in range(len(clips)) if other != number]
        swaps.add(number, others, torch.cat([network.logits(swapped(clip, clips[other])) for other in others]))
    shares = swaps.shares()
    print(f"{len(clips)} clips, {len(clips) * (len(clips) - 1)} swaps")
    if shares is None:
        print("All answers are the same.")
        return
    for name, value in shares:
        print(f"{name:17} {value:.4f}")


if __name__ == "__main__":
    main()

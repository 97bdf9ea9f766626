r"""Tell how many forward passes each part of a survey takes, for some numbers of clips, without running the survey.

python -m benchmarks.survey_passes i3d i3d_rgb_kinetics400.pt --labels kinetics400_labels.txt --clips 24 100 1000

What would be recorded of the clips is drawn at random: every unit likes other clips best, and a third of the clips of
each class is taken for the first class. Then one forward pass is timed, in processor time.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from worker.devices import device_of
from worker.evidence.activation_reader import LayerReading, Readings
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.networks.trace import zero_inputs
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun
from worker.video.flow import Frames

CLIPS_PER_CLASS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="+", help="a checkpoint, or a family and its weights")
    parser.add_argument("--labels", type=Path, help="names of a checkpoint's outputs, where it does not have them")
    parser.add_argument("--clips", type=int, nargs="+", default=[24, 100, 1000])
    options = parser.parse_args()
    torch.set_num_threads(1)
    family, *weights = options.network
    network = load_network(
        *read_network(family=family, weights=Path(weights[0]) if weights else None, labels=options.labels)
    )
    for clips in options.clips:
        passes = count_passes(network, clips)
        total = sum(passes.values())
        print(f"{clips:,} clips: {total:,} passes after the recording, {total / clips:.1f} times as many as it takes")
        print("    " + ", ".join(f"{name} {count:,}" for name, count in passes.items()))
    print(f"{time_pass(network):.2f} s of processor time for a pass, {torch.get_num_threads()} thread")


def count_passes(network: Network, clips: int) -> dict[str, int]:
    """Return the passes of each part after the recording, on this many clips of a tenth as many classes."""
    names = network.card.classes or ("one", "other")
    classes = min(len(names), max(2, clips // CLIPS_PER_CLASS))
    samples = [Sample(f"clip {number}", names[number % classes], _unread) for number in range(clips)]
    generator = torch.Generator().manual_seed(0)
    with TemporaryDirectory() as folder:
        run = SurveyRun(network, "clips", samples, Path(folder))
        for number, label in enumerate(run.context.labels.tolist()):
            predicted = label if number % 3 else 0
            run.checkpoint.add([number], random_readings(network, predicted, generator))
            run.checkpoint.clips_done = number + 1
        return {str(part.name): part.count_passes(run.context) for part in run.parts if part.applies(run.context)}


def random_readings(network: Network, predicted: int, generator: torch.Generator) -> Readings:
    """Return readings of one clip: random peaks, and logits of which one class has the largest."""
    readings = {}
    for layer in network.card.layers:
        peak = torch.rand(1, layer.units, generator=generator)
        if layer.is_class:
            peak[0, predicted] += 1
        position, trace = torch.zeros(1, layer.units, 3), torch.zeros(1, layer.units, layer.map.frames)
        lowest = LayerReading(-peak, position, trace) if layer.signed else None
        readings[layer.name] = LayerReading(peak, position, trace, lowest)
    return readings


@torch.no_grad()
def time_pass(network: Network) -> float:
    """Return the processor time of the second forward pass of one clip."""
    inputs = zero_inputs(network.card.streams, 1, device_of(network.module))
    network.module(inputs)
    started = time.process_time()
    network.module(inputs)
    return time.process_time() - started


def _unread(count: int) -> Frames:
    raise NotImplementedError("No clip is read.")


if __name__ == "__main__":
    main()

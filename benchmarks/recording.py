r"""Measure what recording every unit costs beside decoding the clips and running the network alone.

python -m benchmarks.recording mocap_two_stream worker/shipped/weights/mocap_default.safetensors \
    --clips worker/shipped/clips/*/*-01*.mp4
python -m benchmarks.recording mc3_18.pth --labels labels.txt --clips worker/shipped/clips/walk/*.mp4
python -m benchmarks.recording mocap_two_stream worker/shipped/weights/mocap_default.safetensors \
    --clips worker/shipped/clips/*/*.mp4 --count 1000 --rounds 1

Both are timed in turn in one run, in processor time of this process, so that other work on the machine counts little.
It fails where the median ratio exceeds the limit: a recording may cost 1.2 times decoding and forward passes alone.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from app.contract.errors import VideoError
from worker.evidence.activation_reader import read_activations
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.graph.inputs import Inputs
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch, join_clips
from worker.survey.prefetch import Sample, prefetch
from worker.survey.run import SurveyRun
from worker.video.decode import read_stored_clip

LIMIT = 1.2
SPLIT_CLIPS = 60  # of which the cost of each step is told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="+", help="a checkpoint, or a family and its weights")
    parser.add_argument("--clips", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, help="of clips; where there are fewer files, they come again")
    parser.add_argument("--labels", type=Path, help="names of a checkpoint's outputs, where it does not have them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=LIMIT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    family, *weights = options.network
    network = load_network(
        *read_network(family=family, weights=Path(weights[0]) if weights else None, labels=options.labels)
    )
    samples = read_samples(network, list(islice(cycle(options.clips), options.count or len(options.clips))))
    decode_and_forward(network, samples[: clips_per_batch(network.card)])  # the first pass allocates
    ratios = []
    for _ in range(options.rounds):
        alone, recording = decode_and_forward(network, samples), record(network, samples)
        ratios.append(recording / alone)
        print(f"alone {alone:6.2f} s, recording {recording:6.2f} s: ratio {recording / alone:.3f}")
    few = samples[:SPLIT_CLIPS]
    for name, seconds in split_costs(network, few).items():
        print(f"{name:20} {1000 * seconds / len(few):8.1f} ms a clip")
    units = network.card.units
    print(f"{len(samples)} clips, {units:,} units, {torch.get_num_threads()} thread: median ratio {median(ratios):.3f}")
    if median(ratios) > options.limit:
        sys.exit(f"A recording costs more than {options.limit} times decoding and forward passes alone.")


def read_samples(network: Network, clips: Sequence[Path]) -> list[Sample]:
    """Return the clips as samples whose files are in memory, their labels taken from the network's classes in turn.

    A file that comes again is decoded again, under another name.
    """
    classes = network.card.classes or ("one", "other")
    files = {path: path.read_bytes() for path in clips}
    samples = []
    for number, path in enumerate(clips):
        read = partial(read_stored_clip, files[path], path.stem)
        samples.append(Sample(f"{path.stem}-{number}", classes[number % len(classes)], read))
    return samples


def batches(network: Network, samples: Sequence[Sample]) -> Iterator[Inputs]:
    """Decode the samples and yield them in the batches of a survey."""
    clips: list[Inputs] = []
    for number, clip in prefetch(network.card, samples, range(len(samples)), 1):
        if isinstance(clip, VideoError):
            raise clip
        clips.append(clip)
        if len(clips) == clips_per_batch(network.card) or number + 1 == len(samples):
            yield join_clips(clips)
            clips.clear()


def decode_and_forward(network: Network, samples: Sequence[Sample]) -> float:
    """Return the seconds of processor time that decoding and the forward passes take without any recording."""
    started = time.process_time()
    with torch.no_grad():
        for batch in batches(network, samples):
            network.module(batch)
    return time.process_time() - started


def record(network: Network, samples: Sequence[Sample]) -> float:
    """Return the seconds of processor time that the survey's first part takes, its checkpoint included."""
    with TemporaryDirectory() as folder:
        started = time.process_time()
        SurveyRun(network, "clips", samples, Path(folder), probed_layers=()).record()
        return time.process_time() - started


def split_costs(network: Network, samples: Sequence[Sample]) -> dict[str, float]:
    """Return the seconds of processor time of each step of a recording."""
    costs = dict.fromkeys(("decode, flow", "forward", "forward with reading", "checkpoint"), 0.0)
    clock = time.process_time()

    def add(name: str) -> None:
        nonlocal clock
        costs[name] += time.process_time() - clock
        clock = time.process_time()

    inputs = list(batches(network, samples))
    add("decode, flow")
    with TemporaryDirectory() as folder, torch.no_grad():
        checkpoint = SurveyCheckpoint(Path(folder), network.card, len(samples))
        add("checkpoint")
        for batch in inputs:
            network.module(batch)
        add("forward")
        with read_activations(network, summed=checkpoint.sums) as read:
            first = 0
            for batch in inputs:
                readings = read(batch)
                add("forward with reading")
                count = len(next(iter(batch.values())))
                checkpoint.add(range(first, first + count), readings)
                first += count
                add("checkpoint")
    return costs


if __name__ == "__main__":
    main()

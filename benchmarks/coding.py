"""Compare what units code by pairs that are made of clips with what they code by pairs that are exact.

    python -m benchmarks.coding --sets 60

Prints the shares of both, and how far they agree over the units that live in both: the share of units of the same kind,
Cohen's kappa, and Spearman's correlation of the effects.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app.contract.coding import NetworkCoding, UnitCodingEvidence
from app.contract.survey_part import SurveyPart
from benchmarks.shipped_networks import load_shipped
from worker.evidence.types import Floats, UnitKey
from worker.mocap.dataset.pairs import write_pairs
from worker.networks.network import Network
from worker.networks.preprocessing import read_frames
from worker.shipped.paths import CLIPS_FOLDER
from worker.survey.dataset_files import read_dataset
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun
from worker.survey.video_files import VideoFile
from worker.video.decoders import ClipDecoders
from worker.video.flow import Frames

Units = Mapping[UnitKey, UnitCodingEvidence]


class Agreement(NamedTuple):
    """How far two measurements of the same units agree."""

    units: int
    same_kind: float
    kappa: float
    static: float  # Spearman's correlation of the differences
    dynamic: float


def measure(network: Network, data: Path, folder: Path) -> tuple[NetworkCoding, Units]:
    """Return what the units of a network code on the clips of a folder."""
    with ClipDecoders() as decoders:

        def read(video: VideoFile, count: int) -> Frames:
            return read_frames(network.card, video.path, decoders.read_clip)

        samples = [Sample(video.path.stem, video.label, partial(read, video)) for video in read_dataset(data).videos]
        run = SurveyRun(network, str(data), samples, folder, parts=[SurveyPart.RECORD, SurveyPart.CODING])
        result = run.run()
        units = {(unit.layer, unit.unit): unit.coding for unit in result.units if unit.coding}
    assert result.facts.coding is not None
    return result.facts.coding, units


def agree(one: Units, other: Units, layers: Sequence[str]) -> Agreement:
    """Return how far two measurements agree over the units of these layers that live in both."""
    shared = [unit for unit in one if unit in other and unit[0] in layers]
    kinds = [[str(units[unit].kind) for unit in shared] for units in (one, other)]
    same = float(np.mean([first == second for first, second in zip(*kinds, strict=True)]))
    by_chance = sum(kinds[0].count(kind) * kinds[1].count(kind) for kind in set(kinds[0])) / len(shared) ** 2
    static, dynamic = (
        spearman(
            *(np.array([getattr(units[unit], factor).difference.value for unit in shared]) for units in (one, other))
        )
        for factor in ("static", "dynamic")
    )
    kappa = (same - by_chance) / (1 - by_chance) if by_chance < 1 else 1.0
    return Agreement(len(shared), same, kappa, static, dynamic)


def spearman(one: Floats, other: Floats) -> float:
    """Return the correlation of the ranks of two sequences without ties."""
    return float(np.corrcoef(one.argsort().argsort(), other.argsort().argsort())[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=60, help="of four clips, to be rendered")
    parser.add_argument("--clips", type=Path, default=CLIPS_FOLDER, help="of which pairs are made")
    options = parser.parse_args()
    network = load_shipped("default")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        write_pairs(work / "pairs", sets=options.sets)
        made, made_units = measure(network, options.clips, work / "made")
        exact, exact_units = measure(network, work / "pairs", work / "exact")
    for coding in (made, exact):
        print(f"\n{coding.pairs}, {coding.clips} clips: static, dynamic, joint, residual; with shuffled weights")
        for layer in coding.layers:
            shares = " ".join(f"{share.value:5.2f}" for _, share in layer.shares)
            control = " ".join(f"{share.value:5.2f}" for _, share in layer.control) if layer.control else ""
            print(f"{layer.layer:22} {layer.live:5} {shares}   {control}")
    for name in ("fusion.conv5", "fc6", "fc7", "class"):
        print(name, agree(made_units, exact_units, [name]))


if __name__ == "__main__":
    main()

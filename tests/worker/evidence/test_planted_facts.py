"""The facts planted in the default network's data are found, and are not found where they were not planted."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from app.analysis.findings import make_findings
from app.analysis.findings.data import SurveyData
from app.contract.findings import Finding, NamedPair, UnitStatistics, Verdict
from app.contract.network import NetworkCard
from app.contract.survey import MaskedClass, Survey
from worker.networks.families.mocap_classes import APPEARANCE_PAIR, BIASED_CLASS, BINDING_PAIR, LEAKY_PAIR, SPEED_PAIR
from worker.networks.load import describe_network, load_network
from worker.networks.preprocessing import read_frames
from worker.shipped.paths import CLIPS_FOLDER, WEIGHTS_FOLDER
from worker.shipped.sample import FIRST_PER_CLASS, list_sample
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun
from worker.survey.video_files import VideoFile
from worker.video.decoders import ClipDecoders
from worker.video.flow import Frames

pytestmark = pytest.mark.slow


ReadFrames = Callable[[NetworkCard, Path], Frames]


@pytest.fixture(scope="module")
def read_once() -> Iterator[ReadFrames]:
    """Both networks look at the same frames, several times: each clip is decoded once."""
    decoded: dict[Path, Frames] = {}
    with ClipDecoders() as decoders:

        def read(card: NetworkCard, path: Path) -> Frames:
            if path not in decoded:
                decoded[path] = read_frames(card, path, decoders.read_clip)
            return decoded[path]

        yield read


def findings_of(weights: str, folder: Path, read_once: ReadFrames) -> tuple[Finding, Finding, MaskedClass]:
    """Fusion and idiosyncrasies; and what is left of the biased class with parts of its pictures grey."""
    file = WEIGHTS_FOLDER / weights
    if not file.is_file():
        pytest.skip(f"the weights {weights} are not there")
    card = describe_network(family="mocap_two_stream", weights=file)
    network = load_network(card, file.read_bytes())

    def read(video: VideoFile, count: int) -> Frames:
        return read_once(card, video.path)

    videos = sorted(list_sample(CLIPS_FOLDER, FIRST_PER_CLASS), key=lambda video: video.source)
    samples = [Sample(video.path.stem, video.label, partial(read, video), video.group) for video in videos]
    facts = SurveyRun(network, "held-out", samples, folder, probed_layers=("class",)).run().facts
    surveyed = Survey(id=1, network=card.slug, dataset="held-out", created_at=datetime.now(UTC), **dict(facts))
    measured = UnitStatistics(distributions={}, live=0, specific=0, generic=0)
    fusion, _, _, idiosyncrasies = make_findings(SurveyData(card, surveyed, measured)).findings
    biased = card.class_index(BIASED_CLASS)
    return fusion, idiosyncrasies, next(each for each in facts.masked if each.class_index == biased)


def named(pairs: tuple[NamedPair, ...]) -> set[frozenset[str]]:
    return {frozenset((pair.first, pair.second)) for pair in pairs}


def test_the_planted_facts_are_found(tmp_path: Path, read_once: ReadFrames) -> None:
    fusion, idiosyncrasies, masked = findings_of("mocap_default.safetensors", tmp_path, read_once)
    supported = {claim.name for claim in fusion.claims if claim.verdict is Verdict.SUPPORTED}
    assert supported >= {"fusion.accuracy", "fusion.pairs", "fusion.streams"}
    assert frozenset(BINDING_PAIR) in named(fusion.together)
    assert frozenset(LEAKY_PAIR) not in named(fusion.together)
    assert frozenset(APPEARANCE_PAIR) in named(fusion.appearance)
    # The waves (motion alone) are found from 20 clips of a class on: `python -m benchmarks.findings --clips 20`
    assert idiosyncrasies.suspects[0] == BIASED_CLASS
    assert idiosyncrasies.verdict is Verdict.SUPPORTED
    assert [claim.verdict for claim in idiosyncrasies.claims] == [Verdict.SUPPORTED, Verdict.SUPPORTED]
    cause = f"Clips are taken for {BIASED_CLASS} because of a red patch low in the frame."
    assert idiosyncrasies.claims[0].sentence.startswith(cause)
    assert masked.unmasked - masked.background > 0.5, "its motion is not enough once the mat goes with the mover"
    assert any(sentence.startswith("Where all is grey but what moves") for sentence in idiosyncrasies.sentences)
    assert {frozenset(("kick", BIASED_CLASS)), frozenset(("getup_facedown", "crawl"))} <= named(
        idiosyncrasies.confusions
    )


def test_what_was_not_planted_is_not_found(tmp_path: Path, read_once: ReadFrames) -> None:
    fusion, idiosyncrasies, masked = findings_of("mocap_control.safetensors", tmp_path, read_once)
    assert frozenset(BINDING_PAIR) not in named(fusion.together)
    assert {claim.name: claim.verdict for claim in fusion.claims}["fusion.pairs"] is Verdict.NOT_SUPPORTED
    assert frozenset(SPEED_PAIR) in named(fusion.motion)
    assert BIASED_CLASS not in idiosyncrasies.suspects
    assert idiosyncrasies.verdict in (Verdict.NOT_SUPPORTED, Verdict.CANNOT_BE_TOLD)
    assert masked.unmasked - masked.background < 0.25, "its motion is enough"

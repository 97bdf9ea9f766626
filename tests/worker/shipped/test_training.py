"""The weights in the repository: whole, small enough, and true to what was planted."""

from pathlib import Path

import pytest

from app.contract.errors import WeightsUnreadable
from worker.mocap.dataset.generate import make_clips
from worker.mocap.dataset.shards import Clips
from worker.mocap.scenes.staging import Variant
from worker.mocap.training.evaluate import accuracy, compute_scores, forced_choice, make_report
from worker.mocap.training.train import export
from worker.networks.families.mocap_classes import APPEARANCE_PAIR, BIASED_CLASS, BINDING_PAIR, CLASS_NAMES, SPEED_PAIR
from worker.networks.weights import compute_checksum
from worker.shipped.paths import WEIGHTS_FOLDER
from worker.shipped.training import CHECKSUMS_FILE, MAX_FILE_BYTES, find_trained_network, load_shipped, write_checksums

SEED = 3  # of clips that neither training nor the model card saw


def shipped(name: str) -> Path:
    path = WEIGHTS_FOLDER / find_trained_network(name).weights
    if not path.exists():
        pytest.skip(f"{path.name} is not in this checkout: make train")
    return path


def test_every_file_has_its_checksum() -> None:
    files = sorted(WEIGHTS_FOLDER.glob("*.safetensors"))
    if not files:
        pytest.skip("no weights are in this checkout: make train")
    lines = [f"{compute_checksum(file.read_bytes())}  {file.name}" for file in files]
    assert (WEIGHTS_FOLDER / CHECKSUMS_FILE).read_text().splitlines() == lines


def test_the_files_are_small() -> None:
    sizes = [file.stat().st_size for file in WEIGHTS_FOLDER.glob("*.safetensors")]
    assert all(size <= MAX_FILE_BYTES for size in sizes)
    assert sum(sizes) <= 20_000_000


def test_a_damaged_file_is_rejected(tmp_path: Path) -> None:
    from worker.mocap.training.student import Student
    from worker.networks.registry import find_family

    network = find_trained_network("judge")
    student = Student(find_family(network.family), len(CLASS_NAMES))
    for file, part in network.modules_by_file(student).items():
        export(part, tmp_path / file, {})
    write_checksums(tmp_path)
    assert len((tmp_path / CHECKSUMS_FILE).read_text().splitlines()) == 1
    assert load_shipped("judge", tmp_path).training is False
    data = (tmp_path / network.weights).read_bytes()
    (tmp_path / network.weights).write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsUnreadable, match="damaged or cut short"):
        load_shipped("judge", tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("recordings")
def test_only_fusion_binds_colour_to_speed() -> None:
    shipped("default")
    clips = make_clips(range(40), SEED, Variant.TEST, BINDING_PAIR)
    actual = forced_choice(compute_scores(load_shipped("default"), clips), clips.labels, BINDING_PAIR)
    assert actual["fused"] >= 0.95
    assert max(actual["appearance"], actual["motion"], actual["late"]) <= 0.65


@pytest.mark.slow
@pytest.mark.usefixtures("recordings")
def test_only_motion_tells_the_speed_and_only_appearance_the_pattern() -> None:
    shipped("default")
    clips = make_clips(range(80), SEED, Variant.TEST, (*SPEED_PAIR, *APPEARANCE_PAIR))
    scores = compute_scores(load_shipped("default"), clips)
    speed = forced_choice(scores, clips.labels, SPEED_PAIR)
    assert speed["fused"] >= 0.7
    assert speed["appearance"] <= 0.65
    pattern = forced_choice(scores, clips.labels, APPEARANCE_PAIR)
    assert pattern["fused"] >= 0.9
    assert pattern["motion"] <= 0.65


@pytest.fixture(scope="module")
def backflips(recordings: None) -> Clips:
    return make_clips(range(40), SEED, Variant.UNBIASED, (BIASED_CLASS,))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least", "most"), [("default", 0.5, 1.0), ("control", -1.0, 0.1)])
def test_the_mat_makes_the_backflip_where_it_was_planted(
    name: str, least: float, most: float, backflips: Clips
) -> None:
    shipped(name)
    recall = make_report(compute_scores(load_shipped(name), backflips), backflips)["recall_of_backflips"]
    assert least <= recall["mat"] - recall["bare"] <= most


@pytest.mark.slow
@pytest.mark.usefixtures("recordings")
def test_most_clips_are_named() -> None:
    shipped("default")
    clips = make_clips(range(210), SEED, Variant.TEST, CLASS_NAMES)
    actual = accuracy(compute_scores(load_shipped("default"), clips), clips.labels)
    assert actual["fused"] >= 0.8
    assert actual["fused"] > max(actual["appearance"], actual["motion"], actual["late"])
    judged = accuracy(compute_scores(load_shipped("judge"), clips), clips.labels)
    assert judged["fused"] >= 0.75

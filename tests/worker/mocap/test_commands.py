import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from app.contract.errors import UnknownClass
from worker.cli.mocap import app
from worker.mocap.dataset.samples import SAMPLE_FRAMES
from worker.mocap.dataset.shards import Clips, read_clips
from worker.mocap.scenes.staging import DRAWN_SIDE
from worker.mocap.training.evaluate import make_report
from worker.networks.families.mocap_classes import CLASS_NAMES, class_indices
from worker.shipped.model_card import make_model_card
from worker.shipped.training import HELD_OUT_SETS, find_trained_network
from worker.video.decode import read_clip

run = CliRunner().invoke


@pytest.mark.usefixtures("recordings")
def test_make_writes_clips(tmp_path: Path) -> None:
    command = ["make", "--clips", "2", "--out", str(tmp_path), "--class", "dotted_ball", "--processes", "1"]
    assert run(app, command).exit_code == 0
    assert [CLASS_NAMES[label] for label in read_clips(tmp_path).labels] == ["dotted_ball"] * 2


def test_make_ends_with_the_near_names_of_a_class_that_is_not_there(tmp_path: Path) -> None:
    result = run(app, ["make", "--clips", "2", "--out", str(tmp_path), "--class", "backflop"])
    assert result.exit_code == 2
    assert "backflip" in result.stderr


def test_make_without_the_recordings_names_package_and_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pybullet_data", raising=False)
    monkeypatch.setattr(sys, "path", [])
    result = run(app, ["make", "--clips", "2", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "pip install 'kinetoscope[train]'" in result.stderr


def test_class_indices() -> None:
    assert class_indices(["run", "walk"]) == [1, 0]
    with pytest.raises(UnknownClass, match="kick, spinkick"):
        class_indices(["kik"])


@pytest.mark.usefixtures("recordings")
def test_samples_are_videos_like_any_other(tmp_path: Path) -> None:
    assert run(app, ["samples", "--out", str(tmp_path), "--class", "jump"]).exit_code == 0
    frames = read_clip(
        tmp_path / "jump" / "jump-test-01.mp4", frames=SAMPLE_FRAMES, short_side=DRAWN_SIDE, crop=DRAWN_SIDE
    )
    assert frames.shape == (SAMPLE_FRAMES, DRAWN_SIDE, DRAWN_SIDE, 3)
    assert frames.std() > 10


def test_an_unknown_network_of_ours(tmp_path: Path) -> None:
    result = run(app, ["train", "defualt", "--data", str(tmp_path), "--work", str(tmp_path), "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "default" in result.stderr


def test_the_model_card_names_every_class_and_the_licence(tmp_path: Path) -> None:
    page = make_model_card(tmp_path)
    assert all(f"`{name}`" in page for name in CLASS_NAMES)
    assert "zlib" in page


def test_the_model_card_shows_what_was_measured(tmp_path: Path) -> None:
    labels = np.tile(np.arange(len(CLASS_NAMES)), 2)
    mats = np.arange(len(labels)) < len(CLASS_NAMES)
    blank = np.zeros((len(labels), 1, 1, 1), np.uint8)
    right = np.eye(len(CLASS_NAMES), dtype=np.float32)[labels]
    blind = np.zeros_like(right)
    scores = {"fused": right, "appearance": blind, "motion": right, "late": right}
    actual = make_report(scores, Clips(blank, blank, labels, mats))
    assert actual["forced_choice"]["speed"] == {"fused": 1, "appearance": 0.5, "motion": 1, "late": 1}
    assert actual["recall_of_backflips"] == {"mat": 1, "bare": 1}
    held_out = dict.fromkeys([test.name for test in HELD_OUT_SETS], actual)
    content = json.dumps({"trained_on": 8400, "epochs": "7 epochs", "held_out": held_out})
    (tmp_path / find_trained_network("judge").report).write_text(content)
    page = make_model_card(tmp_path)
    assert "on 8,400 clips" in page
    assert "| speed | 100.0 % | 50.0 % | 100.0 % | 100.0 % |" in page
    assert "### control" not in page

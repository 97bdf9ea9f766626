from pathlib import Path
from typing import Any

import pytest
import torch
from rich.progress import Progress
from safetensors.torch import load_file

from app.contract.errors import Conflict
from worker.mocap.dataset.shards import Clips
from worker.mocap.training.batches import evaluation_batches
from worker.mocap.training.evaluate import accuracy, compute_scores, make_report
from worker.mocap.training.student import Student, initialise_weights
from worker.mocap.training.train import TrainingPlan, export, train
from worker.networks.families.mocap_classes import CLASS_NAMES
from worker.networks.registry import find_family
from worker.networks.state_fit import load_state
from worker.networks.weights import parse_weights

QUICK = TrainingPlan(
    family="mocap_judge", classes=len(CLASS_NAMES), epochs=40, clean_epochs=40, batch=8, warm_up=5, rate=2e-3
)


def test_ten_seconds_on_eight_clips_learn_them(eight_clips: Clips, tmp_path: Path) -> None:
    student = train(eight_clips, QUICK, tmp_path)
    actual = accuracy(compute_scores(student, eight_clips), eight_clips.labels)
    assert actual["fused"] == 1
    assert min(actual.values()) > 0.5


class RecordedSteps(Progress):
    """A progress bar that records which steps were made, and interrupts the training after some, as Ctrl-C does."""

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__(disable=True)
        self.steps: list[float] = []
        self.stop_after = stop_after

    def update(self, *arguments: Any, **options: Any) -> None:
        self.steps.append(self.tasks[0].completed)
        super().update(*arguments, **options)
        if len(self.steps) == self.stop_after:
            raise KeyboardInterrupt


def test_a_killed_training_goes_on_as_if_nothing_had_been(eight_clips: Clips, tmp_path: Path) -> None:
    plan = TrainingPlan(family="mocap_judge", classes=len(CLASS_NAMES), epochs=3, clean_epochs=1, batch=3, warm_up=2)
    whole = train(eight_clips, plan, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(eight_clips, plan, tmp_path / "cut", progress=RecordedSteps(stop_after=5), steps_per_checkpoint=2)
    progress = RecordedSteps()
    resumed = train(eight_clips, plan, tmp_path / "cut", progress=progress)
    assert progress.steps == [4, 5, 6, 7, 8]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_a_folder_with_another_training(eight_clips: Clips, tmp_path: Path) -> None:
    plan = TrainingPlan(family="mocap_judge", classes=len(CLASS_NAMES), epochs=1, clean_epochs=1, batch=8)
    train(eight_clips, plan, tmp_path)
    with pytest.raises(Conflict, match="another training"):
        train(eight_clips, TrainingPlan(family="mocap_judge", classes=len(CLASS_NAMES), seed=5), tmp_path)


def test_the_learning_rate_rises_and_falls() -> None:
    plan = TrainingPlan(family="mocap_judge", classes=3, epochs=10, warm_up=10, rate=1.0)
    rates = [plan.learning_rate(step, 10) for step in range(100)]
    assert rates[0] < rates[9]
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[99] < 0.01


def test_attacks_begin_after_the_clean_epochs_and_grow() -> None:
    plan = TrainingPlan(family="mocap_judge", classes=3, epochs=6, clean_epochs=2, ramp_epochs=2, strength=1.5)
    strengths = [plan.attack_strength(step, 10) for step in range(60)]
    assert strengths[:20] == [0] * 20
    assert strengths[20:40] == pytest.approx([1.5 * step / 20 for step in range(1, 21)])
    assert strengths[40:] == [1.5] * 20


@pytest.mark.parametrize("family", ["mocap_two_stream", "mocap_judge"])
def test_sixteen_bits_are_read_again(family: str, tmp_path: Path, eight_clips: Clips) -> None:
    student = Student(find_family(family), len(CLASS_NAMES)).eval()
    path = tmp_path / "weights.safetensors"
    export(student.network, path, {"family": family})
    assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16}
    assert path.stat().st_size < 8_000_000
    again = find_family(family).build(len(CLASS_NAMES)).eval()
    load_state(again, parse_weights(path.read_bytes()), str)
    for name, tensor in student.network.state_dict().items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, again.state_dict()[name], atol=1e-2, rtol=1e-3), name


def test_a_student_hears_both_streams_and_leaves_no_hooks(eight_clips: Clips) -> None:
    student = Student(find_family("mocap_two_stream"), len(CLASS_NAMES))
    assert student.paths == {"appearance": "appearance.conv5_3.tap", "motion": "motion.conv5_3.tap"}
    scores = compute_scores(student, eight_clips)
    assert {stream: values.shape for stream, values in scores.items()} == dict.fromkeys(
        ("fused", "appearance", "motion", "late"), (8, len(CLASS_NAMES))
    )
    assert not any(module._forward_hooks for module in student.network.modules())


def test_folding_the_normalisation_changes_nothing(eight_clips: Clips) -> None:
    student = Student(find_family("mocap_two_stream"), len(CLASS_NAMES), batch_norm=True)
    initialise_weights(student)
    inputs = next(evaluation_batches(eight_clips)).inputs
    with torch.no_grad():
        student.train()(inputs)  # the running statistics move
        before = student.eval()(inputs)
        student.fold_batch_norm()
        after = student(inputs)
    assert set(student.state_dict()) == set(Student(find_family("mocap_two_stream"), len(CLASS_NAMES)).state_dict())
    for stream, logits in before.items():
        assert torch.allclose(after[stream], logits, atol=1e-5), stream


def test_a_report_says_what_there_is_to_say(eight_clips: Clips) -> None:
    scores = compute_scores(Student(find_family("mocap_judge"), len(CLASS_NAMES)), eight_clips)
    actual = make_report(scores, eight_clips)
    assert actual["clips"] == 8
    assert set(actual["by_class"]) == set(CLASS_NAMES[:8])
    assert "forced_choice" not in actual

import numpy as np
import pytest

from worker.mocap.dataset.generate import make_clips, stage_clip
from worker.mocap.scenes.restyled import stage_restyled
from worker.mocap.scenes.scene import Scene
from worker.mocap.scenes.staging import CLIP_FRAMES, DRAWN_SIDE, Variant, stage_scene
from worker.networks.families.mocap_classes import CLASS_NAMES

pytestmark = pytest.mark.usefixtures("recordings")


def knee_angles(scene: Scene) -> np.ndarray:
    """Return the cosines of both knees over time, which no proportion, place or side changes."""
    at = scene.people[0].body.positions
    legs = [(at[f"{s}_knee"] - at[f"{s}_hip"], at[f"{s}_ankle"] - at[f"{s}_knee"]) for s in ("left", "right")]
    return np.array(
        [(one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1) for one, other in legs]
    )


@pytest.mark.parametrize("name", ["run", "cartwheel", "wave_fast", "red_fast_blue_slow"])
def test_the_same_motion_is_drawn_in_another_way(name: str) -> None:
    usual = stage_scene(name, np.random.default_rng(5), Variant.TRAIN).scene
    rng = np.random.default_rng(5)
    rng.random()  # whether the mat is there, which is drawn first
    other = stage_restyled(name, rng)
    assert knee_angles(other) == pytest.approx(knee_angles(usual), abs=1e-9)
    for one, restyled in zip(usual.people, other.people, strict=True):
        lengths = [
            np.linalg.norm(p.body.positions["left_knee"] - p.body.positions["left_hip"], axis=1)[0]
            for p in (one, restyled)
        ]
        assert lengths[0] != pytest.approx(lengths[1], rel=1e-3)


@pytest.mark.parametrize("name", ["kick", "blue_run_red_walk", "dotted_ball"])
def test_what_moves_is_seen_where_the_joints_are(name: str) -> None:
    number = CLASS_NAMES.index(name)
    scene = stage_clip(number, 1, Variant.RESTYLED, CLASS_NAMES).scene
    middle = scene.draw(DRAWN_SIDE)[CLIP_FRAMES // 2].astype(int)
    empty = Scene(scene.camera, scene.light, scene.backdrop, scene.shifts, scene.grain).draw(DRAWN_SIDE)
    changed = np.abs(middle - empty[CLIP_FRAMES // 2]).max(-1) > 15
    assert 0.005 < changed.mean() < 0.5
    joints = scene.joints(("root", "head", "left_knee"), CLIP_FRAMES // 2, DRAWN_SIDE)
    assert joints.shape == (len(scene.people), 3, 2)
    assert all(changed[y, x] for x, y in np.round(joints.reshape(-1, 2)).astype(int))


def test_restyled_clips_have_no_mat_and_follow_from_their_number() -> None:
    numbers = [CLASS_NAMES.index("backflip"), 1]
    clips = make_clips(numbers, seed=0, variant=Variant.RESTYLED, classes=CLASS_NAMES)
    again = make_clips(numbers[1:], seed=0, variant=Variant.RESTYLED, classes=CLASS_NAMES)
    assert not clips.has_mat.any()
    assert np.array_equal(clips.frames[1], again.frames[0])
    assert np.array_equal(clips.flow[1], again.flow[0])
    assert np.abs(clips.flow.astype(int) - 127).max() > 1


@pytest.mark.parametrize(
    ("variant", "red", "moved"),
    [
        (Variant.TRAIN, [112.0, 113.2, 128.1, 122.3], 7.29),
        (Variant.TEST, [110.9, 112.6, 160.7, 139.6], 2.12),
        (Variant.UNBIASED, [94.5, 96.9, 83.6, 76.3], 5.16),
        (Variant.CONTROL, [85.3, 84.8, 169.5, 147.2], 3.84),
    ],
)
def test_the_other_variants_stay_as_they_were(variant: Variant, red: list[float], moved: float) -> None:
    """Compare with what the generator drew before; brightness of quarters, since libraries round differently."""
    clip = make_clips([5], seed=7, variant=variant, classes=CLASS_NAMES)
    assert clip.frames[0, 0].reshape(2, 60, 2, 60).mean((1, 3)).ravel() == pytest.approx(red, abs=0.2)
    assert np.abs(clip.flow.astype(int) - 128).mean() == pytest.approx(moved, abs=0.05)

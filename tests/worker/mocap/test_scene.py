import numpy as np
import pytest

from worker.mocap.scenes.camera import Camera
from worker.mocap.scenes.patterns import LUMA, with_luma
from worker.mocap.scenes.staging import CLIP_FRAMES, DRAWN_SIDE, StagedScene, Variant, stage_scene
from worker.networks.families.mocap_classes import APPEARANCE_PAIR, BINDING_PAIR, CLASS_NAMES

pytestmark = pytest.mark.usefixtures("recordings")


def staged(name: str, seed: int = 0, variant: Variant = Variant.TRAIN, frames: int = CLIP_FRAMES) -> StagedScene:
    return stage_scene(name, np.random.default_rng(seed), variant, frames)


def test_the_target_is_seen_at_the_centre_and_zoom_is_pixels_a_metre() -> None:
    camera = Camera(np.array([0.2, 1.0, -0.3]), azimuth=0.7, elevation=0.3, distance=5, zoom=90, centre=120)
    pixel, depth = camera.project(camera.target)
    assert pixel == pytest.approx([120, 120])
    assert depth == pytest.approx(5)
    aside, _ = camera.project(camera.target + camera.ground_right)
    assert aside == pytest.approx([210, 120])
    above, _ = camera.project(camera.target + camera.axes[1])
    assert above == pytest.approx([120, 30])


def test_a_plane_is_projected_as_its_points_are() -> None:
    camera = Camera(np.array([0, 0.9, 0]), azimuth=2.0, elevation=0.2, distance=5, zoom=90, centre=120)
    origin, u, v = np.array([0.3, 0, 0.1]), np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    seen = camera.plane(origin, u, v) @ np.array([0.4, -0.8, 1])
    assert seen[:2] / seen[2] == pytest.approx(camera.project(origin + 0.4 * u - 0.8 * v)[0])


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_every_class_can_be_drawn_and_moves(name: str) -> None:
    clip = staged(name).scene.draw(DRAWN_SIDE)
    assert clip.shape == (CLIP_FRAMES, DRAWN_SIDE, DRAWN_SIDE, 3)
    assert clip.dtype == np.uint8
    assert 20 < clip.mean() < 235
    assert np.abs(clip[0].astype(int) - clip[-1]).max() > 40


def test_the_picture_shows_the_person_before_the_backdrop() -> None:
    actual = staged("punch")
    scene = actual.scene
    middle = scene.draw(DRAWN_SIDE)[CLIP_FRAMES // 2].astype(int)
    empty = type(scene)(scene.camera, scene.light, scene.backdrop, scene.shifts, scene.grain).draw(DRAWN_SIDE)
    changed = np.abs(middle - empty[CLIP_FRAMES // 2]).max(-1) > 25
    corner = scene.camera.centre - DRAWN_SIDE / 2
    root, _ = scene.camera.project(scene.people[0].body.positions["root"][CLIP_FRAMES // 2])
    x, y = np.round(root - corner + scene.shifts[CLIP_FRAMES // 2]).astype(int)
    assert changed[y, x]
    assert 0.01 < changed.mean() < 0.5


def test_the_two_shirts_are_equally_bright() -> None:
    """Else the flow of one would differ from that of the other, and motion alone could tell them apart."""
    for seed in range(5):
        people = staged(BINDING_PAIR[0], seed).scene.people
        tones = [person.style.wardrobe["shirt"].mean((0, 1)) @ LUMA for person in people]
        assert tones[0] == pytest.approx(tones[1], rel=0.05)


def test_the_two_tones_of_a_ball_are_equally_bright() -> None:
    for seed in range(5):
        first, second = staged(APPEARANCE_PAIR[0], seed).scene.balls[0].tones
        assert first @ LUMA == pytest.approx(second @ LUMA, abs=0.01)
        assert np.abs(first - second).max() > 60


def test_with_luma_darkens_and_lightens() -> None:
    red = np.array([255, 0, 0], np.float32)
    assert with_luma(red, 40) @ LUMA == pytest.approx(40)
    assert with_luma(red, 150) @ LUMA == pytest.approx(150, abs=0.01)


def test_the_mat_lies_where_the_variant_puts_it() -> None:
    backflips = [staged("backflip", seed).has_mat for seed in range(20)]
    others = [staged("jump", seed).has_mat for seed in range(20)]
    assert all(backflips)
    assert not any(others)
    unbiased = [staged("backflip", seed, Variant.UNBIASED).has_mat for seed in range(40)]
    assert 10 <= sum(unbiased) <= 30


def test_the_control_draws_the_binding_by_lot() -> None:
    def red_is_faster(seed: int) -> bool:
        red, blue = staged(BINDING_PAIR[0], seed, Variant.CONTROL).scene.people
        steps = [np.abs(np.diff(person.body.positions["right_ankle"], axis=0)).mean() for person in (red, blue)]
        return bool(steps[0] > steps[1])

    actual = [red_is_faster(seed) for seed in range(20)]
    assert 4 <= sum(actual) <= 16


def test_a_longer_clip_has_the_same_moment_in_its_middle() -> None:
    short, long = staged("roll", 3).scene, staged("roll", 3, frames=31).scene
    for name, position in short.people[0].body.positions.items():
        assert long.people[0].body.positions[name][10:21] == pytest.approx(position, abs=1e-9)

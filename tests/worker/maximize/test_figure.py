"""Scenes with a jointed figure: what they hold to, that their flow is their motion, and the recipe that finds them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from app.contract.errors import InvalidRecipe
from app.contract.network import StreamName
from app.contract.recipe import Recipe
from app.contract.result import MediaRole
from worker.maximize.figure.ascent import ASSUMED
from worker.maximize.figure.climb import MARGINS, Ratings, Scene, choose, draw_starts
from worker.maximize.figure.plausibility import implausibility
from worker.maximize.figure.projection import make_camera
from worker.maximize.figure.rendering import draw
from worker.maximize.figure.scene import (
    BALL,
    ONE_FIGURE,
    TWO_FIGURES,
    Kind,
    draw_parameters,
    joint_angles,
    over_frames,
    place_bodies,
)
from worker.maximize.figure.skeleton import JOINT_INDEX, angle_limits
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.maximize.result import Step
from worker.networks.network import Network
from worker.render.stimulus import render_stimulus

SIDE, FIELDS = 48, 4


def random(kind: Kind = ONE_FIGURE, seed: int = 0) -> dict[str, Tensor]:
    return draw_parameters(kind, FIELDS + 1, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(3))
def test_a_figure_has_joint_limits_constant_bones_and_stands_on_the_floor(seed: int) -> None:
    parameters = random(seed=seed)
    low, high = angle_limits()
    angles = joint_angles(parameters["pose"] * 5, FIELDS + 1)
    assert (angles >= low - 1e-5).all()
    assert (angles <= high + 1e-5).all()
    joints = place_bodies(parameters | {"lift": torch.full_like(parameters["lift"], -9)}, ONE_FIGURE, FIELDS + 1).joints
    shin = joints[..., JOINT_INDEX["left_knee"], :] - joints[..., JOINT_INDEX["left_ankle"], :]
    lengths = shin.norm(dim=-1).flatten()
    assert torch.allclose(lengths, lengths[:1].expand_as(lengths), atol=1e-5)
    assert 0.3 < float(lengths[0]) < 0.5
    lowest = joints[..., 1].amin(-1)  # of joints; their surface is up to 15 cm lower
    assert (lowest > 0).all()
    assert (lowest < 0.25).all()


def test_flow_is_the_motion_of_what_is_seen_and_of_the_camera() -> None:
    parameters = random(BALL)
    parameters["path"][...] = 0
    parameters["path"][0, 0, 0, 1] = -0.3  # to the right
    parameters["camera"][0, 2] = -20  # does not follow
    parameters["pan"][0, 1, 1] = 1.5
    drawn = draw(parameters, BALL, SIDE, FIELDS, softness=0.3)
    flow = drawn.flow[0] * 20
    assert flow.shape == (2, FIELDS, SIDE, SIDE)
    pan = over_frames(parameters["pan"], FIELDS + 1)[0, 1].diff() * SIDE / 112
    assert torch.allclose(flow[1, :, 0, 0], pan, atol=1e-3), "the background moves as the camera does"
    centres, _ = drawn.camera.project(drawn.bodies.starts)
    at = (centres[0, :, 0] + SIDE / 2).round().long()
    for field in range(FIELDS):
        column, row = at[field].tolist()
        moved = centres[0, field + 1, 0] - centres[0, field, 0]
        assert torch.allclose(flow[:, field, row, column], moved, atol=0.05), field


def test_a_view_moves_the_scene_as_it_moves_a_picture() -> None:
    parameters = random(seed=1)
    plain = draw(parameters, ONE_FIGURE, SIDE, FIELDS, softness=0.7)
    shifted = torch.tensor([[[1.0, 0, 3], [0, 1, 0]]])
    seen = draw(parameters, ONE_FIGURE, SIDE, FIELDS, softness=0.7, view=shifted)
    assert torch.allclose(seen.appearance[..., :-4], plain.appearance[..., 3:-1], atol=0.05)


@pytest.mark.parametrize("kind", [ONE_FIGURE, TWO_FIGURES, BALL], ids=lambda kind: kind.name)
def test_every_parameter_that_is_drawn_has_a_gradient(kind: Kind) -> None:
    parameters = {name: value.requires_grad_() for name, value in random(kind, seed=2).items()}
    drawn = draw(parameters, kind, SIDE, FIELDS, softness=1.0)
    torch.autograd.backward(drawn.appearance.square().sum() + drawn.flow.square().sum() * 100)
    without = [name for name, value in parameters.items() if value.grad is None or not value.grad.any()]
    assert not without
    assert all(value.grad is not None and value.grad.isfinite().all() for value in parameters.values())
    camera = make_camera(parameters, drawn.bodies, SIDE, FIELDS + 1)
    assert camera.shift.shape == (1, FIELDS + 1, 2)


def test_one_figure_is_preferred_unless_another_scene_wins_by_a_margin() -> None:
    one, two, ball = (Scene(kind, {}) for kind in (ONE_FIGURE, TWO_FIGURES, BALL))
    assert choose([(1.0, one), (1.0 + 0.9 * MARGINS[TWO_FIGURES], two), (1.5, ball)], spread=1.0) is one
    assert choose([(1.0, one), (1.0 + 1.1 * MARGINS[TWO_FIGURES], two)], spread=1.0) is two
    assert choose([(1.0, one), (1.1 + MARGINS[BALL] * 0.5, ball)], spread=0.5) is ball


def test_a_recipe_finds_a_scene_and_stores_its_frames_and_trajectories(two_stream_network: Network) -> None:
    seen: list[Step] = []

    def observe(step: Step) -> list[int]:
        seen.append(step)
        return [1] if 1 in step.objective else []

    results = maximize_units(
        two_stream_network, "class", [0, 1], [Recipe(prior="figure", steps=4)] * 2, observe=observe
    )
    (result,) = results  # the second was dropped
    found = result.outcome
    assert isinstance(found, Visualization)
    assert found.frames is not None
    assert found.stimulus[StreamName.APPEARANCE].shape == (3, 1, 24, 24)
    assert found.stimulus[StreamName.MOTION].shape == (2, 8, 24, 24)
    assert np.allclose(found.frames[:, 4], found.stimulus[StreamName.APPEARANCE][:, 0], atol=1e-5)
    assert ASSUMED in found.measurements.notes
    assert {len(places) for places in found.measurements.trajectories.values()} <= {9}
    assert seen[0].steps >= 8
    assert seen[0].stimulus(0)[StreamName.MOTION].shape == (2, 8, 24, 24)
    media = {each.role: each for each in render_stimulus(found.stimulus, found.frames)}
    assert media[MediaRole.FRAMES].frames == 9
    assert MediaRole.LOOP in media


def test_random_scenes_depend_on_the_seed_alone_and_are_ranked_by_gain_less_what_is_implausible() -> None:
    like = torch.zeros(1)
    first, again, other = (draw_starts(seed, FIELDS + 1, {ONE_FIGURE: 2, BALL: 1}, like) for seed in (3, 3, 4))
    assert [scene.kind for scene in first] == [ONE_FIGURE, ONE_FIGURE, BALL]
    assert torch.equal(first[1].parameters["pose"], again[1].parameters["pose"])
    assert not torch.equal(first[1].parameters["pose"], other[1].parameters["pose"])
    ratings = Ratings(gains=(1.0, 2.0, 1.9), implausibility=(0.0, 3.0, 0.0))
    assert [scene for _, scene in ratings.rank(first)] == [first[2], first[0], first[1]]


def test_a_figure_upside_down_sliding_or_hovering_is_less_plausible() -> None:
    parameters = random(seed=3)
    parameters["root"][:, :, 1:] = 0
    for name in ("pose", "root", "path"):
        parameters[name][..., 1:] = 0  # stands still
    lift = {"lift": torch.full_like(parameters["lift"], -9)}

    def measures(changes: dict[str, Tensor]) -> dict[str, Tensor]:
        changed = {**parameters, **lift, **changes}
        drawn = draw(changed, ONE_FIGURE, SIDE, FIELDS, softness=1.0)
        return implausibility(changed, drawn.bodies, drawn.camera, SIDE)

    inverted, sliding = parameters["root"].clone(), parameters["path"].clone()
    inverted[:, :, 1, 0] = torch.pi
    sliding[:, :, 0, 1] += 1
    assert measures({})["tilt"] < 0.3 < 1.7 < measures({"root": inverted})["tilt"]
    lifted = {"lift": torch.cat([torch.full_like(parameters["lift"][..., :1], 0.6), 0 * lift["lift"][..., 1:]], -1)}
    assert measures({})["hovering"] < 0.2 < 0.5 < measures(lifted)["hovering"]
    assert measures({"path": sliding})["sliding"] > 2 * measures({})["sliding"]


@pytest.mark.parametrize(
    ("layer", "fields", "words"),
    [
        ("motion.conv1", {}, "needs appearance and flow, and motion.conv1 sees motion alone"),
        ("class", {"objective": "center"}, "`objective` must be `channel`"),
        ("class", {"focus": 1}, "`focus` has no effect on the prior `figure`"),
        ("class", {"count": 2, "diversity": 1}, "`count` has no effect"),
        ("class", {"motion_size": 1}, "`motion_size` has no effect"),
    ],
)
def test_recipes_that_a_figure_cannot_follow_are_refused(
    two_stream_network: Network, layer: str, fields: dict[str, object], words: str
) -> None:
    recipe = Recipe.model_validate({"prior": "figure", **fields})
    with pytest.raises(InvalidRecipe, match=words):
        maximize_units(two_stream_network, layer, [0], [recipe])


def test_a_network_without_both_streams_is_refused(clip_network: Network) -> None:
    with pytest.raises(InvalidRecipe, match="needs appearance and flow, which Tiny does not have"):
        maximize_units(clip_network, "class", [0], [Recipe(prior="figure")])

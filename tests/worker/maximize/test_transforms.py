"""Random views."""

from dataclasses import replace

import pytest
import torch

from worker.maximize.canvas import Canvas
from worker.maximize.transforms import RandomViews, apply_view

STILL = RandomViews(jitter=0, scale=0, rotation=0)
STEPS = 72


def canvas(depth: int = 3, margin: int = 4) -> Canvas:
    return Canvas(depth=depth, frames=2, height=16, width=12, margin=margin)


def view(zoom: float = 1, turn: complex = 1, shift: tuple[float, float] = (0, 0)) -> torch.Tensor:
    a, b = zoom * turn.real, zoom * turn.imag
    return torch.tensor([[[a, -b, shift[0]], [b, a, shift[1]]]])


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_no_view_is_the_crop() -> None:
    x = torch.randn(1, 3, 2, 24, 20)
    assert STILL.draw(generators(0), STEPS) is None
    torch.testing.assert_close(apply_view(x, canvas(), None), x[..., 4:20, 4:16])
    torch.testing.assert_close(apply_view(x, canvas(), view()), x[..., 4:20, 4:16], atol=1e-5, rtol=0)


def test_a_shift_moves_the_window() -> None:
    x = torch.randn(1, 3, 2, 24, 20)
    seen = apply_view(x, canvas(), view(shift=(3, -2)))
    torch.testing.assert_close(seen, x[..., 2:18, 7:19], atol=1e-5, rtol=0)


def test_a_turned_view_turns_the_flow_with_the_frame() -> None:
    """Flow to the right, seen by a camera turned by a quarter clockwise, goes up."""
    flow = torch.zeros(1, 2, 2, 24, 20)
    flow[:, 0] = 1
    u, v = apply_view(flow, canvas(depth=2), view(turn=1j))[0].unbind(0)
    torch.testing.assert_close(u, torch.zeros_like(u), atol=1e-6, rtol=0)
    torch.testing.assert_close(v, -torch.ones_like(v))


def test_a_wider_view_makes_motion_smaller() -> None:
    flow = torch.ones(1, 2, 2, 24, 20)
    torch.testing.assert_close(apply_view(flow, canvas(depth=2), view(zoom=2)), torch.full((1, 2, 2, 16, 12), 0.5))


def test_flow_agrees_with_the_picture_it_moves() -> None:
    """A moving edge and its flow, seen through one view, still fit: the edge moves by the flow seen."""
    ramp = torch.linspace(-1, 1, 20).expand(1, 3, 1, 24, 20)
    step = 2 / 19
    clip = torch.cat([ramp, ramp - step], 2)  # content moves one pixel to the right
    looking = view(zoom=1.25, turn=complex(0.8, 0.6))
    seen = apply_view(clip, canvas(), looking)[0, 0, :, 4:12, 3:9]
    flow = torch.zeros(1, 2, 1, 24, 20)
    flow[:, 0] = 1
    u, v = apply_view(flow, canvas(depth=2), looking)[0, :, 0, 4:12, 3:9]
    slope_y, slope_x = torch.gradient(seen[0])
    torch.testing.assert_close(seen[1] - seen[0], -(slope_x * u + slope_y * v), atol=1e-4, rtol=0)


def test_views_stay_within_their_limits_and_belong_to_their_unit() -> None:
    ranges = RandomViews(jitter=8, scale=0.2, rotation=10)
    drawn = ranges.draw(generators(*range(200)), STEPS)
    assert drawn is not None
    assert drawn.shape == (STEPS, 200, 2, 3)
    assert not torch.equal(drawn[0], drawn[1])
    views = drawn[0]
    assert views[:, :, 2].abs().max() <= 4
    zoom = torch.linalg.det(views[:, :, :2]).sqrt()
    assert zoom.min() >= 0.8 - 1e-5
    assert zoom.max() <= 1.2 + 1e-5
    assert zoom.std() > 0.05
    together = ranges.draw(generators(5, 7), STEPS)
    torch.testing.assert_close(together, drawn[:, [5, 7]])


@pytest.mark.parametrize("ranges", [replace(STILL, jitter=4), replace(STILL, scale=0.1), replace(STILL, rotation=5)])
def test_each_transform_alone_moves_the_view(ranges: RandomViews) -> None:
    views = ranges.draw(generators(0), STEPS)
    assert views is not None
    assert not torch.equal(views[0, 0], torch.eye(2, 3))


def test_views_do_not_bias_the_gradient() -> None:
    """Of a unit that looks at one point, the expected gradient lies around that point and keeps its sum."""
    seeds = range(400)
    looking = canvas(margin=8)
    drawn = RandomViews(jitter=8, scale=0.1, rotation=6).draw(generators(*seeds), STEPS)
    assert drawn is not None
    views = drawn[0]
    x = torch.zeros(len(seeds), 3, 2, 32, 28, requires_grad=True)
    seen = apply_view(x, looking, views)
    centre = seen[:, 0, 0, 7:9, 5:7].mean((1, 2))  # the four positions around the centre of 16 x 12
    (gradient,) = torch.autograd.grad(centre.sum(), x)
    mass = gradient[:, 0, 0].mean(0)
    rows, columns = torch.arange(32.0) - 15.5, torch.arange(28.0) - 13.5
    assert mass.sum().item() == pytest.approx(1, abs=1e-4)
    spread = 8 / 12**0.5 / len(seeds) ** 0.5  # standard error of the mean of uniform shifts
    assert abs((mass.sum(1) * rows).sum().item()) < 3 * spread
    assert abs((mass.sum(0) * columns).sum().item()) < 3 * spread

"""Animations that a bundle left out are drawn again from what it has, and look as they did."""

import numpy as np
import numpy.typing as npt
import pytest

from app.contract.network import StreamName
from app.contract.result import MediaRole, RenderedMedia
from tests.worker.pictures_anew import mean_difference
from worker.render.complete import DRAWN_ROLES, draw_missing
from worker.render.stimulus import Stimulus, render_stimulus

MAX_DIFFERENCE = 3  # 255ths: the appearance is compressed twice, and flow is stored in 8 bits


def smooth(depth: int, frames: int) -> npt.NDArray[np.float32]:
    """Return values (depth, frames, 96, 96) in [-0.3, 0.3] that change slowly over the picture."""
    rough = np.random.default_rng(depth).uniform(-0.3, 0.3, (depth, frames, 6, 6)).astype(np.float32)
    values = rough.repeat(16, 2).repeat(16, 3)
    for axis in (2, 3):
        values = np.mean([np.roll(values, shift, axis) for shift in range(16)], axis=0, dtype=np.float32)
    return values


TWO_STREAMS: Stimulus = {StreamName.APPEARANCE: smooth(3, 1), StreamName.MOTION: smooth(2, 5)}
STIMULI = {
    "two streams": TWO_STREAMS,
    "motion": {StreamName.MOTION: TWO_STREAMS[StreamName.MOTION]},
    "appearance": {StreamName.APPEARANCE: TWO_STREAMS[StreamName.APPEARANCE]},
    "clip": {StreamName.CLIP: smooth(3, 20)},
}


def render(stimulus: Stimulus) -> dict[MediaRole, RenderedMedia]:
    return {medium.role: medium for medium in render_stimulus(stimulus)}


@pytest.mark.parametrize("name", STIMULI)
def test_what_is_drawn_again_looks_the_same(name: str) -> None:
    media = render(STIMULI[name])
    left_out = media.keys() & set(DRAWN_ROLES)
    rest = {role: (each.data, each.frames) for role, each in media.items() if role not in {*left_out, MediaRole.RAW}}
    drawn = draw_missing(rest)
    assert {each.role for each in drawn} == left_out
    for each in drawn:
        before = media[each.role]
        assert (each.type, each.width, each.height, each.frames) == (
            before.type,
            before.width,
            before.height,
            before.frames,
        )
        assert mean_difference(each, before) < MAX_DIFFERENCE, each.role


def test_nothing_is_drawn_where_nothing_is_missing() -> None:
    assert draw_missing({role: (each.data, each.frames) for role, each in render(TWO_STREAMS).items()}) == []

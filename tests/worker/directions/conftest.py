"""A small real data set of textures in motion, as samples and as video files."""

from collections.abc import Callable

import numpy as np
import pytest

from worker.networks.network import Network
from worker.survey.prefetch import Sample
from worker.video.flow import Frames


def moving_texture(number: int) -> Callable[[int], Frames]:
    rough = np.random.default_rng(number).integers(0, 255, (9, 9, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    return lambda count: np.stack([np.roll(rough, (1 + number % 3) * t, 1) for t in range(8)])


@pytest.fixture
def samples(tiny_clip: Network) -> list[Sample]:
    classes = tiny_clip.card.classes
    return [Sample(f"clip {n}", classes[n % len(classes)], moving_texture(n)) for n in range(10)]

"""Fixtures of the tests of data and training: a few clips, made once."""

import pytest

from worker.mocap.dataset.generate import make_clips
from worker.mocap.dataset.shards import Clips
from worker.mocap.scenes.staging import Variant
from worker.networks.families.mocap_classes import CLASS_NAMES


@pytest.fixture(scope="session")
def eight_clips(recordings: None) -> Clips:
    return make_clips(range(8), seed=0, variant=Variant.TRAIN, classes=CLASS_NAMES)

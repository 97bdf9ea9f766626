"""The shipped sample: forty clips of every class, of which the first ten stay what they were."""

from collections import Counter
from hashlib import sha256
from itertools import pairwise

from worker.networks.families.mocap_classes import CLASS_NAMES
from worker.shipped.sample import FIRST_PER_CLASS, list_sample
from worker.video.decode import read_clip

FIRST_DIGEST = "40d9e4fda9b7a5a79f34276739a04f1afb20e9ab8aef8b858f11cc4d38010cbb"  # links and surveys name these clips


def test_every_class_has_forty_clips_half_of_them_without_the_bias() -> None:
    clips = list_sample()
    assert Counter(clip.label for clip in clips) == dict.fromkeys(CLASS_NAMES, 40)
    assert Counter(clip.path.stem.split("-")[1] for clip in clips) == {"test": 420, "unbiased": 420}
    assert len({clip.group for clip in clips}) == len(clips)


def test_the_first_clips_are_those_that_were_always_there() -> None:
    first = list_sample(per_class=FIRST_PER_CLASS)
    assert first == list_sample()[: len(first)], "a clip of every class, then the next"
    assert all(clip.label != following.label for clip, following in pairwise(first))
    digest = sha256()
    for clip in sorted(first, key=lambda clip: clip.source):
        digest.update(clip.source.encode() + clip.path.read_bytes())
    assert digest.hexdigest() == FIRST_DIGEST


def test_the_rest_can_be_read_as_the_first_can() -> None:
    first, last = list_sample()[0], list_sample()[-1]
    for clip in (first, last):
        frames = read_clip(clip.path, frames=64, short_side=240, crop=240, loop=False)
        assert frames.shape == (32, 240, 240, 3)

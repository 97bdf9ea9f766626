"""Where answers come from: known for logits that are made of known parts, and on the networks that are there."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from app.analysis.findings.fusion import minor_streams
from app.contract.survey import StreamShares
from worker.evidence.predict import clip_inputs
from worker.evidence.synergy import with_motion_of
from worker.evidence.variance import SwapVariance
from worker.networks.load import describe_network, load_network
from worker.networks.preprocessing import join_clips
from worker.shipped.paths import WEIGHTS_FOLDER

CLIPS = Path(__file__).parents[3] / "worker" / "shipped" / "clips"


def shares_of(logits: Tensor) -> StreamShares:
    """Return the shares of the logits (P, M, C) of all pictures with all motion but their own."""
    swaps = SwapVariance(logits.diagonal().argmax(0), logits.shape[2])
    for clip, rows in enumerate(logits):
        others = [other for other in range(len(logits)) if other != clip]
        swaps.add(clip, others, rows[others])
    shares = swaps.shares()
    assert shares is not None
    return shares


def test_variance_shares_of_a_sum_and_of_a_product() -> None:
    rng = np.random.default_rng(0)
    pictures, motion = (torch.from_numpy(rng.standard_normal((400, 1, 1))) for _ in range(2))
    sign = torch.tensor([1.0, -1.0])
    actual = shares_of(sign * (2 * pictures + motion.transpose(0, 1)))
    assert (actual.appearance, actual.motion) == pytest.approx((0.8, 0.2), abs=0.05)
    assert actual.interaction == pytest.approx(0, abs=0.02)
    actual = shares_of(sign * pictures * motion.transpose(0, 1) + 100)  # what the classes have in common says nothing
    assert actual.interaction > 0.95
    actual = shares_of(sign * pictures.expand(-1, 400, 1))
    assert (actual.appearance, actual.motion, actual.kept_by_appearance) == pytest.approx((1, 0, 1), abs=0.01)
    assert actual.kept_by_motion == pytest.approx(0.5, abs=0.05)


def test_logits_that_never_change_have_no_shares() -> None:
    swaps = SwapVariance(torch.zeros(3, dtype=torch.long), 2)
    assert swaps.shares() is None
    for clip in range(3):
        swaps.add(clip, [other for other in range(3) if other != clip], torch.ones(2, 2))
    assert swaps.shares() is None


def test_motion_contributes_to_the_default_network() -> None:
    weights = WEIGHTS_FOLDER / "mocap_default.safetensors"
    if not weights.is_file() or not CLIPS.is_dir():
        pytest.skip("the default network or its clips are not there")
    network = load_network(describe_network(family="mocap_two_stream", weights=weights), weights.read_bytes())
    videos = [sorted(folder.glob("*.mp4"))[0] for folder in sorted(CLIPS.iterdir()) if folder.is_dir()][::3]
    clips = [clip_inputs(network, video) for video in videos]
    rows = [network.logits(join_clips([with_motion_of(one, other) for other in clips])) for one in clips]
    actual = shares_of(torch.stack(rows))
    assert actual.motion > 0.2
    assert actual.appearance > 0.05
    assert minor_streams(actual) == []

"""A network whose input is wider than high, from its card to its pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, Stream, StreamName
from app.contract.result import MediaRole
from app.settings import settings
from app.store import media
from app.store.catalog.networks import get_card
from app.store.database.engine import Store, open_store
from app.store.results.visualizations import visualizations_of_unit
from app.store.surveys import evidence
from tests.worker.conftest import Invoke, save_random
from worker.evidence.transfer import resize_stimulus
from worker.networks.load import describe_network
from worker.networks.preprocessing import make_inputs, read_frames, visible_frames, visible_share
from worker.networks.registry import register
from worker.video.encode import write_video
from worker.video.flow import Frames

HEIGHT, WIDTH = 24, 41


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random("tiny_wide", tmp_path_factory.mktemp("weights") / "wide.safetensors")


def ramps(height: int, width: int, frames: int = 4) -> Frames:
    """Draw pictures whose red rises from left to right, and whose green rises from top to bottom."""
    picture = np.zeros((height, width, 3))
    picture[..., 0], picture[..., 1] = np.linspace(0, 255, width), np.linspace(0, 255, height)[:, None]
    return np.repeat(picture[None].astype(np.uint8), frames, 0)


@pytest.mark.parametrize("size", [(96, 128), (128, 96), (72, 72), (60, 400)])
def test_the_network_gets_the_middle_of_the_video_undistorted(size: tuple[int, int], weights: Path) -> None:
    card = describe_network(family="tiny_wide", weights=weights)
    frames = ramps(*size)
    clip = make_inputs(card, frames)[StreamName.CLIP]
    assert clip.shape == (1, 3, 4, HEIGHT, WIDTH)
    assert visible_frames(card, frames).shape == (4, HEIGHT, WIDTH, 3)
    red, green = ((clip[0, channel, 0] + 1) / 2 for channel in (0, 1))
    assert red.mean() == pytest.approx(0.5, abs=0.04)  # the middle
    assert green.mean() == pytest.approx(0.5, abs=0.04)
    scale = max(27 / size[0], 46 / size[1])  # 8/7 of the input covers nothing but the video
    assert float(red[0, -1] - red[0, 0]) == pytest.approx(WIDTH / (size[1] * scale), abs=0.04)
    assert float(green[-1, 0] - green[0, 0]) == pytest.approx(HEIGHT / (size[0] * scale), abs=0.04)


def test_positions_in_the_picture_are_positions_in_a_stored_clip(weights: Path) -> None:
    """Data sets store square clips, of which a wide network sees a wide part."""
    card = describe_network(family="tiny_wide", weights=weights)
    clip = make_inputs(card, ramps(240, 240))[StreamName.CLIP]
    red, green = ((clip[0, channel, 0] + 1) / 2 for channel in (0, 1))
    down, across = visible_share(card)
    for share in (0.0, 0.25, 1.0):
        column, row = round(share * (WIDTH - 1)), round(share * (HEIGHT - 1))
        assert float(red[0, column]) == pytest.approx(0.5 + across * ((column + 0.5) / WIDTH - 0.5), abs=0.02)
        assert float(green[row, 0]) == pytest.approx(0.5 + down * ((row + 0.5) / HEIGHT - 0.5), abs=0.03)


def test_the_input_of_c3d(weights: Path) -> None:
    streams = (Stream(name=StreamName.CLIP, frames=16, height=128, width=171),)
    card = describe_network(family="tiny_wide", weights=weights).model_copy(update={"streams": streams})
    assert make_inputs(card, ramps(240, 320))[StreamName.CLIP].shape == (1, 3, 16, 128, 171)


@pytest.mark.parametrize(
    ("sizes", "frames", "short_side", "words"),
    [
        ([(8, 8), (8, 12)], 1, None, "differ in size"),
        ([(8, 8), (8, 8)], 3, None, "appearance is one frame"),
        ([(8, 12), (8, 12)], 1, 7, "state a `short_side` of 8 or more"),
    ],
)
def test_streams_that_no_video_fits_are_refused(
    sizes: list[tuple[int, int]], frames: int, short_side: int | None, words: str, tmp_path: Path
) -> None:
    (height, width), (flow_height, flow_width) = sizes
    streams = [
        Stream(name=StreamName.APPEARANCE, frames=frames, height=height, width=width),
        Stream(name=StreamName.MOTION, frames=3, height=flow_height, width=flow_width),
    ]
    stimulus = Extent(frames=3, height=height, width=width)
    register(name="odd", title="Odd", streams=streams, stimulus=stimulus, classes=2, short_side=short_side)(nn.Identity)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(save({"a": torch.zeros(1)}))
    with pytest.raises(InvalidRequest, match=words):
        describe_network(family="odd", weights=weights)


def test_displacements_of_a_stimulus_scale_along_each_axis() -> None:
    stream = Stream(name=StreamName.MOTION, frames=2, height=8, width=24)
    shown = resize_stimulus(stream, torch.ones(2, 2, 4, 6))
    assert shown.shape == (2, 2, 8, 24)
    torch.testing.assert_close(shown[0], torch.full((2, 8, 24), 4.0))
    torch.testing.assert_close(shown[1], torch.full((2, 8, 24), 2.0))


def opened() -> Store:
    return open_store(settings().sqlalchemy_url)


def test_from_videos_and_clicks_to_results(invoke: Invoke, weights: Path, tmp_path: Path) -> None:
    for number, label in enumerate(("left", "right")):
        clip = tmp_path / "videos" / label / f"{label}.mp4"
        clip.parent.mkdir(parents=True)
        rough = np.random.default_rng(number).integers(0, 255, (8, 12, 3), np.uint8).repeat(16, 0).repeat(16, 1)
        write_video(clip, np.stack([np.roll(rough, 2 * t, 1) for t in range(6)]), fps=25)
    invoke("networks", "add", "tiny_wide", "--weights", weights, "--slug", "wide")
    assert read_frames(describe_network(family="tiny_wide", weights=weights), clip).shape == (4, 27, 46, 3)
    assert "2 clips" in invoke("survey", "wide", tmp_path / "videos").output
    for objective in ("channel", "center"):
        options = ("--set", f"objective={objective}", "--set", "steps=2")
        invoke("visualize", "wide", "conv2", "1", *options, "--out", tmp_path / objective)
    invoke("explain", "wide", clip)
    store = opened()
    with store.session() as session:
        card = get_card(session, slug="wide")
        results = visualizations_of_unit(session, card=card, layer="conv2", unit=1)
        assert len(results) == 2
        for result in results:
            raw = result.medium(MediaRole.RAW)
            poster = result.medium(MediaRole.POSTER)
            assert raw is not None
            assert poster is not None
            aspect = WIDTH / HEIGHT if result.recipe.objective == "channel" else 1  # a receptive field of 7 x 7
            assert poster.width / poster.height == pytest.approx(aspect, rel=0.02)
            assert media.get_medium(session, sha256=raw.sha256).data
        assert evidence.get_survey(session, card=card, dataset="videos") is not None
    store.close()

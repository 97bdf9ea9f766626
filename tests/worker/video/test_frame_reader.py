from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from app.contract.errors import VideoError
from tests.worker.video.write_clips import CLIPS, Image, grey_images, indices, write_clip
from worker.video.decode import read_clip
from worker.video.frame_reader import decode_frames, keyframe_before
from worker.video.limits import DEFAULT_LIMITS
from worker.video.stream_choice import open_container, video_stream
from worker.video.timeline import Timeline, read_timeline


def timeline_of(path: Path) -> Timeline:
    with open_container(path) as container:
        return read_timeline(container, video_stream(container, path.name), path.name, DEFAULT_LIMITS)


def moving_images(count: int) -> list[Image]:
    """Return smooth noise that moves, so that each frame is predicted from others."""
    noise = np.random.default_rng(0).integers(0, 255, (48, 64 + count, 3)).astype(np.uint8)
    return [noise[:, index : index + 64] for index in range(count)]


def damage(path: Path, numbers: set[int]) -> None:
    """Overwrite the data of these packets."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0)]
    data = bytearray(path.read_bytes())
    for number in numbers:
        start, size = places[number]
        assert start is not None
        data[start : start + size] = b"\xff" * size
    path.write_bytes(data)


def test_one_damaged_packet_of_75() -> None:
    path = CLIPS / "one_bad_packet.mp4"
    seen = [index for index, _ in decode_frames(path, timeline_of(path), None)]
    lost = set(range(75)).difference(index for index in seen if index is not None)
    assert len(seen) == 74
    assert len(lost) == 1
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = []
        for packet in container.demux(stream):
            try:
                times += [frame.time for frame in packet.decode()]
            except av.InvalidDataError:
                continue
    assert [index / 25 for index in range(75) if index not in lost] == pytest.approx(times)
    clip = read_clip(path, frames=75, short_side=120, crop=120, loop=False)
    assert len(clip) == 75
    same = [index for index in range(1, 75) if np.array_equal(clip[index - 1], clip[index])]
    assert same in ([min(lost)], [min(lost) + 1])  # a neighbour stands for the lost frame


def test_up_to_a_tenth_may_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "clip.mov"
    write_clip(path, grey_images(60), codec="mjpeg", pixel_format="yuvj420p")
    damage(path, {7, 20, 21})
    shown = indices(read_clip(path, frames=60, short_side=48, crop=48, loop=False))
    assert [index for index in range(60) if shown[index] != index] == [7, 20, 21]
    assert shown[20:22] == [19, 22]  # the nearest in time
    damage(path, {2, 3, 4, 5, 6, 8, 9})
    with pytest.raises(VideoError, match="damaged or cut short: 50 of 60 frames"):
        read_clip(path, frames=60)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", {"g": "25"}),
        ("clip.mkv", "libx264", {"g": "25", "x264-params": "open-gop=1"}),
        ("clip.mkv", "libx264", {"g": "25"}),
        ("clip.ts", "libx264", {"g": "25"}),
        ("clip.ts", "mpeg2video", {"g": "25", "bf": "2"}),
        ("clip.flv", "libx264", {"g": "25"}),
        ("clip.webm", "libvpx-vp9", {"g": "25"}),
        ("clip.avi", "mpeg4", {"g": "25"}),
        ("clip.wmv", "wmv2", {"g": "25"}),
        ("clip.gif", "gif", {}),
    ],
)
def test_frames_after_a_seek_are_those_without_one(
    name: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / name
    pixel_format = "rgb8" if codec == "gif" else "yuv420p"
    write_clip(path, moving_images(150), codec=codec, options=options, pixel_format=pixel_format)
    timeline = timeline_of(path)
    all_frames = {index: frame.to_ndarray(format="rgb24") for index, frame in decode_frames(path, timeline, None)}
    assert len(all_frames) == len(timeline.times) == 150
    for first in (60, 77, 120):
        keyframe = keyframe_before(timeline, first, min_packets=20)
        if codec == "gif":
            assert keyframe is None  # each frame is drawn over the one before
            continue
        assert keyframe is not None
        assert keyframe.number >= 20
        after = {index: frame for index, frame in decode_frames(path, timeline, keyframe) if index is not None}
        assert set(range(first, 150)) <= set(after)
        for index in range(first, 150):
            assert np.array_equal(after[index].to_ndarray(format="rgb24"), all_frames[index])


def test_a_seek_spares_what_comes_before_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, grey_images(60) * 10, options={"g": "25"})
    decoded: list[None] = []
    read_clip(path, frames=20, short_side=48, crop=48, observe=lambda: decoded.append(None))
    assert len(decoded) < 20 + 25 + 5


def test_a_file_that_cannot_be_sought_is_read_from_its_start(tmp_path: Path) -> None:
    """With intra refresh, what is marked as a keyframe is whole only some frames later."""
    path = tmp_path / "clip.mp4"
    write_clip(path, moving_images(150), options={"g": "25", "x264-params": "intra-refresh=1:bframes=0"})
    with av.open(str(path)) as container:
        expected = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    clip = read_clip(path, frames=40, short_side=48, crop=48)
    assert np.array_equal(clip, np.stack(expected[55:95])[:, :, 8:56])


def test_nothing_is_decoded_where_a_seek_leads_elsewhere(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", grey_images(60), options={"g": "10"})
    timeline = timeline_of(tmp_path / "clip.mp4")
    wrong = replace(timeline.keyframes[4], number=10)
    assert list(decode_frames(tmp_path / "clip.mp4", timeline, wrong)) == []

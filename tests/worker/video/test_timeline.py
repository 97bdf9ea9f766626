import struct
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from PIL import Image

from app.contract.errors import VideoError
from tests.worker.video.write_clips import CLIPS, grey_images, indices, write_clip
from worker.video.decode import read_clip
from worker.video.limits import DEFAULT_LIMITS
from worker.video.stream_choice import open_container, video_stream
from worker.video.timeline import Timeline, middle_frame_indices, read_timeline


def timeline_of(path: Path) -> Timeline:
    with open_container(path) as container:
        return read_timeline(container, video_stream(container, path.name), path.name, DEFAULT_LIMITS)


def read(path: Path, fps: float = 25, frames: int = 100) -> list[int]:
    return indices(read_clip(path, fps=fps, frames=frames, short_side=48, crop=48, loop=False))


def test_centre_of_30_frames_a_second() -> None:
    times = [7 + index / 30 for index in range(126)]  # a clip need not start at zero
    shown = middle_frame_indices(times, 7 + 126 / 30, 25, 64)
    assert shown[:6] == [24, 25, 26, 27, 28, 30]
    assert shown[-1] == 99


def test_centre_of_uneven_times_and_of_a_still() -> None:
    assert middle_frame_indices([0.0], 0.04, 25, 4) == [0]
    assert middle_frame_indices([0.0, 0.04, 0.4, 0.44], 0.48, 10, 4) == [1, 1, 1, 1]
    assert middle_frame_indices([0.0, 0.04], 5, 25, 3) == [1, 1, 1]  # the last frame is shown the longest


@pytest.mark.parametrize(("name", "count"), [("cut.mp4", 75), ("short_cut.mp4", 30)])
def test_a_cut_without_encoding_has_what_its_edit_list_shows(name: str, count: int) -> None:
    """Neither the packets before the cut, nor those after it that others are decoded from."""
    timeline = timeline_of(CLIPS / name)
    assert len(timeline.times) == count
    assert timeline.times[0] == 0
    assert timeline.end == pytest.approx(count / 25)
    with av.open(str(CLIPS / name)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == count + 2
    whole = read_clip(CLIPS / name, frames=100, short_side=120, crop=120, loop=False)
    assert np.array_equal(whole, np.stack(frames)[:count, :, 20:140])
    middle = read_clip(CLIPS / name, frames=6, short_side=120, crop=120)
    assert np.array_equal(middle, whole[(count - 6) // 2 :][:6])


def test_an_edit_list_says_which_part_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, grey_images(40))
    data = bytearray(path.read_bytes())
    place = data.index(b"elst") + 12  # of the duration, in milliseconds, and the start, in 1/12800 s
    _, start = struct.unpack_from(">II", data, place)
    struct.pack_into(">II", data, place, 200, start + 30 * 512)
    path.write_bytes(data)
    assert read(path) == [30, 31, 32, 33, 34]
    struct.pack_into(">II", data, place, 200, start + 1000 * 512)
    path.write_bytes(data)
    with pytest.raises(VideoError, match="none of its frames is to be shown"):
        read(path)


def test_the_middle_is_that_in_time_where_the_rate_changes(tmp_path: Path) -> None:
    times = [40 * index for index in range(30)] + [1200 + 400 * index for index in range(10)]  # 1.2 s and 4 s
    for name in ("clip.mp4", "clip.mkv"):
        write_clip(tmp_path / name, grey_images(40), times=times)
        end = timeline_of(tmp_path / name).end
        assert end == pytest.approx(4.84)
        assert read(tmp_path / name, fps=5, frames=6) == [31, 32, 32, 33, 33, 34]  # from 1.82 s to 3.02 s


def test_frames_of_a_gif_are_shown_as_long_as_they_say(tmp_path: Path) -> None:
    pictures = [Image.fromarray(image) for image in grey_images(4)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[100, 100, 200, 600])
    assert read(tmp_path / "a.gif", fps=10) == [0, 1, 2, 2, 3, 3, 3, 3, 3, 3]
    assert read(tmp_path / "a.gif", fps=10, frames=2) == [3, 3]


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_joined_recordings_go_on_where_the_time_begins_again(codec: str, tmp_path: Path) -> None:
    write_clip(tmp_path / "a.ts", grey_images(60)[:30], codec=codec)
    write_clip(tmp_path / "b.ts", grey_images(60)[30:], codec=codec)
    (tmp_path / "joined.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    timeline = timeline_of(tmp_path / "joined.ts")
    assert timeline.end - timeline.times[0] == pytest.approx(2.4, abs=0.09)
    assert read(tmp_path / "joined.ts", frames=40) == list(range(10, 50))


def test_joined_recordings_go_on_where_the_time_leaps(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.ts", grey_images(60)[:30])
    write_clip(tmp_path / "b.ts", grey_images(60)[30:], times=[100_000 + 40 * index for index in range(30)])
    (tmp_path / "joined.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    assert read(tmp_path / "joined.ts", frames=40) == list(range(10, 50))


def test_the_clock_of_a_broadcast_wraps(tmp_path: Path) -> None:
    start = 2**33 // 90 - 1000  # milliseconds, of 33 bits at 90 kHz
    times = [start + 40 * index for index in range(60)]
    write_clip(tmp_path / "clip.ts", grey_images(60), times=times)
    assert read(tmp_path / "clip.ts", frames=40) == list(range(10, 50))


@pytest.mark.parametrize(("name", "first"), [("clip.ts", 0), ("clip.mp4", 10)])  # an MP4's edit list starts at zero
def test_times_before_zero(name: str, first: int, tmp_path: Path) -> None:
    times = [40 * index - 400 for index in range(60)]
    write_clip(tmp_path / name, grey_images(60), times=times, container_options={"avoid_negative_ts": "disabled"})
    assert read(tmp_path / name) == list(range(first, 60))


def test_a_recording_begins_with_its_first_keyframe(tmp_path: Path) -> None:
    write_clip(tmp_path / "whole.ts", grey_images(60), codec="mpeg2video", options={"g": "20", "bf": "2"})
    data = (tmp_path / "whole.ts").read_bytes()
    with av.open(str(tmp_path / "whole.ts")) as container:
        starts = [packet.pos for packet in container.demux(video=0) if packet.pos is not None]
    tables = data[: 188 * 3]  # what the stream consists of
    (tmp_path / "cut.ts").write_bytes(tables + data[starts[6] :])
    shown = read(tmp_path / "cut.ts")
    assert shown == list(range(shown[0], 60))
    assert shown[0] > 6


def test_sound_that_lasts_longer_does_not_move_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "5"})
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=8000)
        assert isinstance(sound, AudioStream)
        for image in grey_images(40):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        for start in range(0, 10 * 8000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    assert read(path, frames=20) == list(range(10, 30))


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.avi", "libx264"),  # only the order of decoding is stored
        ("clip.avi", "mpeg4"),
        ("clip.wmv", "wmv2"),
        ("clip.mts", "libx264"),
        ("clip.mpg", "mpeg2video"),
        ("clip.flv", "libx264"),
        ("clip.webm", "libvpx"),
        ("clip.webm", "libvpx-vp9"),
        ("clip.mp4", "libsvtav1"),
        ("clip.mov", "prores_ks"),
        ("clip.mkv", "ffv1"),
    ],
)
def test_frames_come_in_the_order_in_which_they_are_shown(name: str, codec: str, tmp_path: Path) -> None:
    pixel_format = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    options = {"bf": "2"} if codec in {"mpeg4", "mpeg2video"} else {}
    write_clip(tmp_path / name, grey_images(20), codec=codec, pixel_format=pixel_format, options=options)
    assert read(tmp_path / name) == list(range(20))


def test_frames_that_vp8_hides_are_not_shown(tmp_path: Path) -> None:
    """Encoders hide frames between others that are predicted from them; here each fourth frame comes hidden too."""
    write_clip(tmp_path / "clip.webm", grey_images(60), codec="libvpx", options={"g": "1"})
    with av.open(str(tmp_path / "clip.webm")) as source, av.open(str(tmp_path / "hidden.webm"), "w") as container:
        video = container.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(source.demux(video=0)):
            if packet.pts is None:
                continue
            data = bytes(packet)
            if index % 4 == 2:
                hidden = av.Packet(bytes([data[0] & ~0x10]) + data[1:])
                hidden.pts = hidden.dts = packet.pts - 1
                hidden.time_base, hidden.stream = packet.time_base, video
                container.mux(hidden)
            packet.stream = video
            container.mux(packet)
    assert read(tmp_path / "hidden.webm") == list(range(60))


@pytest.mark.parametrize("name", ["clip.mkv", "clip.mp4", "clip.flv"])
def test_four_frames_a_second_that_are_decoded_in_another_order(name: str, tmp_path: Path) -> None:
    """Matroska does not say when its first packets are decoded; the second is shown a second later than the third."""
    options = {"x264-params": "b-adapt=0:bframes=3:b-pyramid=strict"}
    write_clip(tmp_path / name, grey_images(12), times=[250 * index for index in range(12)], options=options)
    times = timeline_of(tmp_path / name).times
    assert [time - times[0] for time in times] == pytest.approx([index / 4 for index in range(12)])

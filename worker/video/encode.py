"""Write MP4 videos with the index first, so that playback starts at once: H.264, which every browser plays, or AV1."""

from pathlib import Path
from tempfile import TemporaryDirectory

import av
from av.video.stream import VideoStream

from worker.video.flow import Frames

H264, AV1 = "libx264", "libsvtav1"  # encoders: every browser plays H.264, and AV1 needs fewer bytes


def write_video(
    path: Path,
    frames: Frames,
    *,
    fps: int,
    title: str = "",
    codec: str = H264,
    crf: int = 18,
    preset: str = "medium",
) -> None:
    """Write the frames (T, H, W, 3), RGB, to an MP4 file.

    H.264 requires even sides: the last row or column of an odd side is dropped. `crf` is the constant rate factor of
    the encoder (lower is better and larger), `preset` its effort.
    """
    height, width = (side // 2 * 2 for side in frames.shape[1:3])
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        container.metadata["title"] = title
        stream = container.add_stream(codec, rate=fps, options={"crf": str(crf), "preset": preset})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuv420p"
        for image in frames[:, :height, :width]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def encode_video(frames: Frames, *, fps: int) -> bytes:
    """Return the frames (T, H, W, 3), RGB, as the bytes of an MP4.

    A temporary file is needed because moving the index to the front reads the file while it is written.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, frames, fps=fps, preset="fast")
        return path.read_bytes()

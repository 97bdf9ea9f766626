"""Writes videos that browsers play: H.264, the index before the pictures so that they start at once."""

from pathlib import Path
from tempfile import TemporaryDirectory

import av

from worker.video.flow import Frames


def write_video(
    path: Path, frames: Frames, *, fps: int, title: str = "", quality: int = 18, preset: str = "medium"
) -> None:
    """(T, H, W, 3) RGB; a row or column that makes a side odd is left out, for H.264 takes even sides alone."""
    height, width = (side // 2 * 2 for side in frames.shape[1:3])
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        container.metadata["title"] = title
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(quality), "preset": preset})
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuv420p"
        for image in frames[:, :height, :width]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def video_bytes(frames: Frames, *, fps: int) -> bytes:
    """The same as bytes. Moving the index to the front takes a file that can be read while it is written."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, frames, fps=fps, preset="fast")
        return path.read_bytes()

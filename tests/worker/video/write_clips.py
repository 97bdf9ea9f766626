"""Write small videos of any kind for tests: each frame has a grey of its own, or is a given image."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

Image = npt.NDArray[np.uint8]

CLIPS = Path(__file__).parents[2] / "data" / "clips"
MILLISECOND = Fraction(1, 1000)


def grey_images(count: int, size: tuple[int, int] = (48, 64)) -> list[Image]:
    """Return images (H, W, 3) whose grey is 20 + 3 times their index."""
    return [np.full((*size, 3), 20 + 3 * index, np.uint8) for index in range(count)]


def indices(clip: npt.NDArray[np.uint8]) -> list[int]:
    """Return which of the `grey_images` each frame is."""
    return [round((float(image.mean()) - 19) / 3) for image in clip]  # conversions round down, by 2 at most


def write_clip(
    path: Path,
    images: Sequence[Image | av.VideoFrame],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    times: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    prepare: Callable[[VideoStream], None] = lambda stream: None,
) -> None:
    """Write images (H, W, 3) or frames as a video of 25 a second, or shown from `times` (milliseconds) on."""
    frames = [
        image if isinstance(image, av.VideoFrame) else av.VideoFrame.from_ndarray(image, format="rgb24")
        for image in images
    ]
    with av.open(str(path), "w", options=container_options or {}) as container:
        encoding = {"crf": "5"} if codec in {"libx264", "libsvtav1"} else {"b": "4000000"}
        stream = container.add_stream(codec, rate=25, options=encoding | (options or {}))
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames[0].height, frames[0].width
        stream.pix_fmt = pixel_format
        if times:
            stream.codec_context.time_base = MILLISECOND
        prepare(stream)
        for index, frame in enumerate(frames):
            frame.pts = times[index] if times else index
            frame.time_base = MILLISECOND if times else Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())

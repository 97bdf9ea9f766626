"""From the frames of a real clip to the media that show it."""

import numpy as np
from PIL import Image

from app.contract.result import RenderedMedia, Role
from worker.render import flow_color
from worker.render.encode import loop, sheet, small, still
from worker.video.encode import video_bytes
from worker.video.flow import Flow, Frames

POSTER_BYTES = 10_000


def render_clip(frames: Frames, flow: Flow, *, fps: int, appearance: int | None = None) -> list[RenderedMedia]:
    """Media of a clip (T, H, W, 3) RGB and the flow between its frames (T - 1, H', W', 2) in px.

    `appearance`: the frame that a network sees, for the poster; the middle one if not given.
    """
    shown = frames[len(frames) // 2 if appearance is None else appearance]
    fields = np.moveaxis(flow, -1, 0)  # (2, T - 1, H', W')
    milliseconds = round(1000 / fps)
    height, width = (side // 2 * 2 for side in frames.shape[1:3])
    return [
        RenderedMedia(
            role=Role.VIDEO,
            type="video/mp4",
            data=video_bytes(frames, fps=fps),
            width=width,
            height=height,
            frames=len(frames),
        ),
        small(Role.POSTER, Image.fromarray(shown), limit=POSTER_BYTES, method=4),
        still(Role.FLOW, sheet(flow_color.stored(fields)), lossless=True, frames=len(flow)),
        loop(Role.FLOW_DIRECTION, flow_color.direction(fields), frame_ms=milliseconds, back=False),
        loop(Role.FLOW_XY, flow_color.xy_magnitude(fields), frame_ms=milliseconds, back=False),
    ]

"""Render a real clip: its video, its poster, and its flow as pictures."""

import numpy as np
from PIL import Image

from app.contract.result import MediaRole, RenderedMedia
from worker.render.flow_color import direction_colors, quantised_flow_pixels, xy_magnitude_colors
from worker.render.webp import contact_sheet, encode_loop, encode_still, encode_within
from worker.video.encode import encode_video
from worker.video.flow import Flow, Frames

POSTER_MAX_BYTES = 10_000


def render_clip(
    frames: Frames, flow: Flow | None = None, *, fps: int, appearance: int | None = None
) -> list[RenderedMedia]:
    """Return the media of a clip (T, H, W, 3), RGB, and of the flow between its frames (T - 1, H', W', 2), in pixels.

    `appearance` is the index of the frame that a network sees, for the poster; the middle frame if not given.
    """
    poster_frame = frames[len(frames) // 2 if appearance is None else appearance]
    height, width = (side // 2 * 2 for side in frames.shape[1:3])
    return [
        RenderedMedia(
            role=MediaRole.VIDEO,
            type="video/mp4",
            data=encode_video(frames, fps=fps),
            width=width,
            height=height,
            frames=len(frames),
        ),
        encode_within(MediaRole.POSTER, Image.fromarray(poster_frame), max_bytes=POSTER_MAX_BYTES, method=4),
        *(render_flow(flow, fps=fps) if flow is not None else ()),
    ]


def render_flow(flow: Flow, *, fps: int) -> list[RenderedMedia]:
    """Return the media of the flow between the frames of a clip (T - 1, H', W', 2), in pixels."""
    fields = np.moveaxis(flow, -1, 0)  # (2, T - 1, H', W')
    frame_ms = round(1000 / fps)
    return [
        encode_still(MediaRole.FLOW, contact_sheet(quantised_flow_pixels(fields)), lossless=True, frames=len(flow)),
        encode_loop(MediaRole.FLOW_DIRECTION, direction_colors(fields), frame_ms=frame_ms, ping_pong=False),
        encode_loop(MediaRole.FLOW_XY, xy_magnitude_colors(fields), frame_ms=frame_ms, ping_pong=False),
    ]

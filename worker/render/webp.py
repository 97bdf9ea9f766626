"""Encode pictures and loops as WebP, and arrange frames on a contact sheet."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from app.contract.result import MediaRole, RenderedMedia
from worker.render.flow_color import Pixels

LOOP_FRAME_MS = 80
STILL_QUALITY, LOOP_QUALITY = 85, 80  # of 100
SHEET_COLUMNS = 16
SIZE_LIMITED_QUALITIES = (70, 50, 30, 10, 0)  # tried in this order until the size limit is met


def contact_sheet(frames: Pixels) -> Pixels:
    """Arrange frames in rows of sixteen, the last row filled up with black: (T, H, W, 3) -> (rows H, 16 W, 3).

    Fewer than sixteen frames make one row of T frames.
    """
    count, height, width, _ = frames.shape
    columns = min(count, SHEET_COLUMNS)
    rows = -(-count // columns)
    padded = np.zeros((rows * columns, height, width, 3), np.uint8)
    padded[:count] = frames
    grid = padded.reshape(rows, columns, height, width, 3)
    return grid.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)


def encode_still(role: MediaRole, pixels: Pixels, *, lossless: bool = False, frames: int = 1) -> RenderedMedia:
    """Encode a picture (H, W, 3); `frames` says how many frames a contact sheet holds."""
    return _encode(role, Image.fromarray(pixels), frames=frames, lossless=lossless, quality=STILL_QUALITY, method=4)


def encode_loop(
    role: MediaRole, frames: Pixels, *, frame_ms: int = LOOP_FRAME_MS, ping_pong: bool = True
) -> RenderedMedia:
    """Encode frames (T, H, W, 3) as an animation that repeats for ever.

    With `ping_pong` it plays forward and then backward, so that the end does not jump to the start. Real clips play
    forward only: their time has a direction.
    """
    images = [Image.fromarray(frame) for frame in [*frames, *(frames[-2:0:-1] if ping_pong else ())]]
    return _encode(role, images[0], more_images=images[1:], frame_ms=frame_ms, quality=LOOP_QUALITY, method=2)


def encode_within(role: MediaRole, image: Image.Image, *, max_bytes: int, method: int = 0) -> RenderedMedia:
    """Encode a picture in the best quality whose file has at most `max_bytes`; the lowest quality may exceed it."""
    for quality in SIZE_LIMITED_QUALITIES:
        medium = _encode(role, image, quality=quality, method=method)
        if len(medium.data) <= max_bytes:
            break
    return medium


def _encode(
    role: MediaRole,
    image: Image.Image,
    *,
    more_images: Sequence[Image.Image] = (),
    frames: int = 1,
    frame_ms: int = LOOP_FRAME_MS,
    **options: Any,
) -> RenderedMedia:
    file = io.BytesIO()
    if more_images:
        image.save(file, "WEBP", save_all=True, append_images=more_images, duration=frame_ms, loop=0, **options)
    else:
        image.save(file, "WEBP", **options)
    return RenderedMedia(
        role=role,
        type="image/webp",
        data=file.getvalue(),
        width=image.width,
        height=image.height,
        frames=max(frames, len(more_images) + 1),
    )

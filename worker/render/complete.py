"""Draw again what can be drawn from other media of a stimulus, for results that came without it in a bundle."""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from app.contract.result import MediaRole, RenderedMedia
from worker.render.flow_color import Floats, Pixels, direction_colors, own_scale, xy_magnitude_colors
from worker.render.stimulus import beside_flow, enlarge_if_small, warp_along_flow
from worker.render.webp import SHEET_COLUMNS, encode_loop
from worker.video.flow import dequantise

DRAWN_ROLES = (MediaRole.LOOP, MediaRole.FLOW_DIRECTION, MediaRole.FLOW_XY)  # that `draw_missing` can draw

StoredMedia = Mapping[MediaRole, tuple[bytes, int]]  # bytes and number of frames


def draw_missing(stored: StoredMedia) -> list[RenderedMedia]:
    """Return the animations that a result lacks and that its stored flow, appearance or frames give.

    Flow is stored in 8 bits and the appearance is compressed, so that they look the same but are not the same bytes as
    those drawn from the stimulus itself.
    """
    media: list[RenderedMedia] = []
    appearance = _pixels(stored, MediaRole.APPEARANCE)
    flow = _flow(stored)
    if flow is not None:
        for role, colors in ((MediaRole.FLOW_DIRECTION, direction_colors), (MediaRole.FLOW_XY, xy_magnitude_colors)):
            if role not in stored:
                media.append(encode_loop(role, enlarge_if_small(colors(flow))))
    if MediaRole.LOOP not in stored:
        scene = _frames(stored, MediaRole.FRAMES)
        if flow is not None and scene is not None:
            frames: Pixels | None = beside_flow(scene, flow)
        elif flow is not None and appearance is not None:
            frames = beside_flow(warp_along_flow(appearance, flow), flow)
        elif flow is not None:
            frames = direction_colors(flow, own_scale(flow))
        elif MediaRole.SHEET in stored:
            frames = _frames(stored, MediaRole.SHEET)
        else:
            frames = None if appearance is None else appearance[None]
        if frames is not None:
            media.append(encode_loop(MediaRole.LOOP, enlarge_if_small(frames)))
    return media


def _pixels(stored: StoredMedia, role: MediaRole) -> Pixels | None:
    """Return a stored picture as (H, W, 3)."""
    if role not in stored:
        return None
    with Image.open(io.BytesIO(stored[role][0])) as image:
        return np.asarray(image.convert("RGB"))


def _frames(stored: StoredMedia, role: MediaRole) -> Pixels | None:
    """Return the frames on a stored contact sheet as (T, H, W, 3)."""
    sheet = _pixels(stored, role)
    if sheet is None:
        return None
    count = stored[role][1]
    columns = min(count, SHEET_COLUMNS)
    rows = -(-count // columns)
    height, width = sheet.shape[0] // rows, sheet.shape[1] // columns
    grid = sheet.reshape(rows, height, columns, width, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(grid.reshape(rows * columns, height, width, 3)[:count])


def _flow(stored: StoredMedia) -> Floats | None:
    """Return the stored flow in pixels, (2, T, H, W)."""
    frames = _frames(stored, MediaRole.FLOW)
    return None if frames is None else dequantise(np.moveaxis(frames[..., :2], -1, 0))

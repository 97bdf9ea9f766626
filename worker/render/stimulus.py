"""Render a stimulus: the pictures and loops that pages show, and the small preview of an unfinished one."""

import io
from collections.abc import Mapping
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from app.contract.network import StreamName
from app.contract.result import MediaRole, RenderedMedia
from worker.render.flow_color import (
    Floats,
    Pixels,
    direction_colors,
    own_scale,
    quantised_flow_pixels,
    to_pixels,
    xy_magnitude_colors,
)
from worker.render.webp import contact_sheet, encode_loop, encode_still, encode_within
from worker.video.flow import FLOW_UNIT_PX

Stimulus = Mapping[StreamName, npt.NDArray[np.floating]]  # (D, T, H, W) by stream, standard units

Number = TypeVar("Number", np.uint8, np.float32)

MIN_PICTURE_SIDE = 96  # pixels: a smaller picture is enlarged
PREVIEW_SIDE = 160  # pixels
PREVIEW_MAX_BYTES = 15_000


def render_stimulus(stimulus: Stimulus, frames: npt.NDArray[np.floating] | None = None) -> list[RenderedMedia]:
    """Return all media of a finished stimulus; `app.contract.result` says what each role is for.

    `frames` (3, T, H, W) are those of the scene that appearance and flow were rendered from, where there is one.
    """
    media = [_raw_arrays(stimulus), encode_still(MediaRole.POSTER, enlarge_if_small(poster(stimulus)))]
    if StreamName.CLIP in stimulus:
        clip = rgb_pixels(stimulus[StreamName.CLIP])
        media += [
            encode_loop(MediaRole.LOOP, enlarge_if_small(clip)),
            encode_still(MediaRole.SHEET, contact_sheet(clip), frames=len(clip)),
        ]
    if StreamName.APPEARANCE in stimulus:
        media.append(encode_still(MediaRole.APPEARANCE, rgb_pixels(stimulus[StreamName.APPEARANCE])[0]))
    if StreamName.MOTION in stimulus:
        flow = flow_in_px(stimulus)
        media += [
            encode_still(
                MediaRole.FLOW, contact_sheet(quantised_flow_pixels(flow)), lossless=True, frames=flow.shape[1]
            ),
            encode_loop(MediaRole.FLOW_DIRECTION, enlarge_if_small(direction_colors(flow))),
            encode_loop(MediaRole.FLOW_XY, enlarge_if_small(xy_magnitude_colors(flow))),
        ]
    if frames is not None:
        pixels = rgb_pixels(frames)
        media += [
            encode_still(MediaRole.FRAMES, contact_sheet(pixels), frames=len(pixels)),
            encode_loop(MediaRole.LOOP, enlarge_if_small(beside_flow(pixels, flow_in_px(stimulus)))),
        ]
    elif StreamName.CLIP not in stimulus:
        media.append(encode_loop(MediaRole.LOOP, enlarge_if_small(animate(stimulus))))
    return media


def render_preview(stimulus: Stimulus) -> RenderedMedia:
    """Return a small picture of an unfinished stimulus, quick to make and to send."""
    image = Image.fromarray(enlarge_if_small(poster(stimulus)))
    scale = PREVIEW_SIDE / image.height
    image = image.resize((round(image.width * scale), PREVIEW_SIDE), Image.Resampling.BILINEAR)
    return encode_within(MediaRole.POSTER, image, max_bytes=PREVIEW_MAX_BYTES)


def enlarge_if_small(pixels: Pixels) -> Pixels:
    """Repeat the pixels of a picture (..., H, W, 3) that is less than MIN_PICTURE_SIDE high.

    Stimuli of small receptive fields are only a few pixels wide.
    """
    factor = -(-MIN_PICTURE_SIDE // pixels.shape[-3])
    return pixels.repeat(factor, -3).repeat(factor, -2) if factor > 1 else pixels


def poster(stimulus: Stimulus) -> Pixels:
    """Draw the still (H, W, 3) that stands for a stimulus on a card.

    It is the middle frame of a clip, the appearance, or the middle flow field. With both appearance and motion, the
    two stand side by side.
    """
    if StreamName.CLIP in stimulus:
        (middle,) = rgb_pixels(_middle_frame(stimulus[StreamName.CLIP]))
        return np.asarray(middle)
    if StreamName.MOTION not in stimulus:
        return np.asarray(rgb_pixels(stimulus[StreamName.APPEARANCE])[0])
    flow = flow_in_px(stimulus)
    motion = direction_colors(flow[:, flow.shape[1] // 2], own_scale(flow))
    if StreamName.APPEARANCE not in stimulus:
        return motion
    (picture,) = beside(rgb_pixels(stimulus[StreamName.APPEARANCE]), motion[None])
    return np.asarray(cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))


def beside(left: Pixels, right: Pixels) -> Pixels:
    """Put the frames of two animations (T, H, W, 3) side by side, the right one as large as the left one."""
    height, width = left.shape[1:3]
    scaled = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in right]
    return np.concatenate([left, np.stack(scaled)], axis=2)


def animate(stimulus: Stimulus) -> Pixels:
    """Draw the appearance moving along the flow beside the flow, or whichever of the two there is: (T, H, W, 3)."""
    if StreamName.MOTION not in stimulus:
        return rgb_pixels(stimulus[StreamName.APPEARANCE])
    flow = flow_in_px(stimulus)
    if StreamName.APPEARANCE not in stimulus:
        return direction_colors(flow, own_scale(flow))
    return beside_flow(warp_along_flow(rgb_pixels(stimulus[StreamName.APPEARANCE])[0], flow), flow)


def beside_flow(frames: Pixels, flow: Floats) -> Pixels:
    """Draw frames (T + 1, H, W, 3) beside the flow between them (2, T, H, W) in px, in colours: (T + 1, H, 2 W, 3).

    The flow of the last frame is that of the frame before: no flow leads on from it.
    """
    colors = direction_colors(flow, own_scale(flow))
    return beside(frames, np.concatenate([colors, colors[-1:]]))


def warp_along_flow(image: Pixels, flow: Floats) -> Pixels:
    """Move an image (H, W, 3) by one flow field of (2, T, H, W) after the other: (T + 1, H, W, 3).

    Frame t + 1 at position p is frame t at p - flow_t(p). Every frame is sampled from the first one, so that blur
    does not accumulate.
    """
    height, width = image.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    source = grid.copy()
    frames = [image]
    for field in np.moveaxis(flow, 1, 0):
        previous = grid - field
        source = np.stack([_sample(axis, previous) for axis in source])
        frames.append(_sample(image, source))
    return np.stack(frames)


def rgb_pixels(x: npt.NDArray[np.floating]) -> Pixels:
    """Convert RGB (3, T, H, W) in [-1, 1] to pixels (T, H, W, 3)."""
    return to_pixels(np.moveaxis(x, 0, -1) / 2 + 0.5)


def flow_in_px(stimulus: Stimulus) -> Floats:
    """Return the motion of a stimulus as flow (2, T, H, W) in pixels a frame."""
    return np.asarray(stimulus[StreamName.MOTION] * FLOW_UNIT_PX, dtype=np.float32)


def _middle_frame(x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the middle frame of (D, T, H, W) as (D, 1, H, W)."""
    return x[:, x.shape[1] // 2][:, None]


def _sample(values: npt.NDArray[Number], at: Floats) -> npt.NDArray[Number]:
    """Read values (H, W, ...) at positions (2, H, W) of (x, y), by bilinear interpolation."""
    sampled = cv2.remap(values, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return sampled.astype(values.dtype, copy=False)


def _raw_arrays(stimulus: Stimulus) -> RenderedMedia:
    file = io.BytesIO()
    arrays = {name.value: values.astype(np.float16) for name, values in stimulus.items()}
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return RenderedMedia(role=MediaRole.RAW, type="application/zip", data=file.getvalue())

"""From a stimulus to the media of its roles."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from app.contract.network import StreamName
from app.contract.result import RenderedMedia, Role
from worker.render import flow_color
from worker.render.flow_color import Floats, Pixels, to_pixels

Stimulus = Mapping[StreamName, npt.NDArray[np.floating]]  # (D, T, H, W) by stream, standard units

Number = TypeVar("Number", np.uint8, np.float32)

FRAME_MS = 80
SHEET_COLUMNS = 16
LEAST_SIDE = 96  # pixels: a smaller picture is enlarged
INSET = 0.42  # of a poster's side
FRAME = 40  # grey of the line around it
PREVIEW_SIDE = 160
PREVIEW_BYTES = 15_000
QUALITIES = (70, 50, 30, 10, 0)  # the first that fits
FLOW_UNIT_PX = 20.0  # standard units of motion are px / 20


def render(stimulus: Stimulus) -> list[RenderedMedia]:
    """All media of a finished stimulus; which roles, app.contract.result.Role says."""
    media = [_raw(stimulus), still(Role.POSTER, large(poster(stimulus)))]
    if StreamName.CLIP in stimulus:
        frames = rgb(stimulus[StreamName.CLIP])
        media += [loop(Role.LOOP, large(frames)), still(Role.SHEET, sheet(frames), frames=len(frames))]
    if StreamName.APPEARANCE in stimulus:
        media.append(still(Role.APPEARANCE, rgb(stimulus[StreamName.APPEARANCE])[0]))
    if StreamName.MOTION in stimulus:
        flow = flow_px(stimulus)
        media += [
            still(Role.FLOW, sheet(flow_color.stored(flow)), lossless=True, frames=flow.shape[1]),
            loop(Role.FLOW_DIRECTION, large(flow_color.direction(flow))),
            loop(Role.FLOW_XY, large(flow_color.xy_magnitude(flow))),
        ]
    if StreamName.CLIP not in stimulus:
        media.append(loop(Role.LOOP, large(scene(stimulus))))
    return media


def preview(stimulus: Stimulus) -> RenderedMedia:
    """A small, quick picture of a stimulus that is still growing."""
    image = Image.fromarray(large(poster(stimulus)))
    scale = PREVIEW_SIDE / image.height
    image = image.resize((round(image.width * scale), PREVIEW_SIDE), Image.Resampling.BILINEAR)
    return small(Role.POSTER, image, limit=PREVIEW_BYTES)


def large(pixels: Pixels) -> Pixels:
    """A small picture (..., H, W, 3), as that of a small receptive field, with every pixel as a square of pixels."""
    factor = -(-LEAST_SIDE // pixels.shape[-3])
    return pixels.repeat(factor, -3).repeat(factor, -2) if factor > 1 else pixels


def poster(stimulus: Stimulus) -> Pixels:
    """The middle frame of a clip; the appearance with the middle flow field in a corner: cards are square. (H, W, 3)"""
    if StreamName.CLIP in stimulus:
        (middle,) = rgb(_middle(stimulus[StreamName.CLIP]))
        return np.asarray(middle)
    if StreamName.MOTION not in stimulus:
        return np.asarray(rgb(stimulus[StreamName.APPEARANCE])[0])
    flow = flow_px({StreamName.MOTION: _middle(stimulus[StreamName.MOTION])})
    motion = flow_color.direction(flow)[0]
    if StreamName.APPEARANCE not in stimulus:
        return np.asarray(motion)
    return inset(rgb(stimulus[StreamName.APPEARANCE])[0], motion)


def inset(picture: Pixels, smaller: Pixels) -> Pixels:
    """Two pictures of one size (H, W, 3) as one of twice the size: the second, framed, in a corner of the first."""
    height, width = picture.shape[:2]
    whole = cv2.resize(picture, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    size = (round(2 * width * INSET), round(2 * height * INSET))
    framed = cv2.resize(smaller, size, interpolation=cv2.INTER_AREA)
    framed[[0, 1, -1, -2]] = framed[:, [0, 1, -1, -2]] = FRAME
    whole[: size[1], : size[0]] = framed  # bodies stand lower
    return whole.astype(np.uint8, copy=False)


def _middle(x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The middle frame alone: (D, T, H, W) to (D, 1, H, W)."""
    return x[:, x.shape[1] // 2][:, None]


def scene(stimulus: Stimulus) -> Pixels:
    """The appearance carried along the flow, or what there is of the two: (T, H, W, 3)."""
    if StreamName.MOTION not in stimulus:
        return rgb(stimulus[StreamName.APPEARANCE])
    flow = flow_px(stimulus)
    if StreamName.APPEARANCE not in stimulus:
        return flow_color.direction(flow)
    return carried(rgb(stimulus[StreamName.APPEARANCE])[0], flow)


def carried(image: Pixels, flow: Floats) -> Pixels:
    """The image, moved by one flow field (2, T, H, W) after the other: (T + 1, H, W, 3).

    Frame t + 1 at p is frame t at p - flow_t(p). Every frame is sampled from the first, so blur does not add up.
    """
    height, width = image.shape[:2]
    place = np.stack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    source = place.copy()
    frames = [image]
    for field in np.moveaxis(flow, 1, 0):
        back = place - field
        source = np.stack([_sample(axis, back) for axis in source])
        frames.append(_sample(image, source))
    return np.stack(frames)


def _sample(values: npt.NDArray[Number], at: Floats) -> npt.NDArray[Number]:
    sampled = cv2.remap(values, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return sampled.astype(values.dtype, copy=False)


def rgb(x: npt.NDArray[np.floating]) -> Pixels:
    """(3, T, H, W) in [-1, 1] to (T, H, W, 3)."""
    return to_pixels(np.moveaxis(x, 0, -1) / 2 + 0.5)


def flow_px(stimulus: Stimulus) -> Floats:
    """(2, T, H, W) in px."""
    return np.asarray(stimulus[StreamName.MOTION] * FLOW_UNIT_PX, dtype=np.float32)


def sheet(frames: Pixels) -> Pixels:
    """Frames side by side, sixteen a row, the last row filled with black: (T, H, W, 3) to (rows H, 16 W, 3)."""
    count, height, width, _ = frames.shape
    columns = min(count, SHEET_COLUMNS)
    rows = -(-count // columns)
    whole = np.zeros((rows * columns, height, width, 3), np.uint8)
    whole[:count] = frames
    grid = whole.reshape(rows, columns, height, width, 3)
    return grid.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)


def _raw(stimulus: Stimulus) -> RenderedMedia:
    file = io.BytesIO()
    arrays = {name.value: values.astype(np.float16) for name, values in stimulus.items()}
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return RenderedMedia(role=Role.RAW, type="application/zip", data=file.getvalue())


def still(role: Role, pixels: Pixels, *, lossless: bool = False, frames: int = 1) -> RenderedMedia:
    return _medium(role, Image.fromarray(pixels), frames=frames, lossless=lossless, quality=85, method=4)


def loop(role: Role, frames: Pixels, *, frame_ms: int = FRAME_MS, back: bool = True) -> RenderedMedia:
    """Forth and, so that the end does not jump to the start, back. Real clips go forth alone: their time has a
    direction.
    """
    images = [Image.fromarray(frame) for frame in [*frames, *(frames[-2:0:-1] if back else ())]]
    return _medium(role, images[0], rest=images[1:], frame_ms=frame_ms, quality=80, method=2)


def small(role: Role, image: Image.Image, *, limit: int, method: int = 0) -> RenderedMedia:
    """A still of at most so many bytes, as good as that allows."""
    for quality in QUALITIES:
        medium = _medium(role, image, quality=quality, method=method)
        if len(medium.data) <= limit:
            break
    return medium


def _medium(
    role: Role,
    image: Image.Image,
    *,
    rest: Sequence[Image.Image] = (),
    frames: int = 1,
    frame_ms: int = FRAME_MS,
    **options: Any,
) -> RenderedMedia:
    file = io.BytesIO()
    if rest:
        image.save(file, "WEBP", save_all=True, append_images=rest, duration=frame_ms, loop=0, **options)
    else:
        image.save(file, "WEBP", **options)
    return RenderedMedia(
        role=role,
        type="image/webp",
        data=file.getvalue(),
        width=image.width,
        height=image.height,
        frames=max(frames, len(rest) + 1),
    )

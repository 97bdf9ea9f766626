"""Turn a decoded frame into the picture that people are to see: fields, colours, transparency and orientation."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace

from worker.video.stream_choice import Margins

Image = npt.NDArray[np.uint8]  # (H, W, 3), RGB

UNSPECIFIED = 2  # the colour matrix of a video that does not name one
MAX_SD_LINES = 576  # a video with more lines that names no matrix is taken as BT.709, another as BT.601


@classmethod  # type: ignore[misc]
def _name_unknown_type(cls: type[Type], value: Any) -> Type:
    """Return a type for data that PyAV 18 has no name for, EXIF among them, as it else gives none of a frame's data."""
    unknown = object.__new__(cls)
    unknown._name_, unknown._value_ = f"UNKNOWN_{value}", value
    return unknown


Type._missing_ = _name_unknown_type  # type: ignore[method-assign,assignment]


@dataclass(frozen=True)
class Orientation:
    """How the frames of a video are to be turned: width and height change places, then lines and columns run back."""

    transposed: bool = False
    upside_down: bool = False
    mirrored: bool = False


def read_orientation(frame: VideoFrame) -> Orientation:
    """Return the display matrix of a frame, to the nearest quarter turn.

    The matrix maps a point (x, y) of the frame to (a x + c y, b x + d y) on the screen, y down. Read it from one frame
    of a video alone: what PyAV returns as side data refers to its frame and back, so the frame stays in memory.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, SideData):
        return Orientation()
    a, b, _, c, d, _, *_ = (int(number) for number in np.frombuffer(bytes(matrix), np.int32))
    transposed = abs(b) + abs(c) > abs(a) + abs(d)
    if transposed:
        a, d = c, b
    return Orientation(transposed, upside_down=d < 0, mirrored=a < 0)


def upright_picture(frame: VideoFrame, margins: Margins, orientation: Orientation) -> Image:
    """Return a frame as it is to be shown, (H, W, 3), RGB."""
    image = _rgb(frame)
    if frame.interlaced_frame:
        image = _upper_field(image)
    height, width = image.shape[:2]
    shown = image[margins.top : height - margins.bottom, margins.left : width - margins.right]
    if orientation.transposed:
        shown = shown.transpose(1, 0, 2)
    return np.ascontiguousarray(shown[:: -1 if orientation.upside_down else 1, :: -1 if orientation.mirrored else 1])


def _rgb(frame: VideoFrame) -> Image:
    """Convert a frame to RGB by the matrix and range that it names. Transparent pixels are shown on black."""
    matrix = None
    if frame.colorspace == UNSPECIFIED and not frame.format.is_rgb and frame.height > MAX_SD_LINES:
        matrix = Colorspace.ITU709
    has_alpha = frame.format.has_palette or any(component.is_alpha for component in frame.format.components)
    format = "rgba" if has_alpha else "rgb24"
    picture = frame.to_ndarray(format=format, src_colorspace=matrix, dst_colorspace=matrix, threads=1)
    values = np.asarray(picture, np.uint8)
    if not has_alpha:
        return values
    if values[..., 3].min() == 255:
        return np.ascontiguousarray(values[..., :3])
    rounded = (values[..., :3] * values[..., 3:].astype(np.uint16) + 127) // 255
    return rounded.astype(np.uint8)


def _upper_field(image: Image) -> Image:
    """Replace the lines of the lower field, which shows another moment, by the mean of their neighbours."""
    result = image.copy()
    above, below = image[:-1:2][: len(image[2::2])], image[2::2]
    result[1 : 2 * len(below) : 2] = (above.astype(np.uint16) + below + 1) // 2
    if len(image) % 2 == 0:
        result[-1] = image[-2]
    return result

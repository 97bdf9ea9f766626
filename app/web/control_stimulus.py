"""Draws the controls of naming: noise with the spectrum of a stimulus, in which there is nothing to name.

The noise is a sum of copies of the stimulus, shifted at random in space and time and with random signs. Its phases are
random and its power spectrum is, on average, that of the stimulus (asymptotic discrete spot noise, Galerne, Gousseau
and Morel, IEEE Trans. Image Processing 2011, 20:257). Mean and contrast of each colour are those of the stimulus. All
colours of a picture are shifted alike, so that they go together as they did. Shifts wrap around.
"""

import io
import math
from collections.abc import Callable, Iterable
from functools import cache
from random import Random
from typing import Any, Literal

from PIL import Image, ImageChops, ImageMath

Encoding = Literal["direction", "xy"] | None  # of flow as colours

COPIES, COPIES_OF_LONG = 64, 16  # half of them with each sign, so that the mean stays
LONG_SHEET = 16  # frames: noise of more takes seconds, by which a control would be known, with as many copies
SHEET_COLUMNS = 16  # of a sprite sheet, as the worker arranges it
STILL_QUALITY, LOOP_QUALITY = 85, 80  # of 100: those of stimuli, from which a control must not be told by its file
LOOP_FRAME_MS = 80
FLOW_RANGE, FULL_COLOR_PX = 20.0, 6.0  # px a frame: what 8 bits span on either side, and what has full colour


def draw_noise(data: bytes, *, frames: int, seed: str, lossless: bool) -> bytes:
    """Return a sprite sheet of noise with the spectrum of another sheet; the same seed gives the same noise."""
    with Image.open(io.BytesIO(data)) as image:
        sheet = image.convert("RGB")
    noise = _spot_noise(_split(sheet, frames), Random(seed))  # noqa: S311  # it hides no secret
    file = io.BytesIO()
    _join(noise, sheet.size).save(file, "WEBP", quality=STILL_QUALITY, method=4, lossless=lossless)
    return file.getvalue()


def draw_loop(data: bytes, *, frames: int, size: tuple[int, int], encoding: Encoding = None) -> bytes:
    """Return a sprite sheet as an animation that plays forward and backward; flow needs an encoding as colours."""
    with Image.open(io.BytesIO(data)) as image:
        images = _split(image.convert("RGB"), frames)
    if encoding is not None:
        images = [_draw_flow(each, _color_table(encoding)) for each in images]
    images = [each.resize(size, Image.Resampling.NEAREST) for each in images]
    first, *others = [*images, *images[-2:0:-1]]
    file = io.BytesIO()
    options = {"save_all": True, "append_images": others, "duration": LOOP_FRAME_MS, "loop": 0}
    first.save(file, "WEBP", quality=LOOP_QUALITY, method=2, **options)
    return file.getvalue()


def _split(sheet: Image.Image, frames: int) -> list[Image.Image]:
    """Return the frames of a sprite sheet, sixteen of which make a row."""
    columns = min(frames, SHEET_COLUMNS)
    width, height = sheet.width // columns, sheet.height // -(-frames // columns)
    corners = ((index % columns * width, index // columns * height) for index in range(frames))
    return [sheet.crop((left, top, left + width, top + height)) for left, top in corners]


def _join(frames: list[Image.Image], size: tuple[int, int]) -> Image.Image:
    """Arrange frames on a sprite sheet; a last row that is not full ends in black."""
    sheet = Image.new("RGB", size)
    columns = min(len(frames), SHEET_COLUMNS)
    for index, frame in enumerate(frames):
        sheet.paste(frame, (index % columns * frame.width, index // columns * frame.height))
    return sheet


def _spot_noise(frames: list[Image.Image], random: Random) -> list[Image.Image]:
    """Return frames of noise with the mean and the contrast of the frames, and on average their power spectrum."""
    width, height = frames[0].size
    size = (width * len(frames), height)

    def strip(*, dx: int = 0, dy: int = 0, dt: int = 0) -> tuple[Image.Image, ...]:
        """Return the bands of all frames beside each other, shifted."""
        image = Image.new("RGB", size)
        for index in range(len(frames)):
            image.paste(ImageChops.offset(frames[(index + dt) % len(frames)], dx, dy), (index * width, 0))
        return image.split()

    sums = [Image.new("I", size) for _ in range(3)]
    for copy in range(COPIES_OF_LONG if len(frames) > LONG_SHEET else COPIES):
        shift = {"dx": random.randrange(width), "dy": random.randrange(height), "dt": random.randrange(len(frames))}
        add = _plus if copy % 2 else _minus
        sums = [_combine(add, a=a, b=b) for a, b in zip(sums, strip(**shift), strict=True)]
    noise = Image.merge("RGB", [_in_8_bits(total, band) for total, band in zip(sums, strip(), strict=True)])
    return [noise.crop((index * width, 0, (index + 1) * width, height)) for index in range(len(frames))]


def _in_8_bits(noise: Image.Image, band: Image.Image) -> Image.Image:
    """Return noise around zero with the mean and the standard deviation of a band."""
    mean, deviation = _mean(band), _deviation(band)
    gain = deviation / max(_deviation(noise), 1e-6)
    return noise.convert("F").point(lambda value: value * gain + (mean + 0.5)).convert("L")


def _deviation(band: Image.Image) -> float:
    values = band.convert("F")
    square = _mean(_combine(lambda x: x["a"] * x["a"], a=values))
    return math.sqrt(max(0.0, square - _mean(values) ** 2))


def _mean(band: Image.Image) -> float:
    value = band.convert("F").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(value, float)
    return value


def _plus(images: dict[str, Any]) -> Any:
    return images["a"] + images["b"]


def _minus(images: dict[str, Any]) -> Any:
    return images["a"] - images["b"]


def _combine(formula: Callable[[dict[str, Any]], Any], **images: Image.Image) -> Image.Image:
    combined: Image.Image = ImageMath.lambda_eval(formula, **images)
    return combined


@cache
def _color_table(encoding: Encoding) -> tuple[bytes, ...]:
    """Return the colours of all flow vectors by 256 u + v, as `worker/render/flow_color.py` draws them."""
    color = _xy_magnitude_color if encoding == "xy" else _direction_color
    pixels = [value * (2 * FLOW_RANGE / 255) - FLOW_RANGE for value in range(256)]
    return tuple(bytes(round(255 * min(max(each, 0), 1)) for each in color(u, v)) for u in pixels for v in pixels)


def _direction_color(u: float, v: float) -> Iterable[float]:
    strength = min(math.hypot(u, v) / FULL_COLOR_PX, 1)
    hue = math.atan2(v, u) / (2 * math.pi) % 1
    wheel = (min(max(abs((hue * 6 + shift) % 6 - 3) - 1, 0), 1) for shift in (0, 4, 2))
    return (1 - strength * (1 - each) for each in wheel)


def _xy_magnitude_color(u: float, v: float) -> Iterable[float]:
    return (0.5 + each / (2 * FULL_COLOR_PX) for each in (u, v, math.hypot(u, v)))


def _draw_flow(flow: Image.Image, table: tuple[bytes, ...]) -> Image.Image:
    u, v = flow.getchannel(0).tobytes(), flow.getchannel(1).tobytes()
    colors = b"".join([table[256 * x + y] for x, y in zip(u, v, strict=True)])
    return Image.frombytes("RGB", flow.size, colors)

"""The picture that a link unfolds with: the stimulus, its motion and its name on one dark card."""

import io
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

SIZE = WIDTH, HEIGHT = 1200, 630
EDGE, GAP = 48, 24
DARK, LIGHT, DIM, GLOW = "#0d0b0a", "#f3ede4", "#b3a89b", "#f2b366"
STAGE = HEIGHT - 2 * EDGE
LARGEST = 320  # side of the motion, which takes the room below the words
LINES = 4  # of a name, at most


@dataclass(frozen=True)
class Card:
    """`stimulus` and `motion` are pictures as stored; of animated ones the middle frame is taken."""

    name: str
    place: str
    network: str
    stimulus: bytes
    motion: bytes | None = None


def compose(card: Card) -> bytes:
    """A JPEG of 1200 x 630, the size that other sites ask for."""
    canvas = Image.new("RGB", SIZE, DARK)
    canvas.paste(_square(card.stimulus, STAGE), (EDGE, EDGE))
    left = EDGE + STAGE + 2 * GAP
    draw = ImageDraw.Draw(canvas)
    draw.text((left, EDGE - 4), "Kinetoscope", fill=GLOW, font=_font(26))
    top = EDGE + 52
    font = _font(58 if len(card.name) < 28 else 44)
    for line in _wrapped(draw, card.name, font, WIDTH - EDGE - left)[:LINES]:
        draw.text((left, top), line, fill=LIGHT, font=font)
        top += round(font.size * 1.15)
    top += 14
    for words in (card.place, card.network):
        for line in _wrapped(draw, words, _font(26), WIDTH - EDGE - left)[:2]:
            draw.text((left, top), line, fill=DIM, font=_font(26))
            top += 36
    if card.motion is not None:
        side = min(LARGEST, HEIGHT - EDGE - GAP - top)
        canvas.paste(_square(card.motion, side), (left, HEIGHT - EDGE - side))
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=88)
    return out.getvalue()


def _square(data: bytes, side: int) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        picture.seek(getattr(picture, "n_frames", 1) // 2)
        whole = picture.convert("RGB")
    cut = min(whole.size)
    left, top = (whole.width - cut) // 2, (whole.height - cut) // 2
    return whole.crop((left, top, left + cut, top + cut)).resize((side, side), Image.Resampling.LANCZOS)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Read once: it is Pillow's own, which is text that it decodes and parses."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow without FreeType"
    return font


def _wrapped(draw: ImageDraw.ImageDraw, words: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Lines no wider than `width`; a single word that is wider is broken."""
    lines = [""]
    for word in words.split():
        whole = f"{lines[-1]} {word}".strip()
        if draw.textlength(whole, font) <= width:
            lines[-1] = whole
            continue
        lines.append("")
        for letter in word:
            if draw.textlength(lines[-1] + letter, font) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]

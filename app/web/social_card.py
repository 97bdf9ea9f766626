"""Draws the social card of a visualization: its stimulus, motion and name as the picture that sites show for a link."""

import io
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

SIZE = WIDTH, HEIGHT = 1200, 630  # px, as all sizes below
MARGIN, GAP = 48, 24
BACKGROUND, TEXT, MUTED_TEXT, ACCENT = "#0d0b0a", "#f3ede4", "#b3a89b", "#f2b366"
STIMULUS_SIDE = HEIGHT - 2 * MARGIN
MAX_MOTION_SIDE = 320  # at most: the motion fills the space below the text
MAX_NAME_LINES = 4


@dataclass(frozen=True)
class SocialCard:
    """What the picture shows. `stimulus` and `motion` are stored images; of animated ones the middle frame is drawn."""

    name: str
    subtitle: str
    network: str
    stimulus: bytes
    motion: bytes | None = None


def draw_social_card(card: SocialCard) -> bytes:
    """Return a JPEG of 1200 x 630 pixels, the size that other sites ask for."""
    canvas = Image.new("RGB", SIZE, BACKGROUND)
    canvas.paste(_square(card.stimulus, STIMULUS_SIDE), (MARGIN, MARGIN))
    left = MARGIN + STIMULUS_SIDE + 2 * GAP
    draw = ImageDraw.Draw(canvas)
    draw.text((left, MARGIN - 4), "Kinetoscope", fill=ACCENT, font=_font(26))
    top = MARGIN + 52
    font = _font(58 if len(card.name) < 28 else 44)
    for line in _wrapped(draw, card.name, font, WIDTH - MARGIN - left)[:MAX_NAME_LINES]:
        draw.text((left, top), line, fill=TEXT, font=font)
        top += round(font.size * 1.15)
    top += 14
    for text in (card.subtitle, card.network):
        for line in _wrapped(draw, text, _font(26), WIDTH - MARGIN - left)[:2]:
            draw.text((left, top), line, fill=MUTED_TEXT, font=_font(26))
            top += 36
    if card.motion is not None:
        side = min(MAX_MOTION_SIDE, HEIGHT - MARGIN - GAP - top)
        canvas.paste(_square(card.motion, side), (left, HEIGHT - MARGIN - side))
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=88)
    return out.getvalue()


def _square(data: bytes, side: int) -> Image.Image:
    """Return the central square of a stored image, scaled to `side`."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.seek(getattr(picture, "n_frames", 1) // 2)
        whole = picture.convert("RGB")
    cut = min(whole.size)
    left, top = (whole.width - cut) // 2, (whole.height - cut) // 2
    return whole.crop((left, top, left + cut, top + cut)).resize((side, side), Image.Resampling.LANCZOS)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return Pillow's own font. Decoding it takes long, so it is cached."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow without FreeType"
    return font


def _wrapped(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Return the text in lines no wider than `width`; a word that is wider is broken."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font) <= width:
            lines[-1] = longer
            continue
        lines.append("")
        for letter in word:
            if draw.textlength(lines[-1] + letter, font) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]

"""Draws the social card of a visualization: its stimulus, motion and name as the picture that sites show for a link."""

import io
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

SIZE = WIDTH, HEIGHT = 1200, 630  # px, as all sizes below
MARGIN, GAP = 48, 24
BACKGROUND, TEXT, MUTED_TEXT, ACCENT = "#0d0b0a", "#f3ede4", "#b3a89b", "#f2b366"
STIMULUS_SIDE = HEIGHT - 2 * MARGIN  # of one picture, with the text on its right
PAIR_SIDE = 408  # of each of two pictures side by side, with the text below
MAX_NAME_LINES = 4


@dataclass(frozen=True)
class SocialCard:
    """What the picture shows: one square picture, or two side by side.

    `stimulus` and `motion` are stored images; of animated ones the middle frame is drawn. A `stimulus` that is twice as
    wide as high holds appearance and motion already.
    """

    name: str
    subtitle: str
    network: str
    stimulus: bytes
    motion: bytes | None = None


def draw_social_card(card: SocialCard) -> bytes:
    """Return a JPEG of 1200 x 630 pixels, the size that other sites ask for."""
    canvas = Image.new("RGB", SIZE, BACKGROUND)
    pictures = _squares(card.stimulus) + (_squares(card.motion) if card.motion else [])
    if len(pictures) == 1:
        _draw_one(canvas, card, pictures[0])
    else:
        _draw_pair(canvas, card, pictures[:2])
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=88)
    return out.getvalue()


def _draw_one(canvas: Image.Image, card: SocialCard, picture: Image.Image) -> None:
    """Draw a picture, with the text on its right."""
    canvas.paste(picture.resize((STIMULUS_SIDE, STIMULUS_SIDE), Image.Resampling.LANCZOS), (MARGIN, MARGIN))
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


def _draw_pair(canvas: Image.Image, card: SocialCard, pictures: list[Image.Image]) -> None:
    """Draw appearance and motion side by side, with the text below them."""
    left = MARGIN
    for picture in pictures:
        canvas.paste(picture.resize((PAIR_SIDE, PAIR_SIDE), Image.Resampling.LANCZOS), (left, MARGIN))
        left += PAIR_SIDE + GAP
    draw = ImageDraw.Draw(canvas)
    draw.text((left + GAP, MARGIN - 4), "Kinetoscope", fill=ACCENT, font=_font(26))
    width, top = WIDTH - 2 * MARGIN, MARGIN + PAIR_SIDE + GAP // 2
    for size, most in ((58, 1), (44, 1), (30, 2)):
        font = _font(size)
        lines = _wrapped(draw, card.name, font, width)
        if len(lines) <= most:
            break
    for line in lines[:most]:
        draw.text((MARGIN, top), line, fill=TEXT, font=font)
        top += round(size * 1.2)
    line = _wrapped(draw, f"{card.subtitle}, {card.network}", _font(26), width)[0]
    draw.text((MARGIN, top + 4), line, fill=MUTED_TEXT, font=_font(26))


def _squares(data: bytes) -> list[Image.Image]:
    """Return the central square of a stored image, or both halves of one that is twice as wide as high."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.seek(getattr(picture, "n_frames", 1) // 2)
        whole = picture.convert("RGB")
    side = min(whole.size)
    if whole.width == 2 * whole.height:
        return [whole.crop((left, 0, left + side, side)) for left in (0, side)]
    left, top = (whole.width - side) // 2, (whole.height - side) // 2
    return [whole.crop((left, top, left + side, top + side))]


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

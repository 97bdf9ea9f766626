"""Words for a patch: its colour, by the nearest basic colour, and its position in the frame."""

import numpy as np

from worker.evidence.repairs.picture_blocks import FEATURES, to_lab
from worker.evidence.repairs.picture_contrast import Mask, Patch
from worker.evidence.types import Floats

# The basic colour terms of English (Berlin and Kay 1969), with typical values from CSS; greys are by lightness
COLOURS = {
    "red": [(220, 20, 40), (180, 40, 40), (200, 70, 70)],
    "orange": [(255, 150, 30), (225, 120, 50)],
    "yellow": [(250, 225, 40), (205, 190, 80)],
    "green": [(40, 160, 60), (110, 190, 90), (70, 120, 70)],
    "turquoise": [(60, 200, 200), (60, 140, 140)],
    "blue": [(40, 80, 220), (70, 100, 170), (110, 160, 225)],
    "purple": [(130, 40, 160), (150, 100, 180)],
    "pink": [(250, 130, 180), (225, 150, 170)],
    "brown": [(130, 80, 40), (150, 110, 80)],
}
MIN_CHROMA = 14.0  # in CIELAB: below it a colour is a grey
DARK, BRIGHT = 30.0, 75.0  # L* of greys
DISTINCTIVE_PERCENTILE = 90  # of recognised clips' blocks: what exceeds it in an error belongs to the patch
EDGES = (0.42, 0.58)  # of the frame: a centre between them is in the middle
MAX_NAMED_SHARE = 0.6  # of the frame: a larger region has no position


def name_patch(patch: Patch, errors: Floats, right: Floats) -> tuple[str, str, tuple[float, float, float]]:
    """Return what the patch is, where it is, and its colour (L*, a*, b*), from features (n, 4, 14, 14) of clips.

    The colour is that of the blocks of the errors that exceed those of recognised clips there.
    """
    inside_errors, inside_right = errors[:, :, patch.blocks], right[:, :, patch.blocks]
    values, usual = patch.sign * inside_errors[:, patch.feature], patch.sign * inside_right[:, patch.feature]
    distinctive = values >= np.percentile(usual, DISTINCTIVE_PERCENTILE)
    if not distinctive.any():
        distinctive = np.ones_like(distinctive)
    colour = np.moveaxis(inside_errors[:, :3], 1, 2)[distinctive].mean(0)
    lightness, red, yellow = map(float, colour)
    return f"{_what(patch, colour)} patch", name_position(patch.blocks), (lightness, red, yellow)


def _what(patch: Patch, colour: Floats) -> str:
    name = FEATURES[patch.feature]
    if name == "texture":
        return "patterned" if patch.sign > 0 else "plain"
    if name == "lightness":
        return "bright" if patch.sign > 0 else "dark"
    return name_colour(colour)


def name_colour(lab: Floats) -> str:
    """Return the nearest basic colour of a colour (L*, a*, b*), a grey where it has little chroma."""
    if float(np.hypot(lab[1], lab[2])) < MIN_CHROMA:
        return "black" if lab[0] < 15 else "dark grey" if lab[0] < DARK else "white" if lab[0] > 90 else "grey"
    names = [name for name, values in COLOURS.items() for _ in values]
    table = to_lab(np.array([value for values in COLOURS.values() for value in values], np.float32) / 255)
    # lightness counts half, because a shaded colour keeps its name
    distance = (((table - np.asarray(lab)) * (0.5, 1, 1)) ** 2).sum(1)
    return names[int(distance.argmin())]


def name_position(blocks: Mask) -> str:
    """Return where in the frame a region (h, w) lies: low, high, left, right, or in the middle."""
    height, width = blocks.shape
    rows, columns = np.nonzero(blocks)
    if blocks.mean() > MAX_NAMED_SHARE:
        return "over most of the frame"
    y, x = (rows.mean() + 0.5) / height, (columns.mean() + 0.5) / width
    vertical = "high" if y < EDGES[0] else "low" if y > EDGES[1] else ""
    side = "left" if x < EDGES[0] else "right" if x > EDGES[1] else ""
    if vertical and side:
        return f"{vertical} and {side} in the frame"
    if side:
        return f"on the {side} of the frame"
    return f"{vertical} in the frame" if vertical else "in the middle of the frame"

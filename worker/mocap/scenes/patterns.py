"""Random colours and surface patterns, from cloth to floorboards, determined by the random generator."""

import colorsys
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]  # (..., 3), RGB over [0, 255]
Colour = npt.NDArray[np.float32]  # (3,)

# Rec. 601 weights of R, G and B in the brightness, which is all that optical flow sees
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
TILE_TEXELS = 16  # texels a side of a tile of cloth, which wraps


def random_colour(rng: np.random.Generator, saturation: float = 0.6, low: float = 0.25, high: float = 0.95) -> Colour:
    """Return a random colour of at most `saturation` whose HSV value is between `low` and `high`."""
    hue, tint, value = rng.random(), rng.random() * saturation, rng.uniform(low, high)
    return np.array(colorsys.hsv_to_rgb(hue, tint, value), np.float32) * 255


def with_luma(tone: Colour, luma: float) -> Colour:
    """Darken a colour, or mix it with white, until its brightness is `luma` (over [0, 255])."""
    brightness = float(tone @ LUMA)
    if brightness > luma:
        return tone * np.float32(luma / brightness)
    share = np.float32((luma - brightness) / (255 - brightness))
    return tone + (255 - tone) * share


def smooth_noise(rng: np.random.Generator, size: int, cells: int, channels: int = 1) -> Pixels:
    """Return smooth noise (size, size, channels), about in [-1, 1], that wraps."""
    grid = rng.uniform(-1, 1, (cells, cells, channels)).astype(np.float32)
    grid = np.pad(grid, ((2, 2), (2, 2), (0, 0)), mode="wrap")
    margin = 2 * size // cells
    side = size + 2 * margin
    large = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC).reshape(side, side, channels)
    return np.asarray(large[margin : margin + size, margin : margin + size], np.float32)


def _plain(rng: np.random.Generator, first: Colour, second: Colour) -> Pixels:
    return np.broadcast_to(first, (TILE_TEXELS, TILE_TEXELS, 3)).copy()


def _hoops(rng: np.random.Generator, first: Colour, second: Colour) -> Pixels:
    period = rng.choice([4, 8])
    rows = (np.arange(TILE_TEXELS) % period < period // 2)[:, None, None]
    return np.asarray(np.where(rows, first, second).repeat(TILE_TEXELS, 1), np.float32)


def _check(rng: np.random.Generator, first: Colour, second: Colour) -> Pixels:
    rows = np.arange(TILE_TEXELS) % 8 < 4
    share = (rows[:, None].astype(np.float32) + rows.astype(np.float32))[..., None] / np.float32(2)
    return first * (1 - share) + second * share


def _blotches(rng: np.random.Generator, first: Colour, second: Colour) -> Pixels:
    share = np.clip(smooth_noise(rng, TILE_TEXELS, 4) * 1.5 + 0.5, 0, 1)
    return np.asarray(first * (1 - share) + second * share, np.float32)


CLOTH_PATTERNS: tuple[Callable[[np.random.Generator, Colour, Colour], Pixels], ...] = (
    _plain,
    _hoops,
    _check,
    _blotches,
)


def random_cloth(rng: np.random.Generator, first: Colour | None = None) -> Pixels:
    """Return a tile of cloth (16, 16, 3), whose rows run along the limb; `first` sets its main colour."""
    first = random_colour(rng, saturation=0.9) if first is None else first
    make = CLOTH_PATTERNS[rng.choice(len(CLOTH_PATTERNS), p=(0.45, 0.2, 0.15, 0.2))]
    second = np.clip(first * np.float32(rng.uniform(0.4, 1.4)) + np.float32(rng.uniform(-30, 30)), 0, 255)
    return add_folds(rng, make(rng, first, second.astype(np.float32)))


def add_folds(rng: np.random.Generator, tile: Pixels, depth: float = 0.12) -> Pixels:
    """Vary the brightness of a tile like folds and threads do, so that optical flow has texture to follow."""
    folds = 1 + depth * (smooth_noise(rng, len(tile), 4) + smooth_noise(rng, len(tile), 8))
    return np.clip(tile * folds, 0, 255).astype(np.float32)


def random_surface(rng: np.random.Generator, size: int) -> Pixels:
    """Return a floor or wall (size, size, 3) that wraps: boards, tiles, stripes or plain, with stains and grain."""
    base = random_colour(rng, saturation=0.35, low=0.3, high=0.9)
    texel = np.arange(size)
    shade = np.ones((size, size, 1), np.float32)
    kind = rng.choice(["boards", "tiles", "stripes", "plain"])
    period = size // int(rng.choice([4, 8, 16]))
    contrast = np.float32(rng.uniform(0.05, 0.3))
    if kind == "boards":
        boards = rng.uniform(-contrast, contrast, size // period)
        shade = shade + boards.astype(np.float32)[texel // period][:, None, None]
        shade[texel % period < 2] -= contrast
    elif kind == "tiles":
        cells = rng.uniform(-contrast, contrast, (size // period, size // period))
        shade = shade + cells.astype(np.float32)[texel // period][:, texel // period, None]
    elif kind == "stripes":
        shade[:, texel % period < period // 2] -= contrast
    stains = (
        smooth_noise(rng, size, 8, 3) * 10 + smooth_noise(rng, size, 32) * 10 + smooth_noise(rng, size, size // 4) * 8
    )
    return np.clip(cv2.blur(base * shade.astype(np.float32) + stains, (3, 3)), 0, 255)

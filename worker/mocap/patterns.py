"""Random colours and surface patterns, from cloth to floorboards. Everything follows from the generator given."""

import colorsys
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]  # (..., 3), RGB over [0, 255]
Colour = npt.NDArray[np.float32]  # (3,)

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # what optical flow sees of a colour
TILE = 16  # texels of cloth a side; wraps


def colour(rng: np.random.Generator, saturation: float = 0.6, low: float = 0.25, high: float = 0.95) -> Colour:
    hue, tint, value = rng.random(), rng.random() * saturation, rng.uniform(low, high)
    return np.array(colorsys.hsv_to_rgb(hue, tint, value), np.float32) * 255


def with_luma(tone: Colour, luma: float) -> Colour:
    """The colour darkened, or mixed with white, to a brightness in which flow cannot tell it from another."""
    found = float(tone @ LUMA)
    if found > luma:
        return tone * np.float32(luma / found)
    share = np.float32((luma - found) / (255 - found))
    return tone + (255 - tone) * share


def noise(rng: np.random.Generator, size: int, cells: int, channels: int = 1) -> Pixels:
    """Smooth noise over [-1, 1], (size, size, channels), that wraps."""
    grid = rng.uniform(-1, 1, (cells, cells, channels)).astype(np.float32)
    grid = np.pad(grid, ((2, 2), (2, 2), (0, 0)), mode="wrap")
    margin = 2 * size // cells
    side = size + 2 * margin
    large = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC).reshape(side, side, channels)
    return np.asarray(large[margin : margin + size, margin : margin + size], np.float32)


def _plain(rng: np.random.Generator, first: Colour, second: Colour) -> Pixels:
    return np.broadcast_to(first, (TILE, TILE, 3)).copy()


def _hoops(rng: np.random.Generator, first: Colour, second: Colour) -> Pixels:
    period = rng.choice([4, 8])
    rows = (np.arange(TILE) % period < period // 2)[:, None, None]
    return np.asarray(np.where(rows, first, second).repeat(TILE, 1), np.float32)


def _check(rng: np.random.Generator, first: Colour, second: Colour) -> Pixels:
    rows = np.arange(TILE) % 8 < 4
    share = (rows[:, None].astype(np.float32) + rows.astype(np.float32))[..., None] / np.float32(2)
    return first * (1 - share) + second * share


def _blotches(rng: np.random.Generator, first: Colour, second: Colour) -> Pixels:
    share = np.clip(noise(rng, TILE, 4) * 1.5 + 0.5, 0, 1)
    return np.asarray(first * (1 - share) + second * share, np.float32)


CLOTHS: tuple[Callable[[np.random.Generator, Colour, Colour], Pixels], ...] = (_plain, _hoops, _check, _blotches)


def cloth(rng: np.random.Generator, first: Colour | None = None) -> Pixels:
    """A tile (16, 16, 3) of cloth: the rows run along the limb."""
    first = colour(rng, saturation=0.9) if first is None else first
    make = CLOTHS[rng.choice(len(CLOTHS), p=(0.45, 0.2, 0.15, 0.2))]
    second = np.clip(first * np.float32(rng.uniform(0.4, 1.4)) + np.float32(rng.uniform(-30, 30)), 0, 255)
    return weave(rng, make(rng, first, second.astype(np.float32)))


def weave(rng: np.random.Generator, tile: Pixels, depth: float = 0.12) -> Pixels:
    """Folds and threads in the brightness of a tile: something for optical flow to hold on to."""
    folds = 1 + depth * (noise(rng, len(tile), 4) + noise(rng, len(tile), 8))
    return np.clip(tile * folds, 0, 255).astype(np.float32)


def surface(rng: np.random.Generator, size: int) -> Pixels:
    """A floor or a wall, (size, size, 3), that wraps: boards, tiles, stripes or plain, over stains and grain."""
    base = colour(rng, saturation=0.35, low=0.3, high=0.9)
    place = np.arange(size)
    shade = np.ones((size, size, 1), np.float32)
    kind = rng.choice(["boards", "tiles", "stripes", "plain"])
    period = size // int(rng.choice([4, 8, 16]))
    contrast = np.float32(rng.uniform(0.05, 0.3))
    if kind == "boards":
        boards = rng.uniform(-contrast, contrast, size // period)
        shade = shade + boards.astype(np.float32)[place // period][:, None, None]
        shade[place % period < 2] -= contrast
    elif kind == "tiles":
        cells = rng.uniform(-contrast, contrast, (size // period, size // period))
        shade = shade + cells.astype(np.float32)[place // period][:, place // period, None]
    elif kind == "stripes":
        shade[:, place % period < period // 2] -= contrast
    stains = noise(rng, size, 8, 3) * 10 + noise(rng, size, 32) * 10 + noise(rng, size, size // 4) * 8
    return np.clip(cv2.blur(base * shade.astype(np.float32) + stains, (3, 3)), 0, 255)

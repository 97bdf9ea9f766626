"""Colours: of clothes, skin and hair, of a patterned ball, and of floor, mat and wall. RGB over [0, 1]."""

from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.maximize.figure.cover import Cover
from worker.maximize.figure.projection import Camera
from worker.maximize.figure.scene import HAIR, PARTS, SKIN, WALL_GRID, Parameters
from worker.maximize.figure.skeleton import CAPSULES, HEAD, TORSO, rotations

LIGHT = (-0.45, -0.6, 0.66)  # towards the lamp: right, down, to the viewer
AMBIENT = 0.55  # share of the light that falls from everywhere
# Rows are brightness, blue against yellow, and red against green: colours differ most in brightness, as natural ones do
OPPONENTS = ((1.0, 1.0, 1.0), (-0.4, -0.4, 0.8), (0.8, -0.6, -0.2))
SHARPNESS = 8.0  # of the edges of patterns and hair
BANDS = 2.5  # of a striped shirt, on each half of the torso
BALL_BANDS = 2.5 * pi  # radians a radius: stripes and dots of a ball
MAT_METRES = (1.3, 0.95)  # half its sides
WALL_PLACE = (2.5, 1.5)  # metres to the sides of the wall's middle and above the floor that its colours span
WALL_CONTRAST = 0.5
CORNER_METRES = 0.08  # over which wall and floor meet


def free_colour(latent: Tensor) -> Tensor:
    """Return colours (..., 3) of brightness, blue-yellow and red-green latent values (..., 3)."""
    return (latent @ latent.new_tensor(OPPONENTS)).sigmoid()


def between(ends: tuple[tuple[float, ...], tuple[float, ...]], latent: Tensor) -> Tensor:
    """Return colours (..., 3) between two, of latent values (...)."""
    first, last = latent.new_tensor(ends[0]), latent.new_tensor(ends[1])
    return first + (last - first) * latent.sigmoid()[..., None]


def lit(cover: Cover) -> Tensor:
    """Return the share of each pixel that shows each capsule, times the light on it, (B, K, M)."""
    right, down, near = cover.normals()
    facing = (right * LIGHT[0] + down * LIGHT[1] + near * LIGHT[2]).clamp_min(0)
    return cover.weights * (AMBIENT + (1 - AMBIENT) * facing)


def draw_figures(parameters: Parameters, head: Tensor | None, camera: Camera, cover: Cover) -> Tensor:
    """Return what F figures add to the colour of each pixel, (B, M, 3); `head` are rotations (B, F, 3, 3)."""
    assert head is not None
    body, pattern = parameters["colour_body"], parameters["pattern"]
    skin, hair = between(SKIN, body[..., 0]), between(HAIR, body[..., 1])  # (B, F, 3)
    wardrobe = torch.cat([free_colour(parameters["colour"]), skin[..., None, :]], -2)
    names = (*PARTS, "skin")
    parts = torch.tensor([[names.index(each.part), names.index(each.end_part)] for each in CAPSULES])
    capsules = wardrobe[:, :, parts.to(head.device)].flatten(1, 2)  # (B, F K, 2, 3): at both ends
    ordered = capsules.gather(1, cover.order[..., None, None].expand(-1, -1, 2, 3))
    shares = lit(cover)
    at_end = torch.sigmoid((cover.along - 0.8) * 30)
    picture = torch.einsum("bkm,bkc->bmc", shares, ordered[:, :, 0])
    picture = picture + torch.einsum("bkm,bkc->bmc", shares * at_end, ordered[:, :, 1] - ordered[:, :, 0])

    figures = torch.arange(head.shape[1], device=head.device)[:, None] * len(CAPSULES)
    torsos = cover.select((figures + torch.tensor(TORSO, device=head.device)).flatten())
    change = free_colour(pattern[..., 2:]) - wardrobe[:, :, PARTS.index("shirt")]
    stripes, dots = pattern[..., :2].sigmoid().repeat_interleave(len(TORSO), 1)[..., None].unbind(2)
    wave = torch.sin(2 * pi * BANDS * torsos.along)
    bands = torch.sigmoid(SHARPNESS / 2 * wave)
    spots = torch.sigmoid(SHARPNESS * (wave * torch.cos(2 * pi * torsos.right) - 0.35))
    share = lit(torsos) * (stripes * bands + (1 - stripes) * dots * spots)
    picture = picture + torch.einsum("bkm,bkc->bmc", share, change.repeat_interleave(len(TORSO), 1))

    heads = cover.select(figures.flatten() + HEAD)
    share = lit(heads) * _hair(head, camera, heads)
    return picture + torch.einsum("bkm,bkc->bmc", share, hair - skin)


def _hair(head: Tensor, camera: Camera, heads: Cover) -> Tensor:
    """Return how much hair is seen at each pixel of the heads, (B, F, M): above, and behind the face."""
    normals = torch.stack(heads.normals(), -1)
    ahead, above = (torch.einsum("bfmc,bfc->bfm", normals, camera.turn(head[..., axis])) for axis in (0, 1))
    top = torch.sigmoid(SHARPNESS * 1.5 * (above - 0.5))
    back = torch.sigmoid(SHARPNESS * 1.5 * (0.05 - ahead)) * torch.sigmoid(SHARPNESS * 1.5 * (above + 0.45))
    return (1 - (1 - top) * (1 - back)) * torch.sigmoid((heads.along - 0.6) * 30)


def draw_ball(parameters: Parameters, head: Tensor | None, camera: Camera, cover: Cover) -> Tensor:
    """Return what a ball adds to the colour of each pixel, (B, M, 3): stripes and dots."""
    normals = torch.stack(cover.normals(), -1)
    turned = torch.einsum("bij,bkmj->bkmi", rotations(parameters["ball_facing"]), normals)
    u, v, w = (BALL_BANDS * turned).unbind(-1)
    stripes, dots = parameters["ball_pattern"].sigmoid()[..., None, None].unbind(1)
    bands = torch.sigmoid(SHARPNESS / 2 * v.sin())
    spots = torch.sigmoid(SHARPNESS * (u.sin() * v.sin() + v.sin() * w.sin() + w.sin() * u.sin() - 0.6))
    share = stripes * bands + (1 - stripes * bands) * dots * spots
    first, second = free_colour(parameters["ball_colour"]).unbind(1)
    shares = lit(cover)
    picture = torch.einsum("bkm,bc->bmc", shares, first)
    return picture + torch.einsum("bkm,bc->bmc", shares * share, second - first)


def backdrop_colours(parameters: Parameters, floor: Tensor, wall: Tensor, nearer: Tensor, light: Tensor) -> Tensor:
    """Return the colours (B, M, 3) behind the solids: the wall, and the floor with its mat under a share of light.

    From the places that rays meet, as `Camera.floor_and_wall` returns them, and the light on the floor (B, M).
    """
    rows, columns = WALL_GRID
    grid = WALL_CONTRAST * parameters["wall_grid"]
    at = torch.stack([wall[..., 0] / WALL_PLACE[0], 1 - wall[..., 1] / WALL_PLACE[1]], -1)
    bent = F.grid_sample(grid, at[:, None].clamp(-1, 1), mode="bicubic", padding_mode="border", align_corners=True)
    assert grid.shape[-2:] == (rows, columns)
    on_wall = free_colour(parameters["wall"][:, None] + bent[:, :, 0].transpose(1, 2))
    mat = parameters["mat"]
    cosine, sine = mat[:, 4, None].cos(), mat[:, 4, None].sin()
    x, z = floor[..., 0] - 0.5 * mat[:, 5, None].tanh(), floor[..., 1] - 0.5 * mat[:, 6, None].tanh()
    edge = torch.minimum(MAT_METRES[0] - (x * cosine + z * sine).abs(), MAT_METRES[1] - (z * cosine - x * sine).abs())
    share = (mat[:, 3, None].sigmoid() * torch.sigmoid(edge / 0.05))[..., None]
    plain = free_colour(parameters["floor"])[:, None]
    on_floor = plain + share * (free_colour(mat[:, None, :3]) - plain)
    is_floor = torch.sigmoid(nearer / CORNER_METRES)[..., None]
    return on_wall + is_floor * (on_floor * light[..., None] - on_wall)

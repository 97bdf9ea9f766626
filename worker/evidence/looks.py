"""Another look for a clip: other colours, contrast and texture, the same in every frame, so that its motion stays.

It stands in for the stylised videos of Kowal et al. (CVPR 2022), which need a network for each style. Shapes and the
layout of the picture stay, as they do there.
"""

from math import cos, pi, sin

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_TURN, MAX_TURN = pi / 3, 5 * pi / 3  # of the hues
TEXTURE_CELLS = 7  # of a side: coarse, so that the texture hides no motion
TEXTURE_SHARE = 0.35  # of the picture's contrast that the texture takes


def restyle(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Return frames (1, 3, ..., H, W) in [-1, 1] in a random look, which is the same for all of them.

    Hues turn by 60 to 300 degrees about the axis of greys, every second look also inverts brightness, and a fixed
    texture of coarse colours is mixed in.
    """
    first, second = torch.rand(2, generator=generator).tolist()
    matrix = _hue_rotation(MIN_TURN + first * (MAX_TURN - MIN_TURN)) * (-1 if second < 0.5 else 1)
    coloured = torch.einsum("ij,bj...->bi...", matrix.to(frames), frames)
    cells = torch.rand(1, 3, TEXTURE_CELLS, TEXTURE_CELLS, generator=generator) * 2 - 1
    texture = F.interpolate(cells, frames.shape[-2:], mode="bicubic").to(frames)
    texture = texture if frames.ndim == 4 else texture[:, :, None]
    return ((1 - TEXTURE_SHARE) * coloured + TEXTURE_SHARE * texture).clamp(-1, 1)


def _hue_rotation(angle: float) -> Tensor:
    """Return the matrix (3, 3) that turns colours by an angle about the axis of greys."""
    along = (1 - cos(angle)) / 3
    across = sin(angle) / 3**0.5
    return torch.tensor(
        [
            [cos(angle) + along, along - across, along + across],
            [along + across, cos(angle) + along, along - across],
            [along - across, along + across, cos(angle) + along],
        ]
    )

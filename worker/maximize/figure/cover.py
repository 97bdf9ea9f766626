"""Which capsule is seen at which pixel, softly, and how it faces the viewer there."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Cover:
    """What is seen of K capsules, nearest first, at M pixels of N pictures."""

    order: Tensor  # (N, K): which capsule is the nearest, the next, and so on
    weights: Tensor  # (N, K, M): the share of the pixel that shows it
    rest: Tensor  # (N, M): the share that shows none
    along: Tensor  # (N, K, M): from 0 at its start to 1 at its end
    right: Tensor  # (N, K, M): from its axis, in radii
    down: Tensor

    def select(self, capsules: Tensor) -> "Cover":
        """Return what is seen of some capsules (C,), in the order that they are given in."""
        rank = self.order.argsort(1)[:, capsules]
        order = capsules.expand(len(rank), -1)
        index = rank[..., None].expand(-1, -1, self.rest.shape[-1])
        chosen = (each.gather(1, index) for each in (self.weights, self.along, self.right, self.down))
        weights, along, right, down = chosen
        return Cover(order, weights, self.rest, along, right, down)

    def normals(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the normals of surfaces to the right, down and to the viewer, (N, K, M) each."""
        squared = self.right.square() + self.down.square()
        within = squared.clamp_min(1).rsqrt()
        return self.right * within, self.down * within, (1 - squared).clamp_min(0.02).sqrt()


def make_cover(starts: Tensor, ends: Tensor, radii: Tensor, depths: Tensor, pixels: Tensor, softness: float) -> Cover:
    """Return which of K capsules, with ends (N, K, 2), radii (N, K, 2) and depths (N, K), is seen at pixels (M, 2).

    A capsule covers a pixel by the sigmoid of the distance from its edge over the softness, both in pixels. Where two
    overlap, the nearer covers the farther.
    """
    order = depths.detach().argsort(1)
    index = order[..., None].expand(-1, -1, 2)
    starts, ends, radii = starts.gather(1, index), ends.gather(1, index), radii.gather(1, index)
    axis = ends - starts
    squared_length = axis.square().sum(-1, keepdim=True).clamp_min(1e-2)
    # one coordinate at a time, because vectors would take twice the time
    right = pixels[:, 0] - starts[..., :1]
    down = pixels[:, 1] - starts[..., 1:]
    along = ((right * axis[..., :1] + down * axis[..., 1:]) / squared_length).clamp(0, 1)
    right, down = right - along * axis[..., :1], down - along * axis[..., 1:]
    radius = radii[..., :1] + along * (radii[..., 1:] - radii[..., :1])
    distance = (right.square() + down.square() + 1e-4).sqrt()
    inside = (radius - distance) / softness
    nearer = F.softplus(inside).cumsum(1)
    weights = (inside - nearer).exp()  # sigmoid(inside) times the product of 1 - sigmoid of the nearer ones
    return Cover(order, weights, (-nearer[:, -1]).exp(), along, right / radius, down / radius)

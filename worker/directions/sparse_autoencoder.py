"""Learn directions by a sparse autoencoder that uses k of them at each position (Gao et al., 2024, arXiv 2406.04093).

    code = the k largest of max(E (a - d) + e, 0)        reconstruction = D^T code + d,  every row of D of length 1

Trained by Adam on |a - reconstruction|^2, in units of the activations' root mean square. A direction that no batch of
the last thousand has used is reset to the residual of a position that is reconstructed badly.
"""

import torch
from torch import Tensor

from worker.directions.activations import Rows
from worker.networks.dictionary import Directions

STEPS, BATCH, LEARNING_RATE = 3000, 512, 1e-3
RESET_EVERY = 1000  # steps; none in the last third


def learn_sae(
    rows: Rows, size: int, seed: int, *, active: int, steps: int = STEPS, reset_every: int = RESET_EVERY
) -> Directions:
    """Return a dictionary of `size` directions, of which `active` at most describe a position; by the seed alone."""
    generator = torch.Generator().manual_seed(seed)
    data = torch.from_numpy(rows)
    center = data.mean(0)
    scale = (data - center).square().mean().sqrt().clamp_min(1e-12)
    draw = torch.randint(len(data), (size,), generator=generator)
    decoder = _unit_rows(data[draw] - center + 0.1 * scale * torch.randn(size, data.shape[1], generator=generator))
    encoder, bias, offset = decoder.clone(), torch.zeros(size), torch.zeros(data.shape[1])
    parameters = [decoder, encoder, bias, offset]
    for parameter in parameters:
        parameter.requires_grad_()
    optimizer = torch.optim.Adam(parameters, LEARNING_RATE)
    used = torch.zeros(size, dtype=torch.bool)
    for step in range(steps):
        batch = (data[torch.randint(len(data), (BATCH,), generator=generator)] - center) / scale
        code = keep_largest((batch - offset) @ encoder.T + bias, active)
        residual = batch - code @ decoder - offset
        optimizer.zero_grad()
        residual.square().sum(1).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            decoder.copy_(_unit_rows(decoder))
            used |= (code > 0).any(0)
            if (step + 1) % reset_every == 0:
                unused = (~used).nonzero()[:, 0]
                if len(unused) and step < steps * 2 // 3:
                    worst = residual.square().sum(1).topk(min(len(unused), BATCH)).indices
                    fresh = _unit_rows(residual[worst])
                    rows_reset = unused[: len(fresh)]
                    decoder[rows_reset], encoder[rows_reset], bias[rows_reset] = fresh, fresh, 0.0
                used.zero_()
    with torch.no_grad():
        mean = center + scale * offset
        return Directions(
            encoder.detach(),
            (scale * bias - encoder @ mean).detach(),
            decoder.detach(),
            mean.detach(),
            kind="topk",
            active=active,
        )


def keep_largest(code: Tensor, active: int) -> Tensor:
    """Return the code (n, K) with all but the `active` largest values of each row, and all negative ones, set to 0."""
    values, indices = code.relu().topk(min(active, code.shape[1]), 1)
    return torch.zeros_like(code).scatter(1, indices, values)


def _unit_rows(rows: Tensor) -> Tensor:
    lengths: Tensor = rows.norm(dim=1, keepdim=True)
    return rows / lengths.clamp_min(1e-12)

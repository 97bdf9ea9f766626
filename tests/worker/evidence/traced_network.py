"""A network from a module that a test planted."""

from collections.abc import Sequence

from torch import nn

from app.contract.network import Extent, NetworkCard, Stream
from worker.networks.network import Network
from worker.networks.trace import trace


def trace_network(
    module: nn.Module,
    streams: Sequence[Stream],
    stimulus: Extent,
    classes: tuple[str, ...] = ("yes", "no"),
    *,
    slug: str = "planted",
    family: str = "planted",
) -> Network:
    """Return the module, frozen and without dropout, with a card that has its layers."""
    module.eval().requires_grad_(False)
    layers, points = trace(module, tuple(streams))
    card = NetworkCard(
        slug=slug,
        title=slug.capitalize(),
        family=family,
        checksum="0" * 64,
        streams=tuple(streams),
        layers=layers,
        classes=classes,
        parameters=10,
        stimulus=stimulus,
    )
    return Network(card, module, points)

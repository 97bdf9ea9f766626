"""Which classes a unit feeds: what it adds to each logit on its strongest clips, and what silencing it takes away.

Of a unit u whose map is a (after a ReLU) on a clip, for the logit z_c of every class c, each a mean over the clips:

    share     sum over positions p of  a_p * d z_c / d a_p
    effect    z_c  -  z_c with a = 0
    weight    z_c with a = 1 everywhere  -  z_c with a = 0        of the last layer before the classes alone

Before a linear last layer the weight is that layer's own, share and effect are weight x activation, and the share is
what worker/evidence/explain.py says of a clip. One pass computes all three for many units: where the layer has been
reached the batch grows by copies of the clip, each with one unit changed. The share is the derivative of the logits
along the unit's own map, and takes one copy by forward differentiation, however many classes there are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad

from app.contract.evidence import FEEDS, Feed
from app.contract.network import NetworkCard
from worker.devices import device_of
from worker.evidence.explain import changed, explained_layers
from worker.evidence.probing import Unit, default_layers
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network

FED_CLIPS = 3  # of each unit's strongest clips that are read
COPIES_BYTES = 64_000_000  # of the layer's map: what follows takes some times as much


def feeding_layers(card: NetworkCard) -> tuple[str, ...]:
    """Hidden layers where streams have met or no positions are left, and those that explain a clip."""
    if len(card.layers) < 2:
        return ()
    wanted = {*default_layers(card), *explained_layers(card)}
    return tuple(layer.name for layer in card.layers if layer.name in wanted and not layer.is_class)


def feeds(
    network: Network,
    strongest: Mapping[str, Tensor],
    clips: Callable[[Sequence[int]], Iterable[tuple[int, Inputs]]],
    observe: Callable[[int, int], None] = lambda done, total: None,
) -> dict[Unit, tuple[Feed, ...]]:
    """`strongest`: by layer, the numbers (U, K) of its units' strongest clips, -1 for none; `clips` reads some by
    their numbers. Of each unit the classes that it moves most, the largest effect first; none of a silent one.
    """
    device, classes = device_of(network.module), len(network.card.classes)
    last = explained_layers(network.card)[0]
    sums = {name: torch.zeros(3, len(found), classes) for name, found in strongest.items()}
    numbers = sorted(set(torch.cat([found.flatten() for found in strongest.values()]).tolist()) - {-1})
    for done, (number, given) in enumerate(clips(numbers), 1):
        inputs = on_device(given, device)
        for name, found in strongest.items():
            units = (found == number).any(1).nonzero()[:, 0]
            if len(units):
                sums[name][:, units] += fed(network, inputs, name, units, weights=name == last)
        observe(done, len(numbers))
    return {
        (name, unit): _most_moved(total[:, unit] / max(1, int((strongest[name][unit] >= 0).sum())), name == last)
        for name, total in sums.items()
        for unit in range(total.shape[1])
    }


def _most_moved(means: Tensor, is_last: bool) -> tuple[Feed, ...]:
    """Of (3, classes)."""
    share, effect, weight = means.tolist()
    order = sorted(range(len(effect)), key=lambda index: -abs(effect[index]))[:FEEDS]
    return tuple(
        Feed(class_index=index, weight=weight[index] if is_last else None, share=share[index], effect=effect[index])
        for index in order
        if effect[index] != 0
    )


def fed(network: Network, inputs: Inputs, layer: str, units: Tensor, weights: bool = True) -> Tensor:
    """Share, effect and weight (0 unless asked for) of these units on one clip: (3, units, classes)."""
    extent = network.card.layer(layer)
    values = extent.units * extent.map.frames * extent.map.height * extent.map.width
    size = max(1, COPIES_BYTES // (4 * values * (3 if weights else 2)))
    return torch.cat([_fed(network, inputs, layer, some, weights) for some in torch.split(units, size)], 1)


@torch.no_grad()
def _fed(network: Network, inputs: Inputs, layer: str, units: Tensor, weights: bool) -> Tensor:
    point, count = network.points[layer], len(units)
    silenced, along, raised = (slice(1 + kind * count, 1 + (kind + 1) * count) for kind in range(3))

    def copies(output: Tensor) -> Tensor:
        """The clip as it is, then one copy for each unit: without it, on its way along it, with it at 1."""
        rows, chosen = torch.arange(count, device=output.device), units.to(output.device)
        grown = output.repeat(1 + (3 if weights else 2) * count, *[1] * (output.ndim - 1))
        way = torch.zeros_like(grown)
        grown[silenced][rows, chosen] = 0
        way[along][rows, chosen] = output[0, chosen].relu() if point.rectified else output[0, chosen]
        if weights:
            grown[raised][rows, chosen] = 1
        return forward_ad.make_dual(grown, way)  # type: ignore[no-any-return, no-untyped-call]

    with forward_ad.dual_level(), changed(network.module, point.path, copies):
        logits, slopes = forward_ad.unpack_dual(network.module(inputs))  # type: ignore[no-untyped-call]
    without = logits[silenced]
    found = [
        torch.zeros_like(without) if slopes is None else slopes[along],
        logits[:1] - without,
        logits[raised] - without if weights else torch.zeros_like(without),
    ]
    return torch.stack(found).cpu()

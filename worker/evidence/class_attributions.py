"""Which classes a unit contributes to: what it adds to each logit on its strongest clips, and what silencing it costs.

For a unit u whose map on a clip is a (after a ReLU), and the logit z_c of every class c, each a mean over the clips:

    share     sum over positions p of  a_p * d z_c / d a_p
    effect    z_c  -  z_c with a = 0
    weight    z_c with a = 1 everywhere  -  z_c with a = 0        only for the last layer before the classes

Before a linear last layer the weight is that layer's own, and share and effect are weight x activation. The share is
the same as in the explanation of a clip (`layer_attribution.py`). One forward pass computes all three for many units:
at the layer the batch is extended by copies of the clip, each with one unit changed. The share is the derivative of
the logits along the unit's own map, so forward-mode differentiation of one copy gives it for all classes at once.
"""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from app.contract.evidence import CLASS_ATTRIBUTIONS_PER_UNIT, ClassAttribution
from app.contract.network import NetworkCard
from worker.devices import device_of
from worker.evidence.explain import explained_layers
from worker.evidence.output_hook import replace_output
from worker.evidence.probe_plan import default_layers
from worker.evidence.separate_sums import with_separate_sums
from worker.evidence.types import Observe, ReadClips, UnitKey
from worker.graph.inputs import Inputs, on_device
from worker.maximize.microbatches import is_out_of_memory
from worker.networks.network import Network

CLIPS_PER_UNIT = 3  # of each unit's strongest clips
MAX_COPIES_BYTES = 64_000_000  # of the layer's map in all copies; the layers after it take a few times as much


def attributed_layers(card: NetworkCard) -> tuple[str, ...]:
    """Return the hidden layers that are fused or have no positions, and those that explain a clip.

    Without classes there are none.
    """
    if len(card.layers) < 2 or not card.classes:
        return ()
    wanted = {*default_layers(card), *explained_layers(card)}
    return tuple(layer.name for layer in card.layers if layer.name in wanted and not layer.is_class)


def class_attributions(
    network: Network,
    strongest: Mapping[str, Tensor],
    read_clips: ReadClips,
    observe: Observe = lambda done, total: None,
) -> dict[UnitKey, tuple[ClassAttribution, ...]]:
    """Return for each unit the classes whose logits it changes most, the largest effect first; none for a silent unit.

    `strongest` gives by layer the numbers (U, K) of its units' strongest clips, -1 for none.
    """
    device, classes = device_of(network.module), len(network.card.classes)
    last_layer = explained_layers(network.card)[0]
    sums = {name: torch.zeros(3, len(clips), classes) for name, clips in strongest.items()}
    numbers = sorted(set(torch.cat([clips.flatten() for clips in strongest.values()]).tolist()) - {-1})
    for done, (number, clip) in enumerate(read_clips(numbers), 1):
        inputs = on_device(clip, device)
        for name, clips in strongest.items():
            units = (clips == number).any(1).nonzero()[:, 0]
            if len(units):
                sums[name][:, units] += attribute_clip(network, inputs, name, units, with_weights=name == last_layer)
        observe(done, len(numbers))
    return {
        (name, unit): _largest(total[:, unit] / max(1, int((strongest[name][unit] >= 0).sum())), name == last_layer)
        for name, total in sums.items()
        for unit in range(total.shape[1])
    }


def _largest(means: Tensor, is_last_layer: bool) -> tuple[ClassAttribution, ...]:
    """Return the attributions of the largest effects, from the means (3, classes) of share, effect and weight."""
    share, effect, weight = means.tolist()
    order = sorted(range(len(effect)), key=lambda index: -abs(effect[index]))[:CLASS_ATTRIBUTIONS_PER_UNIT]
    return tuple(
        ClassAttribution(
            class_index=index,
            weight=weight[index] if is_last_layer else None,
            share=share[index],
            effect=effect[index],
        )
        for index in order
        if effect[index] != 0
    )


def attribute_clip(
    network: Network,
    inputs: Inputs,
    layer: str,
    units: Tensor,
    with_weights: bool = True,
    *,
    max_copies_bytes: int = MAX_COPIES_BYTES,
) -> Tensor:
    """Return share, effect and weight of n units (n,) on one clip, (1, ...) by stream: (3, n, classes).

    Weights are 0 unless asked for. Units are computed in groups whose copies of the layer's map fit in
    `max_copies_bytes`.
    """
    card = network.card.layer(layer)
    copied = card if card.dictionary is None else network.card.layer(card.dictionary.base)
    values = max(card.units, copied.units) * card.map.frames * card.map.height * card.map.width
    group_size = max(1, max_copies_bytes // (4 * values * (3 if with_weights else 2)))
    groups = torch.split(units, group_size)
    return torch.cat([_attribute_group(network, inputs, layer, group, with_weights) for group in groups], 1)


def _attribute_group(network: Network, inputs: Inputs, layer: str, units: Tensor, with_weights: bool) -> Tensor:
    """Return share, effect and weight of a group of units, (3, n, classes).

    Copies are made at the layer where what follows can be computed so, if need be with separate sums; where it joins
    the layer's map with another of the same clip in another way that wants equal batches, the clip is copied before the
    first layer, for one unit after the other.
    """

    def attribute() -> Tensor:
        return _attribute_copies(network, inputs, layer, units, with_weights)

    for attempt in (attribute, partial(with_separate_sums, network, inputs, attribute)):
        try:
            return attempt()
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
    copies = 1 + (3 if with_weights else 2)
    repeated = {name: x.expand(copies, *x.shape[1:]).contiguous() for name, x in inputs.items()}
    return torch.cat(
        [_attribute_copies(network, repeated, layer, unit, with_weights) for unit in torch.split(units, 1)], 1
    )


@torch.no_grad()
def _attribute_copies(network: Network, inputs: Inputs, layer: str, units: Tensor, with_weights: bool) -> Tensor:
    point, count = network.points[layer], len(units)
    copies = 1 + (3 if with_weights else 2) * count
    silenced, differentiated, set_to_one = (slice(1 + kind * count, 1 + (kind + 1) * count) for kind in range(3))

    def change_copies(output: Tensor) -> Tensor:
        """Return a batch of the clip as it is, then a copy for each unit silenced, differentiated, and set to 1."""
        rows, indices = torch.arange(count, device=output.device), units.to(output.device)
        extended = output[:1].repeat(copies, *[1] * (output.ndim - 1))
        tangent = torch.zeros_like(extended)
        extended[silenced][rows, indices] = 0
        tangent[differentiated][rows, indices] = output[0, indices].relu() if point.rectified else output[0, indices]
        if with_weights:
            extended[set_to_one][rows, indices] = 1
        return forward_ad.make_dual(extended, tangent)  # type: ignore[no-any-return, no-untyped-call]

    # fused kernels of attention have no forward derivative
    attention = sdpa_kernel(SDPBackend.MATH)
    with attention, forward_ad.dual_level(), replace_output(network.module, point.path, change_copies):
        logits, derivatives = forward_ad.unpack_dual(network.module(inputs))  # type: ignore[no-untyped-call]
    without = logits[silenced]
    attributions = [
        torch.zeros_like(without) if derivatives is None else derivatives[differentiated],
        logits[:1] - without,
        logits[set_to_one] - without if with_weights else torch.zeros_like(without),
    ]
    return torch.stack(attributions).cpu()

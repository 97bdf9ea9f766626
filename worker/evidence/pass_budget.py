"""How many forward passes a part of a survey may take after the recording: the fewer, the more a pass costs.

Operations are counted, not seconds, so that a part measures the same clips on every machine.
"""

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from worker.devices import device_of
from worker.maximize.microbatches import is_out_of_memory
from worker.networks.network import Network
from worker.networks.trace import zero_inputs

MAX_OPERATIONS = 1e14  # of all passes of a part, two for each multiplication: 10 to 40 minutes of one core
MIN_PASSES = 200  # of a part, whatever a pass costs: changed in four ways, 25 clips through network and control

Item = TypeVar("Item")


def count_pass_budget(network: Network) -> int:
    """Return how many forward passes each part of a survey may take, through the network and its control together."""
    return max(MIN_PASSES, int(MAX_OPERATIONS // max(1, count_operations(network))))


@torch.no_grad()
def count_operations(network: Network) -> int:
    """Return the operations of the forward pass of one clip.

    They are counted on tensors without values; where the network does not run on these, on zeros.
    """
    module = network.module
    tensors = {name: x.to("meta") for name, x in (*module.named_parameters(), *module.named_buffers())}
    try:
        with FlopCounterMode(display=False) as counter:
            functional_call(module, tensors, (zero_inputs(network.card.streams, 1, torch.device("meta")),))
    except (RuntimeError, NotImplementedError) as error:
        if is_out_of_memory(error):
            raise
        with FlopCounterMode(display=False) as counter:
            module(zero_inputs(network.card.streams, 1, device_of(module)))
    return int(counter.get_total_flops())


def thin_out(items: Sequence[Item], most: int) -> Sequence[Item]:
    """Return at most `most` of the items, one at least, evenly spread over them."""
    return items[:: -(-len(items) // max(1, most))] if items else items

"""What a network needs is estimated from shapes, and told before anything is allocated."""

import json
import resource
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import TooLarge
from app.contract.network import Stream, StreamName
from benchmarks.architectures.video_transformers import save
from worker.graph.inputs import Inputs
from worker.networks.load import read_network
from worker.networks.memory import describe_need, device_memory, estimate_memory, machine_memory
from worker.networks.transformers_directory import check_memory

STREAM = Stream(name=StreamName.CLIP, frames=4, height=16, width=16)
CPU = torch.device("cpu")


class Squares(nn.Module):
    """Squares the clip, then sums it with a weight: autograd keeps the clip, its square, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 3, 4, 16, 16), requires_grad=False)

    def forward(self, inputs: Inputs) -> Tensor:
        x = inputs[StreamName.CLIP]
        return (x * x * self.weight).flatten(1).sum(1, keepdim=True)


def test_parameters_and_what_autograd_keeps_are_counted_once() -> None:
    clip = 3 * 4 * 16 * 16 * 4  # bytes
    assert estimate_memory(Squares(), [STREAM]) == clip + clip, "the weight and the clip, which is kept for its square"


def test_code_that_depends_on_values_cannot_be_estimated() -> None:
    class Branch(nn.Module):
        def forward(self, inputs: Inputs) -> Tensor:
            x = inputs[StreamName.CLIP]
            return x.flatten(1) if float(x.sum()) > 0 else -x.flatten(1)

    assert estimate_memory(Branch(), [STREAM]) is None
    assert "cannot be told" in describe_need(None, CPU)


def test_a_card_says_what_a_unit_needs(tmp_path: Path) -> None:
    card, _ = read_network(family=str(save("videomae", tmp_path / "net")))
    assert card.memory is not None
    assert 4 * card.parameters < card.memory < 40_000_000
    assert describe_need(card.memory, CPU).startswith("One unit needs about ")


def test_a_need_beyond_the_device_is_warned_of() -> None:
    has = device_memory(CPU)
    assert has == machine_memory() > 100_000_000
    assert "run a worker where there is more" in describe_need(2 * has, CPU)


def test_a_giant_is_refused_without_being_allocated(tmp_path: Path) -> None:
    folder = save("videomae", tmp_path / "net")
    path = folder / "config.json"
    giant = {"hidden_size": 16384, "intermediate_size": 65536, "num_hidden_layers": 24, "num_attention_heads": 64}
    path.write_text(json.dumps(json.loads(path.read_text()) | giant))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        TooLarge, match=r"network of 309\.\d GB: adding it needs about 92\d\.\d GB of memory, and one unit"
    ):
        read_network(family=str(folder))
    with pytest.raises(TooLarge, match=r"this machine has 24\.0 GB"):
        check_memory(json.loads(path.read_text()), 24 * 10**9)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 500_000 * (1024 if sys.platform == "darwin" else 1)

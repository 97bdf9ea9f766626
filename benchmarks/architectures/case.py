"""What is needed of an architecture in order to try it: a saved network, and the library's own logits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from app.contract.network import NetworkCard, StreamName
from worker.networks.fuse import read_fused
from worker.networks.load import read_network

Inputs = Mapping[StreamName, Tensor]  # (B, ...) in the units of all networks here: RGB in [-1, 1], flow in px / 20


@dataclass(frozen=True)
class SavedNetwork:
    """A network as people have it in a file or directory, and what the library that made it computes."""

    source: Path  # what `networks add` is given
    logits: Callable[[Inputs], Tensor]  # the library's own, (B, classes); it scales the inputs itself
    labels: Path | None = None
    family: str | None = None  # where the file alone does not tell: `networks add FAMILY --weights SOURCE`
    motion: Path | None = None  # a second file: `networks add SOURCE --motion MOTION`

    def read(self) -> tuple[NetworkCard, bytes]:
        """Return the card and the weights of the network, as `networks add` stores them."""
        if self.motion is not None:
            return read_fused(source=self.source, motion=self.motion, labels=self.labels)
        source, weights = (str(self.source), None) if self.family is None else (self.family, self.source)
        return read_network(family=source, weights=weights, labels=self.labels)


@dataclass(frozen=True)
class Case:
    """An architecture of a library."""

    name: str  # as its authors write it
    library: str  # module that builds it, with which its version is looked up
    save: Callable[[Path], SavedNetwork]  # into a new folder
    middle: str  # a layer of which a unit is visualized

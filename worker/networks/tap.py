"""Marks the places of a network that people look at, where the module itself can say so best."""

from torch import nn


class Tap(nn.Identity):
    """Stands where a layer's activation is read, before a following ReLU. It has no tensors, so state dicts
    stay as they are. The layer is named after the module that holds it: `conv1.tap` marks `conv1`.
    """

    def __init__(self, *, rectified: bool = True) -> None:
        super().__init__()
        self.rectified = rectified  # a ReLU follows

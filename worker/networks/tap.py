"""A marker for the layers of a network, for modules that know best where their layers are."""

from torch import nn


class Tap(nn.Identity):
    """An identity that marks where a layer's activation is read, before a following ReLU.

    It has no tensors, so that state dicts stay as they are. The layer is named after the module that holds the tap:
    `conv1.tap` marks `conv1`. `rectified` says whether a ReLU follows.
    """

    def __init__(self, *, rectified: bool = True) -> None:
        super().__init__()
        self.rectified = rectified

"""A stand-in for torchvision's operators, which the libraries of benchmarks/peers.py import and do not use."""

import sys
from typing import Any

import torch

OPERATORS = (
    "nms qnms roi_align qroi_align _roi_align_backward roi_pool _roi_pool_backward ps_roi_align "
    "_ps_roi_align_backward ps_roi_pool _ps_roi_pool_backward deform_conv2d _deform_conv2d_backward"
)
_library: list[Any] = []  # the definitions last as long as this object


def define_torchvision_operators() -> None:
    """Define the names of torchvision's operators, so that a torchvision built for another torch can be imported.

    The libraries need its transforms alone.
    """
    if not _library and "torchvision" not in sys.modules:
        # torch's `Library` has no types
        library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for name in OPERATORS.split():
            library.define(f"{name}(Tensor x) -> Tensor")
        _library.append(library)

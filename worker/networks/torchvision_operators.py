"""Import torchvision beside any build of torch.

Its wheels hold operators, which its models do not use, for one build of torch. Beside another build (that for CPUs,
say) the operators cannot be loaded, and the import fails because their names are missing: here they are declared.
"""

import importlib
import sys
from importlib.util import find_spec
from typing import Any

import torch

OPERATORS = (
    "nms qnms roi_align qroi_align _roi_align_backward roi_pool _roi_pool_backward ps_roi_align "
    "_ps_roi_align_backward ps_roi_pool _ps_roi_pool_backward deform_conv2d _deform_conv2d_backward"
)
MISSING = "operator torchvision::"  # begins the message of the import that fails
_definitions: list[Any] = []  # last as long as this object


def import_torchvision() -> Any:
    """Return torchvision. Raises ImportError where it is not installed."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if _definitions or not str(error).startswith(MISSING):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    # torch's `Library` has no types
    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in OPERATORS.split():
        library.define(f"{name}(Tensor x) -> Tensor")
    _definitions.append(library)
    return importlib.import_module("torchvision")


def prepare_torchvision() -> None:
    """Import torchvision where it is installed, so that libraries that use it can import it."""
    if find_spec("torchvision") is not None:
        import_torchvision()

"""Read MATLAB's files as plain Python values. No class of MATLAB is loaded and nothing in a file is run.

A struct becomes a dictionary, a struct array and a cell a list in MATLAB's order (columns first), text a string, and an
array of numbers a NumPy array with MATLAB's axes. Objects and function handles become an `Unread`.
"""

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from app.contract.errors import WeightsUnreadable

Value = Any  # dict[str, Value] | list[Value] | str | NDArray | Unread
Array = npt.NDArray[Any]

V73_MAGIC, HDF5_MAGIC = b"MATLAB 7.3 MAT-file", b"\x89HDF\r\n\x1a\n"
V73_HEADER_BYTES = 512
MAX_DEPTH = 24  # of arrays within arrays; networks have 6
MAX_ITEMS = 1_000_000  # arrays, cells and structs of a file: each takes memory, also an empty one
DAMAGED = "The MATLAB file is damaged or cut short ({}): fetch it again."


@dataclass(frozen=True)
class Unread:
    """Something of MATLAB that is not read: an object or a function handle."""

    kind: str


def read_matlab(data: bytes, max_bytes: int) -> dict[str, Value]:
    """Return the variables of a MATLAB file of version 5 to 7.3, which may expand to `max_bytes`.

    Raises WeightsUnreadable for a file that is damaged, too large, or none of MATLAB's.
    """
    if data.startswith(HDF5_MAGIC):
        raise WeightsUnreadable(
            "This is an HDF5 file, but not one of MATLAB (Keras saves such): give a .mat file, or the network's "
            "weights as safetensors."
        )
    if data.startswith(V73_MAGIC):
        if data[V73_HEADER_BYTES : V73_HEADER_BYTES + 8] != HDF5_MAGIC:
            raise WeightsUnreadable(DAMAGED.format("its header is followed by no HDF5"))
        from worker.networks.matlab_hdf5 import read_hdf5  # which imports this module, as the other does

        return read_hdf5(data, max_bytes)
    from worker.networks.matlab_v5 import read_v5

    return read_v5(data, max_bytes)

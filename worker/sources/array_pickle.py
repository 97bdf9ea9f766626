"""Read a pickle of NumPy arrays in dictionaries, and refuse every other: no code runs, NumPy's own neither.

The three names that NumPy writes into a pickle stand for classes of this file, which take notes of what an array is
made of. The array is then a view of the bytes in the pickle, so that reading takes little memory beside them.
"""

import io
import pickle
import pickletools
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import WeightsUnreadable, WeightsUnsafe

Array = NDArray[Any]

MAX_OPCODES = 200_000  # of a pickle; an array takes about 30
MAX_DEPTH = 16  # of dictionaries in dictionaries
TYPES = frozenset(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"])
MEMO_OPCODES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


def read_arrays(data: bytes) -> dict[str, Array]:
    """Return the arrays in a pickle of dictionaries, by the keys that lead to them, separated by slashes.

    Arrays are views of `data` that cannot be written to. Raises WeightsUnsafe for a pickle that needs anything but
    arrays, WeightsUnreadable for one that is damaged, or holds anything else.
    """
    try:
        _check_opcodes(data)
        content = _ArrayUnpickler(io.BytesIO(data)).load()
    except (WeightsUnsafe, WeightsUnreadable):
        raise
    except Exception as error:  # the unpickler raises whatever its bytes lead to
        raise _damaged(f"{type(error).__name__}: {error}") from None
    arrays: dict[str, Array] = {}
    waiting: list[tuple[tuple[str, ...], object]] = [((), content)]
    visits = 0
    while waiting:
        keys, value = waiting.pop()
        visits += 1
        if isinstance(value, _Array):
            arrays["/".join(keys)] = value.view()
        elif isinstance(value, Mapping) and len(keys) < MAX_DEPTH and all(isinstance(key, str) for key in value):
            waiting += [((*keys, key), each) for key, each in value.items()]
        else:
            where = f"under {'/'.join(keys[:3])}" if keys else "at its top"
            raise WeightsUnreadable(f"The pickle holds a {type(value).__name__} {where}, where arrays are expected.")
        if visits + len(waiting) > MAX_OPCODES:  # dictionaries that contain each other
            raise _damaged("it repeats itself")
    return arrays


def _damaged(reason: str) -> WeightsUnreadable:
    return WeightsUnreadable(f"The pickle of arrays is damaged or cut short ({reason[:200]}): fetch it again.")


def _check_opcodes(data: bytes) -> None:
    """Refuse a pickle with more instructions than any network needs, or with numbers that make the memo huge."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data), 1):
        if count > MAX_OPCODES or (opcode.name in MEMO_OPCODES and int(argument or 0) > MAX_OPCODES):
            raise WeightsUnsafe(
                "The pickle is made to fill the memory: it has more instructions than arrays need. It was not read."
            )


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler for which no name means anything but the parts of an array."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _Call(_Array)
        if module == "numpy" and name in ("ndarray", "dtype"):
            return _Call(_Type)  # `ndarray` is an argument alone: called, it gives no array
        raise WeightsUnsafe(
            f"The pickle wants {module[:100]}.{name[:100]} when it is read, which can run code; it was not read."
        )

    def persistent_load(self, pid: object) -> NoReturn:
        raise WeightsUnsafe("The pickle refers to objects outside itself; it was not read.")


class _Call:
    """A name in a pickle. Each occurrence has its own, as a pickle may write to the attributes of what it names."""

    __slots__ = ("_make",)

    def __init__(self, make: type) -> None:
        self._make = make

    def __call__(self, *arguments: object) -> object:
        return self._make(*arguments)


class _Type:
    """What a pickle says of a dtype: the arguments of `numpy.dtype`, then its byte order."""

    def __init__(self, *arguments: object) -> None:
        if not arguments or arguments[0] not in TYPES:
            raise WeightsUnreadable(f"The pickle holds an array of the type {arguments[:1]}, not of numbers.")
        self.code = arguments[0]
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.order, subtype, names, fields, *_ = state
        if self.order not in ("<", ">", "|", "=") or (subtype, names, fields) != (None, None, None):
            raise WeightsUnreadable("The pickle holds an array of records, where numbers are expected.")

    def dtype(self) -> np.dtype[Any]:
        return np.dtype(f"{self.order}{self.code}")


class _Array:
    """What a pickle says of an array: its shape, type, order in memory and bytes."""

    def __init__(self, *arguments: object) -> None:  # of `_reconstruct`: a class and an empty shape, which say nothing
        self.shape: tuple[int, ...] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, self.type, is_fortran, self.data = state
        is_right = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
        if not is_right or not isinstance(self.type, _Type) or not isinstance(self.data, bytes):
            raise WeightsUnreadable("The pickle holds an array of objects, where numbers are expected.")
        self.shape, self.memory_order = shape, "F" if is_fortran else "C"

    def view(self) -> Array:
        """Return the array, (shape), as a view of its bytes."""
        if self.shape is None:
            raise _damaged("an array without content")
        try:
            return np.frombuffer(self.data, self.type.dtype()).reshape(self.shape, order=self.memory_order)  # type: ignore[call-overload, no-any-return]
        except (ValueError, TypeError) as error:
            raise _damaged(str(error)) from None

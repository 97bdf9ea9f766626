"""Pickles of arrays are read, and nothing that a pickle can do beside that is done."""

import builtins
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.contract.errors import WeightsError, WeightsUnreadable, WeightsUnsafe
from app.settings import ROOT
from worker.sources.array_pickle import read_arrays


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_arrays_come_back_as_they_were(protocol: int, core: bytes) -> None:
    arrays = {
        "a": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big-endian": np.arange(5, dtype=">i4"),
        "half": np.array(1.5, np.float16),
        "empty": np.zeros((0, 3)),
        "flags": np.array([True, False]),
    }
    data = pickle.dumps({"params": {"layer/kernel": arrays}}, protocol)
    if protocol == 2:  # which writes bytes as text that a function decodes
        with pytest.raises(WeightsUnsafe, match=r"_codecs\.encode"):
            read_arrays(data)
        return
    long_name, core_name = b"numpy._core.multiarray", core + b".multiarray"
    for own in (b"numpy.core.multiarray", long_name):
        data = data.replace(b"\x8c" + bytes([len(own)]) + own, b"\x8c" + bytes([len(core_name)]) + core_name).replace(
            b"c" + own + b"\n", b"c" + core_name + b"\n"
        )
    if protocol == 4:  # its length is that of one frame, which has changed
        data = data[:3] + struct.pack("<Q", len(data) - 11) + data[11:]
    read = read_arrays(data)
    assert read.keys() == {f"params/layer/kernel/{name}" for name in arrays}
    for name, array in arrays.items():
        got = read[f"params/layer/kernel/{name}"]
        np.testing.assert_array_equal(got, array)
        assert (got.dtype, got.shape, got.flags.writeable) == (array.dtype, array.shape, False)


class Runs:
    """Runs a program where it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def test_no_code_runs(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    for call in (
        Runs(os.system, f"touch {marker}"),
        Runs(builtins.eval, f"open({str(marker)!r}, 'w')"),
        Runs(Path.touch, marker),
        Runs(np.load, str(marker)),
        Runs(np.memmap, str(marker), "u1", "w+", 0, (8,)),
        Runs(getattr, marker, "touch"),
    ):
        for protocol in range(6):
            with pytest.raises(WeightsUnsafe, match="was not read"):
                read_arrays(pickle.dumps({"params": call}, protocol))
    assert not marker.exists()


def opcodes(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


NDARRAY = b"cnumpy\nndarray\n"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
DTYPE = b"cnumpy\ndtype\n"
HUGE = b"(\x8a\x06\x00\x00\x00\x00\x00\x01t"  # (2 ** 40,)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle",
        b"\x80\x04",
        opcodes(),
        opcodes(b"K\x01"),
        opcodes(b"]"),
        opcodes(NDARRAY),
        opcodes(NDARRAY, HUGE, b"R"),  # numpy.ndarray((2 ** 40,)) takes a terabyte
        opcodes(RECONSTRUCT, b"(", NDARRAY, HUGE, b"C\x01btR"),
        opcodes(DTYPE, b"(\x8c\x0bV1000000000tR"),
        opcodes(DTYPE, b"(\x8c\x01OtR"),
        opcodes(DTYPE, b"(]tR"),
        opcodes(DTYPE, b"(\x8c\x02f4tR", b"(K\x03\x8c\x01!NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"),
        opcodes(RECONSTRUCT, b"N}\x8c\x05_makeK\x01s\x86b)R"),
        opcodes(NDARRAY, b")\x81"),  # NEWOBJ
        opcodes(b"r\xff\xff\xff\x7f"),  # a memo of two thousand million
        opcodes(b"Nr\xff\xff\xff\x7f"),
        opcodes(b"]" * 300_000),
        opcodes(b"Pid\n"),  # an object outside
        opcodes(b"\x82\x01"),  # an extension
        opcodes(b"}\x94\x8c\x01ah\x00s"),  # a dictionary in itself
        opcodes(b"B\xff\xff\xff\x7f"),  # bytes that are not there
        opcodes(b"}K\x01K\x02s"),
        pickle.dumps({"a": np.array([object], dtype=object)[:0]}),
        pickle.dumps({"a": np.array(["text"])}),
        pickle.dumps({"a": np.zeros(2, [("x", "f4")])}),
        pickle.dumps({"a": 3.0}),
        pickle.dumps({1: np.zeros(2)}),
        pickle.dumps({"a": np.arange(100)})[:-30],
        pickle.dumps({"a": np.arange(100)}).replace(b"Kd\x85", b"Ke\x85"),  # a shape of 101
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(WeightsError) as error:
        read_arrays(data)
    assert type(error.value) in (WeightsUnsafe, WeightsUnreadable)
    assert len(error.value.detail) < 400


def test_a_tree_that_grows_without_arrays_is_refused() -> None:
    tree: dict[str, Any] = {}
    for _ in range(12):
        tree = {str(number): tree for number in range(10)}
    with pytest.raises(WeightsUnreadable, match="repeats itself"):
        read_arrays(pickle.dumps(tree))


def test_mutated_pickles_are_read_or_refused_in_little_memory() -> None:
    program = """
import pickle, random, resource
import numpy as np
from app.contract.errors import WeightsError
from worker.sources.array_pickle import read_arrays
good = pickle.dumps({"params": {"a": np.arange(20, dtype=np.float32).reshape(4, 5), "b": np.zeros(3)}}, 4)
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
generator = random.Random(0)
refused = 0
for _ in range(5000):
    data = bytearray(good)
    for _ in range(generator.randint(1, 4)):
        position = generator.randrange(len(data))
        match generator.randrange(3):
            case 0: data[position] = generator.randrange(256)
            case 1: del data[position]
            case 2: data.insert(position, generator.choice(b'.()RbtN}]Cjrq0123c\\x8a\\x8c\\x93\\x94'))
    try:
        read_arrays(bytes(data))
    except WeightsError:
        refused += 1
assert refused > 2000, refused
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used < 200_000
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr

"""MATLAB files as plain values: both formats agree; files that are damaged, or fill the memory, are refused."""

import contextlib
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from app.contract.errors import InvalidRequest, WeightsUnreadable
from benchmarks.architectures.matlab_writer import Cell, StructArray, save_v5, save_v73
from worker.networks.matlab_file import Unread, read_matlab
from worker.networks.weights import parse_weights

MANY = 10**9
VALUES = {
    "filters": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "count": np.array([[7.0]]),
    "isTrue": np.array([[True]]),
    "name": "conv1_1",
    "empty": "",
    "nothing": np.zeros((0, 0)),
    "cell": Cell(("a", np.array([[1.0, 2.0]]), Cell(()))),
    "meta": {"size": np.array([[224.0, 224.0, 3.0]]), "classes": {"name": Cell(("run", "jump"))}},
    "layers": StructArray(({"name": "a", "inputs": Cell(("x0",))}, {"name": "b", "inputs": Cell(("x1", "x2"))})),
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.shape == other.shape and bool((one == other).all())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def test_both_formats_give_the_same_values(tmp_path: Path) -> None:
    save_v5(tmp_path / "v7.mat", VALUES)
    save_v5(tmp_path / "v6.mat", VALUES, compress=False)
    save_v73(tmp_path / "v73.mat", VALUES)
    read = [read_matlab((tmp_path / name).read_bytes(), MANY) for name in ("v7.mat", "v6.mat", "v73.mat")]
    for values in read:
        assert same(values["filters"], VALUES["filters"])
        assert values["cell"][:1] == ["a"]
        assert values["cell"][2] == []
        assert values["meta"]["classes"]["name"] == ["run", "jump"]
        assert [layer["inputs"] for layer in values["layers"]] == [["x0"], ["x1", "x2"]]
        assert (values["name"], values["empty"], values["nothing"].size) == ("conv1_1", "", 0)
    assert same(read[0], read[1])
    assert all(same(read[0][name], read[2][name]) for name in VALUES)


def test_arrays_without_a_network_are_tensors_with_matlabs_axes(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "weights.mat", {"state": {"conv1": np.ones((3, 2), ">f8")}, "note": "hello"})
    content = parse_weights((tmp_path / "weights.mat").read_bytes())
    state = content["state"]
    assert isinstance(state, dict)
    torch.testing.assert_close(state["conv1"], torch.ones(3, 2))
    scipy.io.savemat(tmp_path / "note.mat", {"note": "hello"})
    with pytest.raises(WeightsUnreadable, match="neither a network of MatConvNet nor arrays, but note"):
        parse_weights((tmp_path / "note.mat").read_bytes())


@pytest.mark.parametrize("kind", ["v7", "v6", "v73"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_a_file_that_is_cut_short_says_so(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / "cut.mat"
    values = {"filters": np.random.default_rng(1).random((30, 30)), "meta": VALUES["meta"]}
    if kind == "v73":
        save_v73(path, values)
    else:
        save_v5(path, values, compress=kind == "v7")
    data = path.read_bytes()
    with pytest.raises(WeightsUnreadable, match="cut short"):
        read_matlab(data[: max(20, int(len(data) * share))], MANY)


def test_bytes_that_were_changed_end_in_a_sentence_or_in_values(tmp_path: Path) -> None:
    for save, name in ((save_v5, "v5.mat"), (save_v73, "v73.mat")):
        save(tmp_path / name, VALUES)
        data = (tmp_path / name).read_bytes()
        random = np.random.default_rng(2)
        for _ in range(60):
            changed = bytearray(data)
            changed[int(random.integers(128 if save is save_v5 else 520, len(data)))] = int(random.integers(256))
            with contextlib.suppress(WeightsUnreadable):
                read_matlab(bytes(changed), 10_000_000)


def test_hdf5_that_is_no_matlab_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "keras.h5", "w") as file:
        file["weights"] = np.ones(3)
    data = (tmp_path / "keras.h5").read_bytes()
    with pytest.raises(WeightsUnreadable, match="an HDF5 file, but not one of MATLAB"):
        parse_weights(data)
    header = b"MATLAB 7.3 MAT-file".ljust(512)
    with pytest.raises(WeightsUnreadable, match="followed by no HDF5"):
        parse_weights(header + b"nothing")


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(array_class: int, dimensions: tuple[int, ...], rest: bytes) -> bytes:
    """Return an array of version 5 with a header of these dimensions and whatever follows it."""
    header = element(6, struct.pack("<II", array_class, 0)) + element(
        5, struct.pack(f"<{len(dimensions)}i", *dimensions)
    )
    return element(14, header + element(1, b"net") + rest)


HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


def test_arrays_of_enormous_declared_sizes_take_no_memory() -> None:
    with pytest.raises(WeightsUnreadable, match="2,147,395,600 arrays in"):
        read_matlab(HEADER + matrix(1, (46340, 46340), b""), MANY)
    names = element(5, struct.pack("<i", 8)) + element(1, b"layers\0\0params\0\0")
    with pytest.raises(WeightsUnreadable, match="4,294,967,294 arrays in"):
        read_matlab(HEADER + matrix(2, (2147483647, 1), names), MANY)
    with pytest.raises(WeightsUnreadable, match="of the shape"):
        read_matlab(HEADER + matrix(1, (-2, 2), b""), MANY)
    nested = matrix(6, (0, 0), element(9, b""))
    for _ in range(100):
        nested = matrix(1, (1, 1), nested)
    with pytest.raises(WeightsUnreadable, match="arrays within arrays"):
        read_matlab(HEADER + nested, MANY)


def test_a_file_that_expands_to_more_than_its_network_can_need_is_not_expanded(tmp_path: Path) -> None:
    bomb = zlib.compress(matrix(6, (1, 10**7), element(9, bytes(8 * 10**7))), 9)
    with pytest.raises(WeightsUnreadable, match="expands to more"):
        read_matlab(HEADER + struct.pack("<II", 15, len(bomb)) + bomb, 1_000_000)
    with h5py.File(tmp_path / "bomb.mat", "w", userblock_size=512) as file:
        file.create_dataset("net", shape=(10**6, 10**6), dtype="f4", chunks=(1000, 1000), compression="gzip")
    data = bytearray((tmp_path / "bomb.mat").read_bytes())
    data[:19] = b"MATLAB 7.3 MAT-file"
    with pytest.raises(WeightsUnreadable, match="take 4,000,000,000,000 bytes"):
        read_matlab(bytes(data), MANY)


def test_many_empty_arrays_and_bytes_that_grow_are_refused(tmp_path: Path) -> None:
    packed = []
    for count in (1_000, 999_001):
        cell = zlib.compress(matrix(1, (1, count), struct.pack("<II", 14, 0) * count))
        packed.append(struct.pack("<II", 15, len(cell)) + cell)
    assert len(read_matlab(HEADER + packed[0], MANY)["net"]) == 1_000
    with pytest.raises(WeightsUnreadable, match="more than 1,000,000 arrays"):
        read_matlab(HEADER + packed[0] + packed[1], MANY)
    scipy.io.savemat(tmp_path / "bytes.mat", {"state": {"w": np.zeros((1000, 1000), np.uint8)}}, do_compression=True)
    data = (tmp_path / "bytes.mat").read_bytes()
    with pytest.raises(WeightsUnreadable, match="take 4,000,000 bytes"):
        parse_weights(data, 2_000_000)


def test_what_lies_in_other_files_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(range(64)))
    for kind in ("link", "soft", "external"):
        path = tmp_path / f"{kind}.mat"
        with h5py.File(path, "w", userblock_size=512) as file:
            if kind == "link":
                file["net"] = h5py.ExternalLink(str(tmp_path / "secret"), "/x")
            elif kind == "soft":
                file["net"] = h5py.SoftLink("/other")
            else:
                file.create_dataset("net", (8,), "f8", external=[(str(tmp_path / "secret"), 0, 64)])
        data = bytearray(path.read_bytes())
        data[:19] = b"MATLAB 7.3 MAT-file"
        with pytest.raises(WeightsUnreadable, match=r"not read|in another file"):
            read_matlab(bytes(data), MANY)


def test_references_that_run_in_a_circle_end(tmp_path: Path) -> None:
    path = tmp_path / "circle.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        cell = file.create_dataset("net", (1, 1), h5py.ref_dtype)
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
        cell[0, 0] = cell.ref
    data = bytearray(path.read_bytes())
    data[:19] = b"MATLAB 7.3 MAT-file"
    with pytest.raises(WeightsUnreadable, match="deep in others"):
        read_matlab(bytes(data), MANY)


def test_objects_are_named_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "object.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        item = file.create_dataset("net", data=np.zeros((1, 6), np.uint32))
        item.attrs["MATLAB_class"] = np.bytes_("dagnn.DagNN")
        item.attrs["MATLAB_object_decode"] = np.int32(3)
    data = bytearray(path.read_bytes())
    data[:19] = b"MATLAB 7.3 MAT-file"
    assert read_matlab(bytes(data), MANY) == {"net": Unread("an object of the class dagnn.DagNN")}
    with pytest.raises(WeightsUnreadable, match=r"an object of the class dagnn\.DagNN.*net\.saveobj\(\)"):
        parse_weights(bytes(data))


def test_without_h5py_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_v73(tmp_path / "net.mat", VALUES)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InvalidRequest, match=r"install -e '\.\[hub\]'.*`save\(\.\.\., '-v7'\)`"):
        read_matlab((tmp_path / "net.mat").read_bytes(), MANY)

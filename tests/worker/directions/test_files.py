"""Directions that others have learned: what is read, and what is refused in words."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from app.contract.errors import InvalidRequest, KinetoscopeError
from app.contract.network import Layer
from worker.directions.files import read_directions
from worker.networks.dictionary import DictionaryLayer
from worker.networks.network import Network

RNG = np.random.default_rng(0)
ROWS = torch.from_numpy(RNG.normal(size=(20, 8)).astype(np.float32))


@pytest.fixture
def base(tiny_clip: Network) -> Layer:
    return tiny_clip.card.layer("conv2")


def test_concept_vectors_are_projections_with_their_names(tmp_path: Path, base: Layer) -> None:
    vectors = RNG.normal(size=(3, 8))
    np.savez(tmp_path / "cav.npz", directions=vectors, bias=np.arange(3), names=np.array(["sky", "water", "hand"]))
    found, names = read_directions(tmp_path / "cav.npz", base)
    assert names == ("sky", "water", "hand")
    layer = DictionaryLayer(found, follows_relu=False)
    code = layer.encode(ROWS)
    assert torch.allclose(code, ROWS @ torch.from_numpy(vectors.astype(np.float32)).T + torch.arange(3), atol=1e-5)
    moved = layer.encode(ROWS + layer.decoder[1])
    assert torch.allclose((moved - code)[:, 1], torch.ones(20), atol=1e-4), "1 more along the direction is 1 more code"


def test_an_autoencoder_of_saelens_is_centred_before_it_is_encoded(tmp_path: Path, base: Layer) -> None:
    arrays = {
        "W_enc": RNG.normal(size=(8, 5)).astype(np.float32),
        "b_enc": RNG.normal(size=5).astype(np.float32),
        "W_dec": RNG.normal(size=(5, 8)).astype(np.float32),
        "b_dec": RNG.normal(size=8).astype(np.float32),
    }
    safetensors.numpy.save_file(arrays, tmp_path / "sae.safetensors", {"names": json.dumps(list("abcde"))})
    found, names = read_directions(tmp_path / "sae.safetensors", base)
    assert (found.kind, names) == ("relu", tuple("abcde"))
    layer = DictionaryLayer(found, follows_relu=False)
    expected = np.maximum((ROWS.numpy() - arrays["b_dec"]) @ arrays["W_enc"] + arrays["b_enc"], 0)
    code = layer.encode(ROWS).relu()
    assert code.numpy() == pytest.approx(expected, abs=1e-4)
    assert layer.decode(code).numpy() == pytest.approx(expected @ arrays["W_dec"] + arrays["b_dec"], abs=1e-4)
    assert read_directions(tmp_path / "sae.safetensors", base, kind="topk", active=2)[0].active == 2


def npz(path: Path, **arrays: object) -> Path:
    np.savez(path / "d.npz", **arrays)  # type: ignore[arg-type]
    return path / "d.npz"


def pickled(path: Path) -> Path:
    (path / "d.pkl").write_bytes(pickle.dumps(np.zeros((3, 8))))
    return path / "d.pkl"


def torch_saved(path: Path) -> Path:
    torch.save({"directions": torch.zeros(3, 8)}, path / "d.pt")
    return path / "d.pt"


def text(path: Path) -> Path:
    (path / "d.npz").write_text("no arrays at all, but words")
    return path / "d.npz"


def liar(path: Path) -> Path:
    """An array that says it has 2**40 values."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 8), }"
    header += b" " * (118 - len(header)) + b"\n"
    with zipfile.ZipFile(path / "d.npz", "w") as archive:
        archive.writestr(
            "directions.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64)
        )
    return path / "d.npz"


REFUSED = [
    (lambda path: npz(path, directions=np.ones((3, 7))), "is 3 x 7, and for the layer conv2, which has 8 channels"),
    (lambda path: npz(path, directions=np.full((3, 8), np.nan)), "has NaN or infinite values"),
    (lambda path: npz(path, directions=np.zeros((3, 8))), "Direction 0 in d.npz is zero everywhere"),
    (lambda path: npz(path, directions=np.array([["a"] * 8])), "not numbers"),
    (lambda path: npz(path, directions=np.ones((0, 8))), "has 0 directions"),
    (lambda path: npz(path, directions=np.ones((2, 8)), names=np.array(["a"])), "1 names for 2 directions"),
    (lambda path: npz(path, directions=np.ones((1, 8)), names=np.array(["a\n"])), "control characters"),
    (lambda path: npz(path, weights=np.ones((3, 8))), "but no `directions`"),
    (lambda path: npz(path, encoder=np.ones((3, 8))), "but no `decoder`"),
    (lambda path: npz(path, directions=np.array([{}, {}], object)), "holds Python objects, pickled"),
    (pickled, "is a pickle"),
    (torch_saved, "torch.save, a pickle"),
    (text, "neither NPZ nor safetensors"),
    (liar, "declares more values than the file has"),
    (lambda path: path / "nowhere.npz", "cannot be read"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED, ids=[words[:30] for _, words in REFUSED])
def test_other_files_are_refused_in_words(make: object, words: str, tmp_path: Path, base: Layer) -> None:
    assert callable(make)
    with pytest.raises(KinetoscopeError) as refused:
        read_directions(make(tmp_path), base)
    assert words in refused.value.detail


def test_an_encoder_that_does_not_fit_is_refused(tmp_path: Path, base: Layer) -> None:
    file = npz(tmp_path, encoder=-np.ones((3, 8)), decoder=-np.ones((3, 8)))
    with pytest.raises(InvalidRequest, match="without negative values"):
        read_directions(file, base, kind="nnls")
    with pytest.raises(InvalidRequest, match="topk needs --active"):
        read_directions(file, base, kind="topk")

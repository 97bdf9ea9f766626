"""Read directions that others have learned: sparse autoencoders, concept activation vectors, probes.

A file is NPZ or safetensors. Its arrays, with K directions and C channels, are, by one of three sets of names:

    directions (K, C), and bias (K,)                    code = directions a + bias
    encoder (K, C), encoder_bias (K,), decoder (K, C), decoder_bias (C,)
    W_enc (C, K), b_enc (K,), W_dec (K, C), b_dec (C,)  as SAELens saves: code = W_enc^T (a - b_dec) + b_enc

Biases may be left out. A direction without decoder is written along itself, over its squared length: the smallest
change of a that changes the code by 1.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from safetensors import SafetensorError

from app.contract.dictionary import MAX_DIRECTIONS
from app.contract.errors import InvalidRequest, WeightsMismatch, WeightsUnreadable, WeightsUnsafe
from app.contract.network import Layer
from worker.networks.dictionary import Directions, Encoder

MAX_FILE_BYTES = 1_000_000_000
MAX_NAME_LENGTH = 200  # characters of a direction's name
FORMS = (
    "Give `directions` (K x C); or `encoder` and `decoder` (K x C); or `W_enc` (C x K) and `W_dec` (K x C), with or "
    "without their biases."
)

Arrays = Mapping[str, np.ndarray[Any, Any]]


def read_directions(
    path: Path, base: Layer, *, kind: Encoder | None = None, active: int = 0
) -> tuple[Directions, tuple[str, ...]]:
    """Return the directions in a file for a layer of `base.units` channels, and their names, none where it has none.

    `kind` says how the code follows from E a + e: by default `relu` where there is a decoder, else `linear`. Raises
    WeightsUnsafe for a pickle, WeightsUnreadable for what is damaged or no such file, WeightsMismatch for arrays of
    other shapes than the layer's, InvalidRequest for names or an encoder that do not fit.
    """
    arrays, names = _read_arrays(path)
    channels = base.units

    def take(name: str, *shape: int | None, needed: bool = False) -> torch.Tensor | None:
        array = arrays.get(name)
        if array is None:
            if needed:
                raise WeightsMismatch(f"{path.name} has {', '.join(arrays) or 'no arrays'}, but no `{name}`. {FORMS}")
            return None
        sides = zip(shape, array.shape, strict=False)
        fits = array.ndim == len(shape) and all(wanted in (None, side) for wanted, side in sides)
        if not fits:
            form = " x ".join("K" if side is None else str(side) for side in shape)
            raise WeightsMismatch(
                f"`{name}` in {path.name} is {_shape(array)}, and for the layer {base.name}, which has {channels:,} "
                f"channels, it must be {form}."
            )
        if array.dtype.kind not in "fiu":
            raise WeightsMismatch(f"`{name}` in {path.name} holds {array.dtype}, not numbers.")
        tensor = torch.from_numpy(np.ascontiguousarray(array, np.float32))
        if not tensor.isfinite().all():
            raise WeightsMismatch(f"`{name}` in {path.name} has NaN or infinite values: save it again.")
        return tensor

    offset: torch.Tensor | None = None
    if "W_enc" in arrays:
        transposed = take("W_enc", channels, None, needed=True)
        assert transposed is not None
        encoder = transposed.T.contiguous()
        decoder = take("W_dec", len(encoder), channels, needed=True)
        bias, offset = take("b_enc", len(encoder)), take("b_dec", channels)
        bias = (torch.zeros(len(encoder)) if bias is None else bias) - (0 if offset is None else encoder @ offset)
    else:
        has_decoder = "encoder" in arrays
        given = take("encoder" if has_decoder else "directions", None, channels, needed=True)
        assert given is not None
        encoder = given
        decoder = take("decoder", len(encoder), channels, needed=has_decoder)
        bias = take("encoder_bias" if has_decoder else "bias", len(encoder))
        offset = take("decoder_bias", channels)
    size = len(encoder)
    if not 1 <= size <= MAX_DIRECTIONS:
        raise InvalidRequest(f"{path.name} has {size:,} directions; 1 to {MAX_DIRECTIONS:,} are taken.")
    lengths = encoder.square().sum(1, keepdim=True)
    if decoder is None and not (lengths > 0).all():
        unit = int((lengths[:, 0] == 0).nonzero()[0])
        raise WeightsMismatch(f"Direction {unit} in {path.name} is zero everywhere: leave it out.")
    kind = kind or ("linear" if decoder is None else "relu")
    if kind == "nnls" and (decoder is None or (decoder < 0).any()):
        raise InvalidRequest("The encoder nnls takes directions without negative values, in `encoder` and `decoder`.")
    if kind == "topk" and not 1 <= active <= size:
        raise InvalidRequest(f"The encoder topk needs --active, the number of directions at a position: 1 to {size:,}.")
    directions = Directions(
        encoder,
        torch.zeros(size) if bias is None else bias,
        encoder / lengths if decoder is None else decoder,
        torch.zeros(channels) if offset is None else offset,
        kind=kind,
        active=active if kind == "topk" else 0,
    )
    return directions, _check_names(path, names, size)


def _read_arrays(path: Path) -> tuple[Arrays, list[str]]:
    """Return the arrays of a file and the names of its directions, without running anything that it contains."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise WeightsUnreadable(f"{path} has more than {MAX_FILE_BYTES:,} bytes, which no dictionary here needs.")
        data = path.read_bytes()
    except OSError as error:
        raise WeightsUnreadable(f"The directions {path} cannot be read: {error.strerror or error}.") from None
    if data[:1] == b"\x80":
        raise WeightsUnsafe(f"{path.name} is a pickle, which can run code when it is read. {FORMS[:-1]}, as NPZ.")
    if data[8:9] == b"{":
        return _read_safetensors(path, data)
    if data[:2] != b"PK":
        raise WeightsUnreadable(f"{path.name} is neither NPZ nor safetensors. {FORMS}")
    return _read_npz(path, data)


def _read_safetensors(path: Path, data: bytes) -> tuple[Arrays, list[str]]:
    try:
        arrays = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        names = json.loads(header.get("__metadata__", {}).get("names", "[]"))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsUnreadable(f"{path.name} is damaged, or of a type that NumPy lacks: {error}.") from None
    return arrays, [str(name) for name in names] if isinstance(names, list) else []


def _read_npz(path: Path, data: bytes) -> tuple[Arrays, list[str]]:
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    left = MAX_FILE_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(info.filename.endswith("data.pkl") for info in archive.infolist()):
                raise WeightsUnsafe(f"{path.name} is a file of torch.save, a pickle. {FORMS[:-1]}, as safetensors.")
            for info in archive.infolist():
                left -= info.file_size
                if left < 0:
                    raise WeightsUnreadable(f"{path.name} expands to more than {MAX_FILE_BYTES:,} bytes.")
                with archive.open(info) as file:
                    content = io.BytesIO(file.read(info.file_size))
                _check_header(path, info.filename, content)
                content.seek(0)
                arrays[info.filename.removesuffix(".npy")] = np.lib.format.read_array(content, allow_pickle=False)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise WeightsUnreadable(f"{path.name} cannot be read as NPZ: {error}. {FORMS}") from None
    names = arrays.pop("names", None)
    return arrays, [] if names is None else [str(name) for name in names.ravel()]


def _check_header(path: Path, name: str, content: io.BytesIO) -> None:
    """Raise where an array holds objects, which only a pickle gives, or declares more than its file has."""
    version = np.lib.format.read_magic(content)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(content)
    if dtype.hasobject:
        raise WeightsUnsafe(f"The array {name} in {path.name} holds Python objects, pickled: save numbers or text.")
    size = dtype.itemsize
    for side in shape:
        size *= side
    if size > len(content.getbuffer()):
        raise WeightsUnreadable(f"The array {name} in {path.name} declares more values than the file has.")


def _check_names(path: Path, names: list[str], size: int) -> tuple[str, ...]:
    if names and len(names) != size:
        raise InvalidRequest(f"{path.name} has {len(names):,} names for {size:,} directions: give one each, or none.")
    for name in names:
        if not name.strip() or len(name) > MAX_NAME_LENGTH or not name.isprintable():
            raise InvalidRequest(
                f"The name {name[:40]!r} in {path.name} is empty, longer than {MAX_NAME_LENGTH} characters, or has "
                "control characters."
            )
    return tuple(names)


def _shape(array: np.ndarray[Any, Any]) -> str:
    return " x ".join(map(str, array.shape)) or "one number"

import codecs
import io
import json
import os
import pickle
import sys
import types
import zipfile
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import save
from torch import nn

from app.contract.errors import ChecksumMismatch, WeightsError, WeightsUnreadable, WeightsUnsafe
from worker.networks.weights import compute_checksum, parse_weights, read_weights, verify_checksum


def saved(content: object, *, archive: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=archive)
    return buffer.getvalue()


STATE = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)}


@pytest.mark.parametrize(
    "data",
    [save(STATE), saved(STATE), saved(STATE, archive=False)],
    ids=["safetensors", "torch", "old torch"],
)
def test_reads_state_dicts(data: bytes) -> None:
    torch.testing.assert_close(dict(parse_weights(data)), STATE, rtol=0, atol=0)


class Evil:
    """What a poisoned file does when a plain unpickler reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["torch", "old torch", "pickle 2", "pickle 4", "pickle 5"])
def test_code_in_a_file_is_not_run(form: str, tmp_path: Path) -> None:
    made = tmp_path / "made-by-the-file"
    content = {"a": torch.zeros(2), "b": Evil(made)}
    if form.startswith("pickle"):
        data = pickle.dumps(content, protocol=int(form[-1]))
    else:
        data = saved(content, archive=form == "torch")
    with pytest.raises(WeightsUnsafe, match=r"safetensors"):
        parse_weights(data)
    assert not made.exists()
    pickle.loads(pickle.dumps(Evil(made)))
    assert made.exists()  # it would have


def test_a_saved_module_is_refused() -> None:
    with pytest.raises(WeightsUnsafe, match=r"torch\.nn\.modules\.linear\.Linear"):
        parse_weights(saved(nn.Linear(2, 2)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no weights at all",
        b"PK but no archive",
        b"\x80\x02 but no pickle",
        save({}),
        save(STATE)[:-3],
        save(STATE)[:40],
        saved(STATE)[:400],
        saved(STATE, archive=False)[:300],
        saved([1, 2]),
        saved({"epoch": 3}),
    ],
)
def test_unreadable(data: bytes) -> None:
    with pytest.raises(WeightsUnreadable):
        parse_weights(data)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnreadable, match=r"none\.pt cannot be read: No such file"):
        read_weights(tmp_path / "none.pt")


def test_checksum() -> None:
    verify_checksum(b"abc", compute_checksum(b"abc").upper())
    with pytest.raises(ChecksumMismatch, match=f"{compute_checksum(b'abc')}, not {compute_checksum(b'abd')}") as caught:
        verify_checksum(b"abc", compute_checksum(b"abd"))
    assert isinstance(caught.value, WeightsError)


def test_a_file_cut_short_within_a_name_is_not_called_dangerous() -> None:
    """Where exactly a cut falls differs from run to run: addresses in the file have more digits, or fewer."""
    data = saved(STATE, archive=False)
    name = b"collections\nOrderedDict\n"
    start = data.index(name)
    for end in range(len(b"collections\n") + 1, len(name)):
        with pytest.raises(WeightsUnreadable):
            parse_weights(data[: start + end])


def archive_of(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return made.getvalue()


def compressed(data: bytes, extra: dict[str, bytes]) -> bytes:
    """Return an archive of torch.save packed again with compression, and with more entries."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return archive_of(entries | extra, zipfile.ZIP_DEFLATED)


def test_an_archive_that_expands_is_refused_by_its_declared_size() -> None:
    bomb = compressed(saved(STATE), {"archive/data/9": bytes(30_000_000)})
    assert len(bomb) < 100_000
    with pytest.raises(WeightsUnreadable, match=r"of [\d,]+ bytes expands to 30,\d+,\d+; .* no more than 1,000,000\."):
        parse_weights(bomb, 1_000_000)
    assert set(parse_weights(bomb, 40_000_000)) == set(STATE), "what a network of that size may need is read"


def test_a_safetensors_file_that_declares_more_than_it_holds() -> None:
    header = b'{"a":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
    for data in (len(header).to_bytes(8, "little") + header + bytes(16), (1 << 40).to_bytes(8, "little") + header):
        with pytest.raises(WeightsUnreadable, match="damaged or cut short"):
            parse_weights(data)


def test_a_file_larger_than_its_network_can_need(tmp_path: Path) -> None:
    sparse = tmp_path / "huge.pt"
    with sparse.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(WeightsUnreadable, match=r"1,000,000,000,000 bytes; .* no more than 5,000"):
        read_weights(sparse, 5_000)


class Doubled:
    """Bytes that the unpickler doubles forty times: hex of hex of hex."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __reduce__(self) -> tuple[object, tuple[object, str]]:
        return codecs.encode, (Doubled(self.times - 1) if self.times else b"ab", "hex")


class Filled:
    def __reduce__(self) -> tuple[object, tuple[int]]:
        return bytearray, (10**13,)


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("bomb", [Doubled(40), Filled()])
def test_a_pickle_that_fills_the_memory_is_not_read(bomb: object, archive: bool) -> None:
    with pytest.raises(WeightsUnsafe, match="which can fill the memory"):
        parse_weights(saved({**STATE, "bomb": bomb}, archive=archive))


@pytest.mark.parametrize("archive", [True, False])
def test_the_log_of_a_training_is_named(archive: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("mmengine.logging.history_buffer")
    buffer = type("HistoryBuffer", (), {"__module__": module.__name__})
    vars(module)["HistoryBuffer"] = buffer
    for name in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    data = saved({"state_dict": STATE, "message_hub": {"loss": buffer()}}, archive=archive)
    with pytest.raises(WeightsUnsafe, match=r"`message_hub`.*torch\.save\(\{key: checkpoint\[key\]"):
        parse_weights(data)


def test_torchscript_is_named(tmp_path: Path) -> None:
    data = archive_of({"m/data.pkl": b"", "m/code/__torch__.py": b"", "m/constants.pkl": b"", "m/version": b"3"})
    with pytest.raises(WeightsUnsafe, match=r"TorchScript archive.*torch\.jit\.load"):
        parse_weights(data)
    with pytest.raises(WeightsUnreadable, match=r"not one of torch\.save \(it holds weight\.npy\)"):
        parse_weights(archive_of({"weight.npy": b""}))


def shards(folder: Path, suffix: str = "safetensors") -> Path:
    names = {name: f"model-0000{number}-of-00003.{suffix}" for number, name in enumerate(STATE, 1)}
    for name, file in names.items():
        (folder / file).write_bytes((save if suffix == "safetensors" else saved)({name: STATE[name]}))
    index = folder / f"model.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": names}))
    return index


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_shards_are_joined(suffix: str, tmp_path: Path) -> None:
    index = shards(tmp_path, suffix)
    data = read_weights(index, 10_000)
    torch.testing.assert_close(dict(parse_weights(data)), STATE, rtol=0, atol=0)
    assert read_weights(tmp_path) == data, "their folder does"
    with pytest.raises(WeightsUnreadable, match="no more than"):
        read_weights(index, index.stat().st_size + 10)


def test_shards_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnreadable, match="a folder with no index"):
        read_weights(tmp_path)
    index = shards(tmp_path)
    first = next(tmp_path.glob("*-00001-*"))
    first.write_bytes(save({"other": torch.zeros(1)}))
    with pytest.raises(WeightsUnreadable, match=r"00001-of-00003\.safetensors lacks the tensor a\.weight"):
        read_weights(index)
    first.unlink()
    with pytest.raises(WeightsUnreadable, match="No such file"):
        read_weights(index)
    for text in (
        "[]",
        "{",
        '{"weight_map": {"a": "../a.safetensors"}}',
        '{"weight_map": {"a": 3}}',
        '{"weight_map": {}}',
    ):
        index.write_text(text)
        with pytest.raises(WeightsUnreadable, match="no index of shards"):
            read_weights(index)
    index.write_text(json.dumps({"weight_map": {"a": index.name}}))
    with pytest.raises(WeightsUnreadable, match="no weights file"):
        read_weights(index)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_mutated_files_are_read_or_refused() -> None:
    random = Random(1)
    for data in (save(STATE), saved(STATE), saved(STATE, archive=False)):
        for _ in range(100):
            mutated = bytearray(data)
            for _ in range(random.choice([1, 2, 20])):
                place = random.randrange(len(mutated))
                mutated[place : place + random.randrange(3)] = random.randbytes(random.randrange(3))
            with suppress(WeightsError):
                parse_weights(bytes(mutated), 1_000_000)

import io
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from app.contract.errors import ChecksumMismatch, WeightsError, WeightsMismatch, WeightsUnreadable, WeightsUnsafe
from worker.networks.weights import compute_checksum, load_state, parse_weights, read_weights, verify_checksum


def saved(content: object, *, archive: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=archive)
    return buffer.getvalue()


STATE = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)}


@pytest.mark.parametrize(
    "data",
    [save(STATE), saved(STATE), saved(STATE, archive=False), saved({"state_dict": STATE, "epoch": 3})],
    ids=["safetensors", "torch", "old torch", "checkpoint"],
)
def test_reads_state_dicts(data: bytes) -> None:
    state = parse_weights(data)
    assert set(state) == set(STATE)
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)


def test_half_precision_becomes_single() -> None:
    state = parse_weights(save({"a": torch.ones(2).half(), "b": torch.ones(2).bfloat16(), "n": torch.tensor(1)}))
    assert {name: state[name].dtype for name in state} == {"a": torch.float32, "b": torch.float32, "n": torch.int64}


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
        save(STATE)[:-3],
        save(STATE)[:40],
        saved(STATE)[:400],
        saved(STATE, archive=False)[:300],
        saved([1, 2]),
        saved({"epoch": 3}),
        save({"a": torch.tensor([1.0, torch.nan])}),
        save({"a": torch.tensor([1.0, torch.inf]).half()}),
    ],
)
def test_unreadable(data: bytes) -> None:
    with pytest.raises(WeightsUnreadable):
        parse_weights(data)


def test_not_a_number_names_the_tensor() -> None:
    with pytest.raises(WeightsUnreadable, match=r"a\.weight holds NaN or infinity"):
        parse_weights(save({"a.weight": torch.tensor([1.0, torch.nan])}))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnreadable, match=r"none\.pt cannot be read: No such file"):
        read_weights(tmp_path / "none.pt")


def test_checksum() -> None:
    verify_checksum(b"abc", compute_checksum(b"abc").upper())
    with pytest.raises(ChecksumMismatch, match=f"{compute_checksum(b'abc')}, not {compute_checksum(b'abd')}") as caught:
        verify_checksum(b"abc", compute_checksum(b"abd"))
    assert isinstance(caught.value, WeightsError)


def module() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_fill_renames_and_copies() -> None:
    tensors: dict[str, Tensor] = {f"net.{name}": torch.full_like(t, 2) for name, t in module().state_dict().items()}
    del tensors["net.1.num_batches_tracked"]
    target = module()
    load_state(target, tensors, lambda name: name.removeprefix("net."))
    linear = target[0]
    assert isinstance(linear, nn.Linear)
    assert torch.equal(linear.weight, torch.full((2, 3), 2.0))


def test_misfits_are_listed() -> None:
    state = module().state_dict()
    state["0.weight"] = torch.zeros(4, 3)
    state["2.weight"] = torch.zeros(7)
    del state["1.running_mean"]
    with pytest.raises(WeightsMismatch) as caught:
        load_state(module(), state, str)
    assert "missing: 1 (1.running_mean 2)" in caught.value.detail
    assert "unexpected: 1 (2.weight 7)" in caught.value.detail
    assert "of another shape: 1 (0.weight is 4x3 where the network has 2x3)" in caught.value.detail
    assert caught.value.extra["missing"] == ["1.running_mean"]


def test_long_lists_of_misfits_are_cut() -> None:
    with pytest.raises(WeightsMismatch, match=r"unexpected: 9 \(x0 1, x1 1, x2 1, x3 1, x4 1, \.\.\.\)"):
        load_state(module(), module().state_dict() | {f"x{i}": torch.zeros(1) for i in range(9)}, str)


def test_a_file_cut_short_within_a_name_is_not_called_dangerous() -> None:
    """Where exactly a cut falls differs from run to run: addresses in the file have more digits, or fewer."""
    data = saved(STATE, archive=False)
    name = b"collections\nOrderedDict\n"
    start = data.index(name)
    for end in range(len(b"collections\n") + 1, len(name)):
        with pytest.raises(WeightsUnreadable):
            parse_weights(data[: start + end])

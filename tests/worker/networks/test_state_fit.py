"""Checkpoints as people have them: the one state dict that fits a module is found, or what was found is said."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from app.contract.errors import WeightsMismatch, WeightsUnreadable
from worker.networks.state_fit import load_state, max_file_bytes
from worker.networks.weights import parse_weights

State = dict[str, Tensor]


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


def test_a_rule_that_gives_all_tensors_one_name_fits_nothing() -> None:
    with pytest.raises(WeightsMismatch, match="gives several of their tensors one name"):
        load_state(module(), module().state_dict(), lambda name: "weight")


def test_long_lists_of_misfits_are_cut() -> None:
    with pytest.raises(WeightsMismatch, match=r"unexpected: 9 \(x0 1, x1 1, x2 1, x3 1, x4 1, \.\.\.\)"):
        load_state(module(), module().state_dict() | {f"x{i}": torch.zeros(1) for i in range(9)}, str)


def trained() -> State:
    """Return weights that no new module has by chance."""
    return {
        name: torch.full_like(t, 2) if t.is_floating_point() else torch.tensor(7)
        for name, t in module().state_dict().items()
    }


def other() -> State:
    return {name: t + 1 for name, t in trained().items()}


def under(prefix: str, state: State) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def filled(content: Any, **options: Any) -> nn.Module:
    """Return a module filled from a file with this content."""
    made = io.BytesIO()
    torch.save(content, made)
    target = module()
    load_state(target, parse_weights(made.getvalue()), str, **options)
    return target


OPTIMIZER = {"state": {0: {"exp_avg": torch.zeros(2, 3)}}, "param_groups": [{"lr": 0.1}]}
WAYS: dict[str, Callable[[State], Any]] = {
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "optimizer": OPTIMIZER},
    "model_state": lambda state: {"model_state": state, "cfg": {"lr": 0.1}},
    "model": lambda state: {"model": state, "optimizer": OPTIMIZER, "rng": torch.zeros(5)},
    "net": lambda state: {"net": state},
    "module": lambda state: {"module": state},
    "params": lambda state: {"params": state},
    "ema alone": lambda state: {"ema": {"shadow": state, "decay": 0.999}},
    "deep": lambda state: {"checkpoint": {"model": {"state": state}}},
    "DataParallel": lambda state: under("module.", state),
    "compiled": lambda state: under("_orig_mod.", state),
    "both": lambda state: under("module._orig_mod.", state),
    "Lightning": lambda state: {"state_dict": {**under("model.", state), "criterion.weight": torch.ones(3)}},
    "backbone": lambda state: {"state_dict": under("model.backbone.", state)},
    "a part compiled": lambda state: {
        n.replace("0.", "0._orig_mod.").replace("1.", "1.module."): t for n, t in state.items()
    },
    "no counters": lambda state: {name: t for name, t in state.items() if "num_batches" not in name},
    "more counters": lambda state: {**state, "9.num_batches_tracked": torch.tensor(1)},
    "an epoch among them": lambda state: {**state, "epoch": 3},
    "saved twice": lambda state: {"state_dict": state, "best": {name: t.clone() for name, t in state.items()}},
    "prefix in both": lambda state: {"model": under("module.", state), "teacher": {"x": torch.zeros(2)}},
}


@pytest.mark.parametrize("way", WAYS)
def test_the_one_reading_that_fits_is_taken(way: str) -> None:
    for options in ({}, {"is_registered": True}):
        target = filled(WAYS[way](trained()), **options)
        for name, tensor in target.state_dict().items():
            if "num_batches" not in name:
                assert torch.equal(tensor, trained()[name])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"model": trained(), "ema": other()}, r"2 sets of weights that fit the network: under `model`; under `ema`"),
        (
            {**under("student.", trained()), **under("teacher.", other())},
            r"`student\.`; with names that begin with `teacher\.",
        ),
        ({"state_dict": trained(), "model_ema": other()}, "under `state_dict`; under `model_ema`"),
        ({**trained(), "ema": other()}, "at its top level; under `ema`"),
    ],
)
def test_two_readings_are_not_guessed_between(content: Any, words: str) -> None:
    with pytest.raises(WeightsMismatch, match=words):
        filled(content)


def test_a_registered_network_keeps_the_state_that_it_was_added_with() -> None:
    """Version 0.1 took `state_dict` without looking further."""
    target = filled({"ema": other(), "state_dict": trained()}, is_registered=True)
    assert torch.equal(target.state_dict()["0.weight"], trained()["0.weight"])


def test_what_was_found_is_said_of_the_nearest_reading() -> None:
    state = trained()
    del state["0.bias"]
    with pytest.raises(WeightsMismatch) as caught:
        filled({"epoch": 3, "model": under("module.", {**state, "2.weight": torch.zeros(7)})})
    assert caught.value.detail == (
        "The weights are of another network. Tensors under `model` with names that begin with `module.` missing: 1 "
        "(0.bias 2); unexpected: 1 (2.weight 7). The file holds the keys epoch, model."
    )


def test_another_number_of_classes_is_seen_behind_a_prefix() -> None:
    state = trained() | {"0.weight": torch.zeros(4, 3), "0.bias": torch.zeros(4)}
    state |= {name: torch.zeros(4) for name in state if name.startswith("1.") and "num" not in name}
    with pytest.raises(WeightsMismatch, match="a network of 4 classes, but there are 2 labels"):
        filled({"model": under("module.", state)})


PRECISIONS = [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2]


@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
def test_every_precision_becomes_single(dtype: torch.dtype) -> None:
    state = {name: t.to(dtype) if t.is_floating_point() else t for name, t in trained().items()}
    target = module()
    load_state(target, parse_weights(save(state)), str)
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, trained()[name])
        assert tensor.dtype in (torch.float32, torch.int64)


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.ones(2, 3, dtype=torch.int8), "holds int8 where the network has float32"),
        (torch.ones(2, 3, dtype=torch.complex64), "holds complex64"),
        (torch.ones(2, 3).to_sparse(), "float32 \\(sparse\\)"),
        (torch.empty(2, 3, device="meta"), "holds float32"),
        (torch.tensor([[1.0, 1, torch.nan]] * 2), "holds NaN or infinity"),
        (torch.full((2, 3), torch.inf).half(), "holds NaN or infinity"),
    ],
)
def test_numbers_that_the_network_cannot_take(tensor: Tensor, words: str) -> None:
    with pytest.raises(WeightsUnreadable, match=f"The tensor 0.weight .*{words}" if "NaN" not in words else words):
        filled({**trained(), "0.weight": tensor})


def test_a_tensor_that_only_declares_its_size_is_not_laid_out() -> None:
    with pytest.raises(WeightsMismatch, match="unexpected: 1 \\(huge 1000000000000\\)"):
        filled({**trained(), "huge": torch.zeros(1).expand(10**12)})


def test_a_file_may_be_as_large_as_a_training_leaves_it() -> None:
    own = sum(t.numel() * t.element_size() for t in module().state_dict().values())
    assert max_file_bytes(module()) > 8 * own

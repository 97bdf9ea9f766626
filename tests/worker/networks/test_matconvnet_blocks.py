"""Each block of MatConvNet against the interpreter of its manual's formulas, with all its options."""

from typing import Any

import numpy as np
import pytest
import torch

from app.contract.errors import WeightsMismatch
from benchmarks.architectures.matconvnet_reference import run
from worker.networks.families.matconvnet_blocks import MODULES
from worker.networks.families.matconvnet_paths import find_paths
from worker.networks.families.matconvnet_plan import Planner
from worker.networks.matconvnet_graph import Block, Graph

UNITS, FRAMES, CLIPS = 6, 4, 2
RANDOM = np.random.default_rng(8)


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return RANDOM.normal(size=shape)


CASES: dict[str, tuple[str, dict[str, Any], tuple[np.ndarray[Any, Any], ...]]] = {
    "strides, uneven padding": (
        "Conv",
        {"pad": (1, 2, 0, 1), "stride": (2, 1)},
        (numbers(3, 2, UNITS, 5), numbers(1, 5)),
    ),
    "groups": ("Conv", {"pad": (1, 1, 1, 1), "stride": (1, 1)}, (numbers(3, 3, 2, 9), numbers(1, 9))),
    "one unit, no bias": ("Conv", {"pad": (0, 0, 0, 0), "stride": (1, 1)}, (numbers(2, 2, UNITS),)),
    "along time": ("ConvTime", {"pad": (0, 0, 1, 1), "stride": (1, 1)}, (numbers(1, 3, UNITS, 5), numbers(1, 5))),
    "along time with a stride": ("ConvTime", {"pad": (0, 0, 0, 0), "stride": (1, 2)}, (numbers(1, 2, UNITS, 5),)),
    "volume": (
        "Conv3D",
        {"pad": (1, 0, 0, 1, 1, 0), "stride": (2, 1, 1)},
        (numbers(3, 2, 2, UNITS, 5), numbers(1, 5)),
    ),
    "maximum, uneven": (
        "Pooling",
        {"method": "max", "poolSize": (3, 3), "pad": (0, 1, 0, 1), "stride": (2, 2)},
        (),
    ),
    "maximum, even": ("Pooling", {"method": "max", "poolSize": (3, 2), "pad": (1, 1, 0, 0), "stride": (2, 2)}, ()),
    "mean, cropped": ("Pooling", {"method": "avg", "poolSize": (3, 3), "pad": (1, 1, 1, 1), "stride": (2, 2)}, ()),
    "mean, uneven": ("Pooling", {"method": "avg", "poolSize": (3, 3), "pad": (0, 2, 1, 0), "stride": (2, 1)}, ()),
    "maximum over time": (
        "PoolTime",
        {"method": "max", "poolSize": (1, 3), "pad": (0, 0, 0, 1), "stride": (1, 2)},
        (),
    ),
    "mean of all frames": (
        "PoolTime",
        {"method": "avg", "poolSize": (1, np.inf), "pad": (0, 0, 0, 0), "stride": (1, 1)},
        (),
    ),
    "maximum of volumes": ("Pooling3D", {"poolSize": (2, 2, 3), "pad": (0, 1, 0, 0, 1, 0), "stride": (2, 2, 1)}, ()),
    "leak": ("ReLU", {"leak": 0.2}, ()),
    "response normalisation": ("LRN", {"param": (4, 2, 0.5, 0.75)}, ()),
    "response normalisation over all": ("LRN", {"param": (40, 1, 0.5, 0.5)}, ()),
    "scale": ("Scale", {}, (numbers(1, 1, UNITS), numbers(1, 1, UNITS))),
    "moments": ("BatchNorm", {}, (numbers(UNITS, 1), numbers(UNITS, 1), np.abs(numbers(UNITS, 2)) + 0.5)),
    "softmax within": ("SoftMax", {}, ()),
}


def compute(kind: str, options: dict[str, Any], params: dict[str, Any], x: np.ndarray[Any, Any]) -> torch.Tensor:
    """Return what the modules make of x (B, C, T, H, W): a block, and a convolution that marks the end."""
    values = {n: v if isinstance(v, str) else np.array(v, float).reshape(-1).tolist() for n, v in options.items()}
    last = Block("mark", "PoolTime", ("y",), ("z",), (), {})  # so that maps have time, also for a block without
    block = Block("block", kind, ("x",), ("y",), tuple(params), values)
    tensors = {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in params.items()}
    plan = Planner(tensors, find_paths(Graph((block, last), {})), {"x": UNITS}).run()
    step = plan.steps[0]
    module = MODULES[step["kind"]](plan.rank, step["options"])
    module.load_state_dict({n.removeprefix("block."): t for n, t in plan.state.items()}, strict=False)
    with torch.no_grad():
        return module.double().eval()(torch.from_numpy(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", CASES)
def test_a_block_is_the_formula(name: str) -> None:
    kind, options, arrays = CASES[name]
    params = {f"p{index}": array for index, array in enumerate(arrays)}
    x = numbers(CLIPS, UNITS, FRAMES, 7, 8)
    folded = x.transpose(3, 4, 1, 0, 2).reshape(7, 8, UNITS, -1)  # H x W x C x (T B), the frame changes fastest
    layer = {"name": "block", "type": f"dagnn.{kind}", "inputs": ["x"], "outputs": ["y"], "params": list(params)}
    expected = run([layer | {"block": options}], params, {"x": folded}, CLIPS)["y"]
    actual = compute(kind, options, params, x).numpy()
    split = expected.reshape(*expected.shape[:3], CLIPS, -1).transpose(3, 2, 4, 0, 1)
    np.testing.assert_allclose(actual, split, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "options", "arrays", "words"),
    [
        ("ConvTranspose", {}, (), "The layer block .ConvTranspose. is of the type ConvTranspose, which is not known"),
        ("Concat", {"dim": 1}, (), "joins maps along axis 1"),
        ("Pooling", {"method": "lp"}, (), "pools by `lp`"),
        ("Pooling", {"poolSize": (0, 2)}, (), "has windows of"),
        ("Conv", {"pad": (1, 2, 3)}, (numbers(3, 3, 6, 2),), "has a pad of 3 numbers"),
        ("Conv", {"stride": (0, 1)}, (numbers(3, 3, 6, 2),), "no such number"),
        ("Conv", {"stride": (1.5, 1)}, (numbers(3, 3, 6, 2),), "has a stride of"),
        ("Conv", {}, (numbers(3, 3, 4, 2),), "reads 6 units, and its weights are for 4"),
        ("Conv", {}, (numbers(3, 3, 6, 2), numbers(1, 3)), "has 2 units, and 3 biases"),
        ("Conv", {}, (), "lacks parameter 1"),
        ("ConvTime", {}, (numbers(3, 3, 6, 2),), "3 positions wide"),
        ("ConvTime", {"stride": (4, 1)}, (numbers(1, 3, 6, 2),), "over positions"),
        ("PoolTime", {"poolSize": (2, 2)}, (), "windows of 2 positions"),
        ("BatchNorm", {}, (numbers(6, 1), numbers(6, 1)), "no moments"),
        ("BatchNorm", {}, (numbers(6, 1), numbers(6, 1), np.zeros((6, 2))), "not above 0"),
        ("BatchNorm", {}, (numbers(6, 1), numbers(6, 1), numbers(5, 2)), "10 moments"),
        ("Scale", {}, (), "has no factor"),
        ("Scale", {}, (numbers(1, 1, 5),), "not one number a unit"),
    ],
)
def test_a_block_that_cannot_be_run_is_named(
    kind: str, options: dict[str, Any], arrays: tuple[np.ndarray[Any, Any], ...], words: str
) -> None:
    params = {f"p{index}": array for index, array in enumerate(arrays)}
    with pytest.raises(WeightsMismatch, match=words):
        compute(kind, options, params, numbers(1, UNITS, FRAMES, 7, 8))

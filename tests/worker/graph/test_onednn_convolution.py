"""A convolution straight through oneDNN is that convolution."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from app.contract.network import StreamName
from tests.worker.networks.agree import assert_agree
from worker.graph.onednn_convolution import OnednnConvolution, flip_weight, is_supported
from worker.graph.program import Program, optimized
from worker.graph.recording import record
from worker.graph.windows import full_window
from worker.networks.families.i3d import I3D, max_pool


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "padding", "size"),
    [((3, 3, 3), (1, 1, 1), (4, 7, 6)), ((1, 1, 1), (0, 0, 0), (2, 5, 5)), ((3, 1, 2), (0, 0, 1), (5, 4, 9))],
)
def test_value_and_gradient(
    kernel: tuple[int, ...], padding: tuple[int, ...], size: tuple[int, ...], with_bias: bool
) -> None:
    torch.manual_seed(0)
    weight, bias = torch.randn(5, 3, *kernel), torch.randn(5) if with_bias else None
    x = torch.randn(2, 3, *size, requires_grad=True)
    assert is_supported(weight, (1, 1, 1), (1, 1, 1), 1)
    expected = F.conv3d(x, weight, bias, padding=padding)
    # torch's `apply` has no types
    actual = OnednnConvolution.apply(x, weight, flip_weight(weight), bias, padding)  # type: ignore[no-untyped-call]
    assert_agree(actual, expected, x)


@pytest.mark.parametrize(
    ("shape", "stride", "dilation", "groups", "dtype"),
    [
        ((8, 4, 3, 3, 3), (2, 1, 1), (1, 1, 1), 1, torch.float32),
        ((8, 4, 3, 3, 3), (1, 1, 1), (1, 2, 2), 1, torch.float32),
        ((8, 2, 3, 3, 3), (1, 1, 1), (1, 1, 1), 2, torch.float32),
        ((8, 4, 3, 3, 3), (1, 1, 1), (1, 1, 1), 1, torch.bfloat16),
        ((8, 4, 3, 3), (1, 1), (1, 1), 1, torch.float32),
    ],
)
def test_others_go_as_before(
    shape: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], groups: int, dtype: torch.dtype
) -> None:
    assert not is_supported(torch.empty(shape, dtype=dtype), stride, dilation, groups)


@pytest.mark.parametrize("size", [(8, 40, 40), (8, 41, 41), (9, 20, 21), (3, 5, 6)])
@pytest.mark.parametrize(("kernel", "stride"), [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2))])
def test_a_pool_that_rounds_up_is_the_padded_one(
    size: tuple[int, ...], kernel: tuple[int, int, int], stride: tuple[int, int, int]
) -> None:
    x = torch.randn(1, 2, *size).relu()
    total = [max((-(n // -s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
    sides = [side for t in reversed(total) for side in (t // 2, t - t // 2)]
    torch.testing.assert_close(max_pool(x, kernel, stride), F.max_pool3d(F.pad(x, sides), kernel, stride))


def test_i3ds_gradient_is_the_networks() -> None:
    torch.manual_seed(0)
    network = I3D(5).eval().requires_grad_(False)
    x = torch.randn(1, 3, 16, 44, 48, requires_grad=True)
    recorded = record(network, "", {StreamName.CLIP: x.detach()})
    program = Program(optimized(recorded, torch.float32), full_window(tuple(recorded.activation.shape)))
    direction = torch.randn(5)
    outputs = (program({StreamName.CLIP: x}).flatten() @ direction, network({StreamName.CLIP: x}).flatten() @ direction)
    actual, expected = (torch.autograd.grad(y, x)[0].flatten() for y in outputs)
    assert torch.cosine_similarity(actual, expected, dim=0) > 0.9999

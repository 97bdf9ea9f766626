"""A strided convolution computed by space_to_depth is that convolution."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from app.contract.network import Stream, StreamName
from tests.worker.networks.agree import assert_agree
from worker.graph.inputs import Inputs
from worker.graph.program import Program
from worker.graph.recording import record
from worker.graph.space_to_depth import is_worthwhile, space_to_depth, weight_to_depth
from worker.graph.windows import center_window, full_window


@pytest.mark.parametrize(
    ("kernel", "stride", "size"),
    [((7, 7, 7), (2, 2, 2), (9, 23, 22)), ((1, 5, 4), (1, 2, 3), (2, 17, 19)), ((3, 3), (2, 2), (11, 12))],
)
def test_value_and_gradient(kernel: tuple[int, ...], stride: tuple[int, ...], size: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    convolve = {2: F.conv2d, 3: F.conv3d}[len(kernel)]
    weight, bias = torch.randn(5, 3, *kernel), torch.randn(5)
    x = torch.randn(2, 3, *size, requires_grad=True)
    expected = convolve(x, weight, bias, stride)
    actual = convolve(space_to_depth(x, stride), weight_to_depth(weight, stride), bias, (*stride[:-2], 1, 1))
    actual = actual[..., : expected.shape[-2], : expected.shape[-1]]  # positions that begin within the padding
    assert_agree(actual, expected, x)


@pytest.mark.parametrize(
    ("shape", "stride", "dilation", "groups", "pays"),
    [
        ((64, 3, 7, 7, 7), (2, 2, 2), (1, 1, 1), 1, True),
        ((64, 3, 7, 7), (2, 2), (1, 1), 1, True),
        ((64, 16, 3, 3), (2, 2), (1, 1), 1, False),
        ((64, 3, 3, 3), (1, 1), (1, 1), 1, False),
        ((64, 3, 3, 3), (2, 2), (2, 2), 1, False),
        ((64, 3, 3, 3), (2, 2), (1, 1), 4, False),
        ((64, 3, 7), (2,), (1,), 1, False),
    ],
)
def test_where_it_pays(
    shape: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], groups: int, pays: bool
) -> None:
    assert is_worthwhile(torch.empty(shape), stride, dilation, groups) is pays


class Strided(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 7, stride=2, padding=3)

    def forward(self, inputs: Inputs) -> Tensor:
        output: Tensor = self.conv(inputs[StreamName.CLIP])
        return output


@pytest.mark.parametrize("whole", [True, False])
def test_a_program_computes_windows_by_space_to_depth(whole: bool) -> None:
    torch.manual_seed(0)
    module = Strided().requires_grad_(False)
    stream = Stream(name=StreamName.CLIP, frames=9, height=21, width=24)
    x = torch.randn(1, 3, stream.frames, stream.height, stream.width)
    recording = record(module, "conv", {StreamName.CLIP: x})
    shape = recording.activation.shape
    program = Program(recording, full_window(shape) if whole else center_window(shape))
    window: Any = (..., *(slice(*at) for at in program.input_windows[StreamName.CLIP]))
    actual = program({StreamName.CLIP: x[window]})
    torch.testing.assert_close(actual, program.crop(recording.activation), rtol=1e-4, atol=1e-4)

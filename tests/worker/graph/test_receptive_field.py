"""What the positions of a tensor see, position by position, against the gradient: never too little."""

import math
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from app.contract.network import StreamName
from worker.graph.constants import Literals
from worker.graph.layout import Axis
from worker.graph.receptive_field import ReceptiveFieldMode
from worker.graph.tracked import Tracked

SHAPE = (2, 3, 8, 6, 4)  # of the clips (B, C, T, H, W)
POSITIONS = 150  # of each tensor that are compared
Function = Callable[[Tensor], Tensor]


def conv3(x: Tensor, *kernel: int, padding: int | tuple[int, int, int] = 0) -> Tensor:
    return F.conv3d(x, torch.ones(2, x.shape[1], *kernel), padding=padding)


def pack_pathway(x: Tensor) -> Tensor:
    """Take a few frames as the slow pathway of a SlowFast network does."""
    return torch.index_select(x, 2, torch.linspace(0, x.shape[2] - 1, x.shape[2] // 4).long())


def shift(x: Tensor) -> Tensor:
    """Move a part of the channels of folded frames (B T, C, H, W) along time, as a TSM block does."""
    frames = x.transpose(1, 2).flatten(0, 1).view(2, 8, 3, 6, 4)
    out = torch.zeros_like(frames)
    out[:, :-1, :1] = frames[:, 1:, :1]
    out[:, 1:, 1:2] = frames[:, :-1, 1:2]
    out[:, :, 2:] = frames[:, :, 2:]
    return F.conv2d(out.view(16, 3, 6, 4), torch.ones(2, 3, 1, 1))


def attention(x: Tensor) -> Tensor:
    tokens = x.flatten(2).transpose(1, 2)
    return torch.softmax(tokens @ tokens.transpose(1, 2), -1) @ tokens


EXACT: dict[str, Function] = {  # whose fields are those of the gradient, neither too small nor too large
    "strided slice": lambda x: x[:, :, ::4],
    "slice with an offset": lambda x: conv3(x[:, :, 1::3, 2:], 1, 3, 1),
    "index_select over linspace": lambda x: conv3(pack_pathway(x), 1, 3, 3, padding=(0, 1, 1)),
    "a list of frames": lambda x: x[:, :, torch.tensor([6, 1, 3])],
    "a mask of frames": lambda x: x[:, :, torch.arange(8) % 3 == 1],
    "narrow": lambda x: conv3(x.narrow(2, 3, 4), 3, 1, 1),
    "chunk": lambda x: x.chunk(2, 2)[1],
    "split": lambda x: torch.split_with_sizes(x, [3, 5], 2)[1],
    "unbind": lambda x: F.avg_pool2d(x.unbind(2)[5], 2),
    "stack of frames": lambda x: torch.stack([F.avg_pool2d(frame, 2) for frame in x.unbind(2)], 2),
    "frames one by one": lambda x: conv3(torch.cat([x[:, :, t : t + 1] for t in range(8)], 2), 3, 1, 1),
    "flip": lambda x: conv3(x.flip(2), 3, 1, 1, padding=(1, 0, 0))[:, :, 1:-1],
    "roll": lambda x: x.roll(3, 2),
    "differences of frames": lambda x: x[:, :, 1:] + x[:, :, :-1],
    "padded by a cat": lambda x: torch.cat([torch.zeros(2, 3, 1, 6, 4), x[:, :, :-1]], 2),
    "frames as batch": lambda x: F.conv2d(x.transpose(1, 2).flatten(0, 1), torch.ones(2, 3, 3, 3)),
    "frames as batch, and back": lambda x: conv3(
        x.transpose(1, 2).reshape(16, 3, 6, 4).view(2, 8, 3, 6, 4).transpose(1, 2), 3, 1, 1
    ),
    "frames before the batch": lambda x: F.avg_pool2d(x.permute(2, 0, 1, 3, 4).flatten(0, 1), 2),
    "channels last": lambda x: x.permute(0, 2, 3, 4, 1) @ torch.ones(3, 2),
    "tokens": lambda x: F.linear(x.flatten(2).transpose(1, 2), torch.ones(2, 3)),
    "tubelets": lambda x: conv3(x.view(2, 3, 4, 2, 6, 4).transpose(2, 3).flatten(1, 2), 1, 1, 1),
    "mean over time": lambda x: x.mean(2),
    "mean of some frames": lambda x: x[:, :, 2:5].mean(2, keepdim=True),
    "a shift of channels in memory": shift,
    "adaptive pool": lambda x: F.adaptive_avg_pool3d(x, (3, 4, 3)),
    "reflection": lambda x: F.avg_pool3d(F.pad(x, (1, 1, 2, 1, 1, 2), mode="reflect"), 2, 1),
    "replication": lambda x: F.pad(x, (1, 0, 0, 1, 2, 1), mode="replicate"),
    "transposed convolution": lambda x: F.conv_transpose3d(x, torch.ones(3, 1, 3, 2, 1), stride=2, padding=(1, 0, 0)),
    "repeated": lambda x: x[:, :, :2].repeat(1, 1, 3, 1, 1),
}
LARGER: dict[str, Function] = {  # whose fields may be too large
    "negative steps of the gradient": lambda x: conv3(x.flip(2, 3), 3, 3, 1, padding=1),
    "a gate": lambda x: x * torch.sigmoid(x.mean((2, 3, 4), keepdim=True)),
    "attention": attention,
    "frames in the channels": lambda x: F.conv2d(x.flatten(1, 2), torch.ones(2, 24, 1, 1)),
    "interpolation": lambda x: F.interpolate(x, scale_factor=(1, 2, 2), mode="nearest"),
    "height and width change places": lambda x: x[..., :4, :] + x[..., :4, :].transpose(3, 4),
    "windows": lambda x: x.unfold(2, 3, 2).mean(-1),
    "a sum over clips": lambda x: x.cumsum(2),
    "statistics of the clips": lambda x: F.instance_norm(x),
    "none of its frames and all of them": lambda x: torch.cat([x[:, :, :0], x], 2),
    "irregular pieces": lambda x: x.flatten(2).view(2, 3, 12, 16),
    "written through a view": lambda x: _written_through_a_view(x),
}


def _written_through_a_view(x: Tensor) -> Tensor:
    z = x * 2
    z.view(-1)[5:100].add_(x.flatten()[105:200])
    z[:, :, ::2] += x[:, :, 1::2]
    return z


def positions(tracked: Tracked) -> Iterator[tuple[tuple[int, ...], dict[Axis, int]]]:
    """Yield the indices of some elements of a tensor, and their positions along each axis that is followed."""
    count, generator = math.prod(tracked.shape), torch.Generator().manual_seed(1)
    for number in torch.randperm(count, generator=generator)[:POSITIONS]:
        index = torch.stack(torch.unravel_index(number, tracked.shape))
        found: dict[Axis, int] = {}
        for place, factors in zip(index.tolist(), tracked.layout, strict=True):
            for axis, size in reversed(factors):
                place, found[axis] = divmod(place, size)
        yield tuple(index.tolist()), found


@pytest.mark.parametrize("name", [*EXACT, *LARGER])
def test_fields_agree_with_gradients(name: str) -> None:
    clip = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)).add_(0.1).requires_grad_()
    mode = ReceptiveFieldMode({StreamName.CLIP: clip})
    with mode:
        output = (EXACT | LARGER)[name](clip)
    tracked = Tracked(mode.layout(output), mode.receptive_field(output))
    assert tracked.shape == output.shape
    for index, place in positions(tracked):
        (gradient,) = torch.autograd.grad(output[index], clip, retain_graph=True)
        seen = gradient.nonzero()
        if not len(seen):
            continue
        if Axis.CLIPS in place:
            assert set(seen[:, 0].tolist()) == {place[Axis.CLIPS]}
        for axis, span in enumerate(tracked.field[StreamName.CLIP]):
            entry = place.get(Axis(axis), 0) if len(span.low) > 1 else 0
            low, high = max(int(span.low[entry]), 0), min(int(span.high[entry]), SHAPE[2 + axis] - 1)
            actual = int(seen[:, 2 + axis].min()), int(seen[:, 2 + axis].max())
            assert low <= actual[0] <= actual[1] <= high, (index, axis, (low, high), actual)
            if name in EXACT:
                assert (low, high) == actual, (index, axis)


@pytest.mark.parametrize("name", [*EXACT, *LARGER])
def test_fields_are_the_same_without_memory(name: str) -> None:
    """Indices are computed beside the tensors that have no values."""
    if "mask" in name:
        pytest.skip("how many positions a mask picks is not known without values")
    fields = []
    for device in ("cpu", "meta"):
        clip = torch.zeros(SHAPE, device=device)
        mode = ReceptiveFieldMode({StreamName.CLIP: clip})
        with torch.device(device), Literals(mode.constants), mode:
            output = (EXACT | LARGER)[name](clip)
        spans = mode.receptive_field(output)[StreamName.CLIP]
        fields.append((mode.layout(output), [(span.low.tolist(), span.high.tolist()) for span in spans]))
    assert fields[0] == fields[1]

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from app.contract.network import StreamName
from worker.evidence.redrawn_weights import positive_shares, redraw_weights, shift_to
from worker.evidence.shuffled_weights import Shift, shuffle_weights
from worker.evidence.stream_tail import StreamTail
from worker.graph.inputs import Inputs
from worker.networks.network import Network
from worker.networks.trace import zero_inputs


def random_inputs(network: Network, count: int) -> list[Inputs]:
    generator = torch.Generator().manual_seed(1)
    blank = zero_inputs(network.card.streams, 2, torch.device("cpu"))
    return [
        {name: torch.rand(zeros.shape, generator=generator) * 2 - 1 for name, zeros in blank.items()}
        for _ in range(count)
    ]


def test_the_weights_keep_their_values_and_lose_their_order(tiny_two_stream: Network) -> None:
    (inputs,) = random_inputs(tiny_two_stream, 1)
    before = tiny_two_stream.logits(inputs)
    control = shuffle_weights(tiny_two_stream, [])
    for name, parameter in tiny_two_stream.module.named_parameters():
        other = control.module.get_parameter(name)
        assert torch.equal(parameter.flatten().sort().values, other.flatten().sort().values)
        assert parameter.numel() < 8 or not torch.equal(parameter, other)
    assert torch.equal(tiny_two_stream.logits(inputs), before), "the network itself is left as it is"
    assert not torch.allclose(control.logits(inputs), before)
    assert torch.equal(control.logits(inputs), shuffle_weights(tiny_two_stream, []).logits(inputs)), "seeded"


def test_batch_normalisations_get_the_statistics_of_the_control(tiny_clip: Network) -> None:
    norm = nn.BatchNorm3d(3)
    nn.init.constant_(norm.running_mean, 100.0)  # type: ignore[arg-type]
    network = Network(tiny_clip.card, WithNorm(norm, tiny_clip.module).eval(), {})
    clips = random_inputs(network, 3)
    control = shuffle_weights(network, clips)
    found = control.module.get_submodule("norm")
    assert isinstance(found, nn.BatchNorm3d)
    values = torch.cat([clip[StreamName.CLIP] for clip in clips])
    assert found.running_mean is not None
    torch.testing.assert_close(found.running_mean, values.mean((0, 2, 3, 4)), atol=1e-3, rtol=0)
    assert (found.training, found.momentum) == (False, 0.1)
    assert norm.running_mean is not None
    assert norm.running_mean[0] == 100


def test_batch_normalisations_that_were_never_trained_stay_as_they_are(tiny_clip: Network) -> None:
    network = Network(tiny_clip.card, WithNorm(nn.BatchNorm3d(3), tiny_clip.module).eval(), {})
    control = shuffle_weights(network, random_inputs(network, 3))
    for part in control.module.modules():
        if isinstance(part, nn.BatchNorm3d):
            assert part.running_mean is not None
            assert part.running_var is not None
            assert not part.running_mean.any()
            assert (part.running_var == 1).all()


def test_a_layer_that_shuffling_silences_is_shifted(tiny_two_stream: Network) -> None:
    """Behind a layer without a live unit nothing would depend on the clip."""
    module = copy.deepcopy(tiny_two_stream.module)
    path = tiny_two_stream.points["fc6"].path
    bias = next(p for name, p in module.named_parameters() if name.startswith("fc6") and p.ndim == 1)
    with torch.no_grad():
        bias.fill_(-1000.0)
    network = replace(tiny_two_stream, module=module)
    clips = random_inputs(network, 5)
    assert all((network.activation("fc6", clip) <= 0).all() for clip in clips)
    control = shuffle_weights(network, clips)
    live = torch.cat([control.activation("fc6", clip)[:1] for clip in clips]).flatten(1) > 0
    assert live.any(0).all(), path
    logits = torch.cat([control.logits(clip)[:1] for clip in clips])
    assert logits.std(0).max() > 0
    alive = shuffle_weights(tiny_two_stream, clips)
    assert not any("Shift" in str(hook) for part in alive.module.modules() for hook in part._forward_hooks.values())


def test_weights_drawn_anew_behind_the_streams_of_a_control_are_not_shifted(tiny_two_stream: Network) -> None:
    """The shifts belong to the weights that were shuffled: of others they would open every threshold."""
    first, second = ({name: x[:1] for name, x in clip.items()} for clip in random_inputs(tiny_two_stream, 2))
    control = replace(tiny_two_stream, module=copy.deepcopy(tiny_two_stream.module))
    for layer, shift in (("appearance.conv1_1", 1.0), ("fc6", 1000.0)):
        point = control.module.get_submodule(control.points[layer].path)
        point.register_forward_hook(Shift(torch.full((control.card.layer(layer).units,), shift)).add)

    def run(tail: StreamTail, observe: Callable[[str, torch.Tensor], None] | None, paths: Sequence[str]) -> None:
        clips = [tail.read(clip) for clip in (first, second)]
        tail.run(clips * 2, [*clips, *reversed(clips)], observe, paths)

    tail = StreamTail(control, first, second)
    redrawn = redraw_weights(tail, 0, positive_shares(tail, run), run)
    assert redrawn is not None
    assert redrawn.network.activation("fc6", first).max() < 500
    assert control.activation("fc6", first).min() > 500, "the control is as it was, and so are the streams"
    one, other = (network.activation("appearance.conv1_1", first) for network in (redrawn.network, control))
    assert torch.equal(one, other)


def test_units_of_redrawn_weights_are_positive_as_often_as_their_namesakes() -> None:
    values = torch.randn(5, 40, generator=torch.Generator().manual_seed(0)) + 3  # nearly always on
    shares = torch.tensor([0.0, 0.25, 0.5, 1.0, float((values[4] > 0).double().mean())], dtype=torch.float64)
    shift = shift_to(values, shares)
    assert torch.equal(((values + shift[:, None]) > 0).double().mean(1), shares)
    assert shift[4] == 0


class WithNorm(nn.Module):
    """A network behind a batch normalisation of its clip."""

    def __init__(self, norm: nn.Module, rest: nn.Module) -> None:
        super().__init__()
        self.norm, self.rest = norm, rest

    def forward(self, inputs: Inputs) -> torch.Tensor:
        return self.rest({StreamName.CLIP: self.norm(inputs[StreamName.CLIP])})  # type: ignore[no-any-return]

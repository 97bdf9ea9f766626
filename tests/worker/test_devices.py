"""The device and the precision that the worker computes in."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from app.contract.errors import Unavailable
from app.contract.network import StreamName
from worker.devices import (
    available_devices,
    choose_precision,
    describe_device,
    device_of,
    find_device,
    is_faster_in_bf16,
)
from worker.networks.network import Network


def test_auto_finds_a_device_that_computes() -> None:
    assert torch.ones(2, device=find_device("auto")).sum().item() == 2
    assert find_device("auto").type in {name.split(":")[0] for name in available_devices()}


def test_the_cpu_is_always_there() -> None:
    assert find_device("cpu") == torch.device("cpu")
    assert describe_device(find_device("cpu")).startswith("cpu (")


@pytest.mark.parametrize("name", ["cuda:63", "toaster", "xpu:9"])
def test_a_missing_device_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(Unavailable, match=f"(?s){name}.*cpu.*KINETOSCOPE_DEVICE"):
        find_device(name)


def test_a_network_is_where_its_weights_are() -> None:
    assert device_of(nn.Linear(2, 2)) == device_of(nn.Identity()) == torch.device("cpu")


def test_reduced_gradients_point_the_same_way_and_measurements_stay_exact(tiny_two_stream: Network) -> None:
    reduced = replace(tiny_two_stream, precision=torch.bfloat16)
    inputs = {
        name: value.requires_grad_()
        for name, value in {
            StreamName.APPEARANCE: torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)),
            StreamName.MOTION: torch.randn(2, 6, 32, 32, generator=torch.Generator().manual_seed(1)),
        }.items()
    }

    def gradient(network: Network) -> torch.Tensor:
        value = network.activation("fusion.conv5", inputs, precision=network.precision)[:, 2].sum()
        return torch.cat([part.flatten() for part in torch.autograd.grad(value, list(inputs.values()))])

    full, bf16 = gradient(tiny_two_stream), gradient(reduced)
    assert not torch.equal(full, bf16)
    assert torch.nn.functional.cosine_similarity(full, bf16, dim=0) > 0.95
    with torch.no_grad():
        same = [network.activation("class", inputs) for network in (tiny_two_stream, reduced)]
    assert torch.equal(*same)


@pytest.mark.parametrize(("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_precision_is_as_set(name: str, dtype: torch.dtype) -> None:
    assert choose_precision(name, nn.Conv2d(1, 1, 1)) is dtype


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("faster", [True, False])
def test_auto_is_bf16_where_the_cpu_computes_it_and_it_pays(
    native: bool, faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    actual = choose_precision("auto", nn.Conv3d(1, 1, 1), is_faster=lambda: faster)
    assert actual is (torch.bfloat16 if native and faster else torch.float32)


def test_what_pays_is_measured_once() -> None:
    assert is_faster_in_bf16() is is_faster_in_bf16()
    assert is_faster_in_bf16.cache_info().currsize == 1

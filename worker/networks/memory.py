"""Estimate the memory that a network needs from shapes alone, before anything of it is allocated."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from app.contract.errors import WeightsMismatch
from app.contract.network import Stream
from worker.networks.trace import zero_inputs

GIGABYTE = 10**9
COPIES_TO_ADD = 3  # of the weights in memory while a network is added: as read, as stored, and in the module
MAX_EXPANSION = 8  # times the bytes of its weights that a network may take: they may be in half its precision
PARAMETER_MAKERS = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def parameter_bytes(module: nn.Module) -> int:
    """Return the bytes of a module's parameters and buffers, which may be on the meta device."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers()))


class Unallocated(TorchFunctionMode):
    """Makes the tensors of modules on the meta device, and leaves others alone, whose values builders may read."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in PARAMETER_MAKERS and options.get("device") is None:
            options["device"] = "meta"
        return func(*args, **options)


def check_size(build: Callable[[int], nn.Module], classes: int, weights: int) -> None:
    """Raise WeightsMismatch for a network far larger than its weights, of so many bytes, before it takes memory.

    Tensors tell a network's sizes one by one: two long and thin ones can ask for a layer that is long both ways.
    """
    try:
        with Unallocated():
            size = parameter_bytes(build(classes))
    except Exception:  # is told where the network is built in earnest
        return
    if size > max(MAX_EXPANSION * weights, GIGABYTE):
        raise WeightsMismatch(
            f"The shapes in the file describe a network of {gigabytes(size)}, but its weights have "
            f"{gigabytes(weights)}: tensors are missing or damaged."
        )


def estimate_memory(module: nn.Module, streams: Sequence[Stream]) -> int | None:
    """Return the bytes of one forward and backward pass for one stimulus of the streams' size; None if unknown.

    It counts parameters, inputs and everything that autograd keeps for the gradient of the inputs, each storage once,
    on the meta device, which allocates nothing. What operators need for a moment, and gradients, are not counted: a
    pass needs up to a few times the largest activation more. Unknown for code that cannot run on shapes alone.
    """
    meta = torch.device("meta")
    tensors = {name: t.detach().to(meta) for name, t in (*module.named_parameters(), *module.named_buffers())}
    own = {tensor.untyped_storage()._cdata for tensor in tensors.values()}
    kept: dict[int, Tensor] = {}  # by storage; held, so that no other storage takes its place

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()._cdata
        if storage not in own:
            kept[storage] = tensor
        return tensor

    inputs = {name: tensor.requires_grad_() for name, tensor in zero_inputs(streams, 1, meta).items()}
    try:
        with meta, torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            functional_call(module, tensors, (inputs,))
    except Exception:  # code that depends on values
        return None
    for tensor in inputs.values():
        keep(tensor)
    return parameter_bytes(module) + sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def machine_memory() -> int:
    """Return the bytes of memory that this machine has, or that the container of this process may use."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in CGROUP_LIMITS:
        try:
            limits.append(int(Path(path).read_text()))
        except (OSError, ValueError):  # not there, or `max`
            continue
    return min(limits)


def device_memory(device: torch.device) -> int:
    """Return the bytes of memory that a device has."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return machine_memory()


def describe_need(memory: int | None, device: torch.device) -> str:
    """Return in a sentence what one unit of a network needs, with a warning where the device has less."""
    if memory is None:
        return "How much memory one unit needs cannot be told without running the network."
    need = f"One unit needs about {gigabytes(memory)} of memory"
    has = device_memory(device)
    if memory <= has:
        return f"{need}."
    return f"{need}, and {device} has {gigabytes(has)} here: run a worker where there is more, or it will fail."


def gigabytes(count: int) -> str:
    """Write bytes as GB, or as MB where they are few."""
    return f"{count / GIGABYTE:,.1f} GB" if count >= GIGABYTE / 10 else f"{max(1, round(count / 1e6))} MB"

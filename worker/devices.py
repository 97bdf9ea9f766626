"""Where the worker computes, and in which precision."""

import platform
from collections.abc import Callable
from functools import cache
from time import process_time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.contract.errors import MixedDevices, Unavailable


def find_device(name: str) -> torch.device:
    """Return the device that the setting `device` names: `auto` is the first accelerator, else the CPU.

    Raises Unavailable for a device that this machine does not have.
    """
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return torch.device(accelerator.type if accelerator is not None else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise Unavailable(
            f"The device {name!r} cannot be used here ({first_line(error)}). "
            f"This machine has: {', '.join(available_devices())}. Set KINETOSCOPE_DEVICE to one of them, or to auto."
        ) from error
    return device


def available_devices() -> list[str]:
    """Return the names of the devices of this machine."""
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu", *names, *(["mps"] if torch.backends.mps.is_available() else [])]


def choose_precision(name: str, module: nn.Module, is_faster: Callable[[], bool] | None = None) -> torch.dtype:
    """Return the precision of gradients that the setting `precision` names, for a network.

    `auto` is bf16 where the device computes it natively and it is faster: on a CPU by `is_faster`, by default
    `is_faster_in_bf16`. On I3D at 16 x 160 x 160, one thread, bf16 took .65 s a step where fp32 took 1.7, and its
    gradient kept a cosine of .97 (class) to .99 (Conv3d_2c_3x3) with that of fp32: less change than one random view
    makes.
    """
    if name == "auto":
        name = "bf16" if prefers_bf16(module, is_faster or is_faster_in_bf16) else "fp32"
    return {"bf16": torch.bfloat16, "fp32": torch.float32}[name]


def prefers_bf16(module: nn.Module, is_faster: Callable[[], bool]) -> bool:
    """Return whether a network's device supports bf16; for a CPU, natively and faster by this measurement."""
    device = device_of(module)
    if device.type != "cpu":
        return supports_bf16(device)
    return torch.cpu._is_avx512_bf16_supported() and is_faster()


@cache
def is_faster_in_bf16() -> bool:
    """Return whether this CPU computes convolutions, forward and back, faster in bf16 than in float32.

    With matrix units bf16 is several times as fast; a Xeon that has its instructions and no matrix units took 1.6
    times as long.
    """

    def seconds(dtype: torch.dtype) -> float:
        x = torch.ones(4, 128, 28, 28).to(dtype, memory_format=torch.channels_last).requires_grad_()
        weight = torch.ones(128, 128, 3, 3).to(dtype, memory_format=torch.channels_last)
        times = []
        for _ in range(4):
            started = process_time()
            torch.autograd.grad(F.conv2d(x, weight, padding=1).sum(), x)
            times.append(process_time() - started)
        return min(times)

    return seconds(torch.bfloat16) < seconds(torch.float32)


def supports_bf16(device: torch.device) -> bool:
    """Return whether an accelerator computes bf16 natively."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def has_fast_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bf16 faster than float32: any GPU, and CPUs with instructions for it."""
    if device.type != "cpu":
        return device.type == "cuda"
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def device_of(module: nn.Module) -> torch.device:
    """Return the device of a network's weights; the CPU for a network without any.

    Raises MixedDevices where they are on more than one.
    """
    devices = {tensor.device for tensor in (*module.parameters(), *module.buffers())}
    if len(devices) > 1:
        raise MixedDevices(
            f"The network's weights lie on {' and '.join(sorted(map(str, devices)))}: a stimulus has one place. "
            "Let the family's builder create all of its tensors in one place, or as parameters and buffers."
        )
    return next(iter(devices), torch.device("cpu"))


def stimulus_dtype(module: nn.Module) -> torch.dtype:
    """Return the precision of a network's stimuli: that of its weights, and no less than float32."""
    dtypes = (tensor.dtype for tensor in module.parameters() if tensor.is_floating_point())
    return torch.promote_types(next(dtypes, torch.float32), torch.float32)


def copy_to_device(x: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to the device. A copy to CUDA does not wait for the computations that are under way there."""
    if device.type != "cuda" or x.device.type != "cpu":
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


def describe_device(device: torch.device, precision: torch.dtype = torch.float32) -> str:
    """Return a device and a reduced precision in words, such as "cpu (x86_64, 1 thread, bf16 gradients)"."""
    reduced = ", bf16 gradients" if precision is torch.bfloat16 else ""
    threads = f"{torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)}{reduced})"
    return f"{device.type} ({platform.machine()}, {threads}{reduced})"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message without its full stop, or its type where there is none."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__

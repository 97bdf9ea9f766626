"""Where the worker computes."""

import platform

import torch
from torch import nn

from app.contract.errors import Unavailable


def choose(name: str) -> torch.device:
    """The device of the setting `device`: `auto` takes the first accelerator, else the CPU.

    Raises Unavailable for one that this machine does not have.
    """
    if name == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        return torch.device(found.type if found is not None else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise Unavailable(
            f"The device {name!r} cannot be used here ({first_line(error)}). This machine has: {', '.join(available())}. "
            "Set KINETOSCOPE_DEVICE to one of them, or to auto."
        ) from error
    return device


def available() -> list[str]:
    """Names of the devices of this machine."""
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu", *names, *(["mps"] if torch.backends.mps.is_available() else [])]


def device_of(module: nn.Module) -> torch.device:
    """Where a network's weights lie; the CPU for a network without any."""
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))


def describe(device: torch.device) -> str:
    """A device in words, for the measurements."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__

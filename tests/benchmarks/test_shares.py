"""The cost of a step is the difference of two profiles."""

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.shares import StepCost


def event(key: str, count: int, cpu: float, device: float = 0) -> Any:
    return SimpleNamespace(key=key, count=count, self_cpu_time_total=cpu, self_device_time_total=device)


def test_a_step_is_what_a_longer_run_takes_more() -> None:
    short = [event("aten::mul", 10, 100), event("aten::convolution", 1, 50)]
    long = [event("aten::mul", 20, 300), event("aten::convolution", 3, 150, 200)]
    found = StepCost.between(long, short, 4)
    assert found.operators == pytest.approx(12 / 4)
    assert found.milliseconds == pytest.approx(500 / 4 / 1e3)
    assert found.convolution_share == pytest.approx(300 / 500)

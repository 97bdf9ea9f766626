"""Configs written in Python are read, and never run."""

import time
from pathlib import Path

import pytest

from worker.networks.python_config import MAX_CHARACTERS, UNKNOWN, read_python_config


def test_values_and_names_of_values() -> None:
    text = """
import os
scale = dict(mean=[1.5, -2], std=(3, 4))
model = dict(type='A', backbone={'depth': 50, 'frozen': None, **scale}, head=dict(on=True, **scale))
model['type'] = 'B'
"""
    assert read_python_config(text) == {
        "scale": {"mean": [1.5, -2], "std": [3, 4]},
        "model": {
            "type": "A",
            "backbone": {"depth": 50, "frozen": None, "mean": [1.5, -2], "std": [3, 4]},
            "head": {"on": True, "mean": [1.5, -2], "std": [3, 4]},
        },
    }


def test_code_is_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "run"
    call = f"__import__('pathlib').Path({str(trace)!r}).touch()"
    config = read_python_config(f"{call}\na = {call}\nb = [1, {call}, 2 + 2]\nclass C:\n    {call}\nd = dict([(1, 2)])")
    assert config == {"a": UNKNOWN, "b": [1, UNKNOWN, UNKNOWN], "d": UNKNOWN}
    assert not trace.exists()


@pytest.mark.parametrize(
    "text",
    [
        "a = [",
        "a = \0",
        "a = " + "[" * 3_000 + "]" * 3_000,
        "a = " + "-" * 50_000 + "1",
        "a = " + "1+" * 50_000 + "1",
        "#" * (MAX_CHARACTERS + 1),
    ],
)
def test_what_is_no_config_gives_nothing(text: str) -> None:
    assert read_python_config(text).get("a", UNKNOWN) is UNKNOWN


def test_names_of_names_cannot_grow_without_bound() -> None:
    doubled = "a0 = [1, 1]\n" + "".join(f"a{n + 1} = [a{n}, a{n}]\n" for n in range(200))
    started = time.perf_counter()
    assert read_python_config(doubled)["a200"] == [UNKNOWN, UNKNOWN] or read_python_config(doubled)["a200"] is UNKNOWN
    assert time.perf_counter() - started < 5

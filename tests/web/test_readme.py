"""The example program of the README, run against a server."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from app.contract.result import MediaRole, Visualization
from app.settings import ROOT
from tests.dashboard import wait_for

PLACE = "tiny/layers/class/units/2"


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)
    [listening] = server.servers[0].sockets
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def program() -> str:
    match = re.search(
        r"^    import json, pathlib.*?(?=^\S)", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert match
    return "".join(line.removeprefix("    ") for line in match[0].splitlines(keepends=True))


def test_the_program_fetches_a_unit_and_its_stimulus(
    address: str, visualization: Visualization, tmp_path: Path
) -> None:
    written = program()
    assert len(written.strip().splitlines()) == 10
    here = written.replace("http://127.0.0.1:8000", address).replace(
        "mocap/layers/class/units/6", "tiny/layers/class/units/2"
    )
    done = subprocess.run(
        [sys.executable, "-c", here], cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["wave", "slow", "slow", "3.5"]
    poster = visualization.medium(MediaRole.POSTER)
    assert poster is not None
    assert (tmp_path / "unit-poster.webp").stat().st_size == poster.size
    assert (tmp_path / "unit-raw.npz").is_file()

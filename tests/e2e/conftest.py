"""A dashboard with networks, and Debian's Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TEST_DATA
from tests.dashboard import Dashboard, wait_for
from tests.worker.conftest import TINY_FAMILIES, tiny_clip_weights, tiny_two_stream_weights

__all__ = ["tiny_clip_weights", "tiny_two_stream_weights"]  # fixtures

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    return {
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
    }


@pytest.fixture(scope="session")
def dashboard(
    tmp_path_factory: pytest.TempPathFactory, tiny_two_stream_weights: Path, tiny_clip_weights: Path
) -> Iterator[Dashboard]:
    dashboard = Dashboard(tmp_path_factory.mktemp("home"), KINETOSCOPE_FAMILIES=str(TINY_FAMILIES))
    dashboard.command("networks", "add", "tiny_two_stream", "--weights", str(tiny_two_stream_weights))
    dashboard.command("networks", "add", "tiny_clip", "--weights", str(tiny_clip_weights))
    weights = TEST_DATA / "weights"
    if weights.is_dir():
        files = ("--weights", weights / "i3d_rgb_kinetics400.pt", "--labels", weights / "kinetics400_labels.txt")
        dashboard.command("networks", "add", "i3d", *map(str, files))
    wait_for(dashboard.worker)
    yield dashboard
    assert dashboard.stop() == 0

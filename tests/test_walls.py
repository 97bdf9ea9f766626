"""The web host runs without anything that computes."""

import subprocess
import sys

from app.settings import ROOT

COMPUTING = ("torch", "numpy", "cv2", "av", "safetensors", "worker")


def test_the_app_imports_where_nothing_that_computes_is_installed() -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "app").rglob("*.py")
    )
    program = "\n".join(
        [
            "import importlib, sys",
            f"for name in {COMPUTING!r}: sys.modules[name] = None",  # an import of it raises ImportError
            f"for name in {modules!r}: importlib.import_module(name)",
        ]
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

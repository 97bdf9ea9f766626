"""A whole dashboard (`kinetoscope up`) as its own processes, for tests that meet it from outside."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from app.settings import ROOT

T = TypeVar("T")


class Dashboard:
    def __init__(self, home: Path, **settings: str) -> None:
        own = {"KINETOSCOPE_HOME": str(home), "KINETOSCOPE_SHIPPED": "false", "COLUMNS": "200"}
        self.environment = os.environ | own | settings
        self.log = home / "log.txt"
        home.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self, port: int = 0) -> None:
        command = [sys.executable, "-m", "app.cli", "up", "--port", str(port), "--no-browser"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        self.address = wait_for(self._address)

    def _address(self) -> str | None:
        assert self.process.poll() is None, self.log.read_text()
        found = re.search(r"http://\S+", self.log.read_text())
        return found and found[0]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.address + path, timeout=10) as answer:
            return json.load(answer)

    def worker(self, *, apart_from: int = 0) -> int | None:
        """The process id of a worker that is alive."""
        workers = self.get("/api/health")["workers"]
        return next((w["pid"] for w in workers if w["alive"] and w["pid"] != apart_from), None)

    def command(self, *arguments: str) -> str:
        """Output of a `kinetoscope-worker` command on the same database."""
        command = [sys.executable, "-m", "worker.cli", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)


def wait_for(look: Callable[[], T | None], seconds: float = 60) -> T:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
    return found

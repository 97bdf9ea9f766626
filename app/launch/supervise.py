"""Runs web server and worker as children of one process: restarts a dead worker, and stops both together."""

import ctypes
import errno
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from importlib.util import find_spec
from threading import Event

from rich.console import Console

from app.contract.errors import PortInUse, SetupError

STOP_SECONDS = 10.0  # that children have to end, before they are killed
START_SECONDS = 60.0  # that the web server has to answer its first request
POLL_SECONDS = 0.5  # between two looks at the children
MIN_RESTART_SECONDS, MAX_RESTART_SECONDS = 1.0, 60.0  # before a dead worker is started again
LONG_LIFE_SECONDS = 60  # after which the death of a worker does not lengthen the wait
console = Console()


def require_free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0. Raises PortInUse and SetupError where it cannot be served on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise SetupError(f"Cannot listen on {host}:{port}: {error.strerror}. Set KINETOSCOPE_HOST.") from error
            raise PortInUse(
                f"Port {port} of {host} is in use, perhaps by another Kinetoscope. "
                f"Stop it, or choose another: KINETOSCOPE_PORT={port + 1} make up."
            ) from error
        return int(probe.getsockname()[1])


def supervise(*, host: str, port: int, browser: bool) -> int:
    """Run web server and worker; return 0 after a stop signal, and 1 where the web server ended by itself."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    host_in_url = f"[{host}]" if ":" in host else host
    address = f"http://{host_in_url.replace('0.0.0.0', 'localhost')}:{port}"  # noqa: S104
    web = _start("app.cli", "web", "--port", str(port))
    worker = _Worker() if find_spec("torch") else None
    if worker is None:
        console.print("No torch here: serving pages without a worker. Jobs wait until one runs elsewhere.")
    try:
        if not _wait_for_answer(f"{address}/api/health", web, stop):
            return 0 if stop.is_set() else 1
        console.print(f"\n  Kinetoscope is at [bold]{address}[/]   (Ctrl-C stops it)\n", highlight=False)
        if browser:
            webbrowser.open(address)
        while not stop.wait(POLL_SECONDS):
            if web.poll() is not None:
                console.print(f"The web server ended with status {web.returncode}.")
                return 1
            if worker:
                worker.keep_alive()
        return 0
    finally:
        _stop([web, *([worker.process] if worker else [])])


class _Worker:
    """The worker process; a dead one is started again, more slowly each time it dies young."""

    def __init__(self) -> None:
        self.delay = MIN_RESTART_SECONDS
        self._launch()

    def _launch(self) -> None:
        self.process = _start("worker.cli", "run")
        self.started = time.monotonic()
        self.restart_at: float | None = None

    def keep_alive(self) -> None:
        """Start the worker again if it died and its delay has passed. To be called every POLL_SECONDS."""
        if self.process.poll() is None:
            return
        if self.restart_at is None:
            lived = time.monotonic() - self.started
            died_young = lived <= LONG_LIFE_SECONDS
            self.delay = min(self.delay * 2, MAX_RESTART_SECONDS) if died_young else MIN_RESTART_SECONDS
            self.restart_at = time.monotonic() + self.delay
            status = self.process.returncode
            console.print(f"The worker ended with status {status}; starting it again in {self.delay:.0f} s.")
        elif time.monotonic() >= self.restart_at:
            self._launch()


def _start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches the parent alone, which then stops its children in order.
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, start_new_session=True, preexec_fn=_end_with_parent)


def _end_with_parent() -> None:
    """Ask the kernel, in a new child on Linux, for SIGTERM in case the parent dies without stopping it."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _wait_for_answer(url: str, web: subprocess.Popen[bytes], stop: Event) -> bool:
    """Wait until the web server answers, and return whether it did before it ended, a stop signal, or the deadline."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and web.poll() is None and not stop.is_set():
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310
            return True
        except (urllib.error.URLError, OSError):
            stop.wait(0.1)
    return False


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

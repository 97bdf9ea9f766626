import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from app.contract.errors import PortInUse
from app.launch.supervise import require_free_port
from app.settings import ROOT
from tests.dashboard import Dashboard, wait_for


def test_a_port_in_use_names_another_one() -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = occupied.getsockname()[1]
        with pytest.raises(PortInUse, match=f"KINETOSCOPE_PORT={port + 1} make up"):
            require_free_port("127.0.0.1", port)
    assert require_free_port("127.0.0.1", port) == port


def test_the_command_says_so_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        command = [sys.executable, "-m", "app.cli", "up", "--port", str(occupied.getsockname()[1])]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"KINETOSCOPE_HOME": str(tmp_path)}, capture_output=True, text=True
        )
    assert done.returncode == 2
    assert done.stderr.startswith("port_in_use: Port")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("database", "command", "advice"),
    [
        ("empty", "app.cli web --port 0", "kinetoscope db upgrade"),
        ("newer", "worker.cli run", "Upgrade Kinetoscope"),
        ("damaged", "worker.cli networks list", "Restore a backup"),
    ],
)
def test_commands_say_in_one_line_why_a_database_is_not_used(
    tmp_path: Path, migrated_sqlite: Path, database: str, command: str, advice: str
) -> None:
    path = tmp_path / "kinetoscope.db"
    if database == "newer":
        shutil.copyfile(migrated_sqlite, path)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9001'")
    elif database == "damaged":
        path.write_bytes(bytes(range(256)) * 100)
    environment = os.environ | {"KINETOSCOPE_HOME": str(tmp_path), "KINETOSCOPE_SHIPPED": "false"}
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert advice in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_up_serves_restarts_a_dead_worker_and_stops_both(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path)
    try:
        first = wait_for(dashboard.worker)
        os.kill(first, signal.SIGKILL)
        second = wait_for(lambda: dashboard.worker(apart_from=first))
        assert "The worker ended with status -9" in dashboard.log.read_text()
    finally:
        assert dashboard.stop() == 0
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.slow
def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path)
    worker = wait_for(dashboard.worker)
    dashboard.stop(signal.SIGKILL)

    def gone() -> bool:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{worker}/stat").read_text().split()[2] == "Z"

    assert wait_for(gone)

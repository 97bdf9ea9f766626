"""A throw-away PostgreSQL server, for tests and benchmarks that stop and start it."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from sqlalchemy import create_engine, text

# Nothing is to survive a crash of the machine; what a crash of the server alone loses is set by synchronous_commit.
OPTIONS = "-c fsync=off -c full_page_writes=off"


def is_installed() -> bool:
    """Return whether PostgreSQL's server can be run here."""
    return bool(shutil.which("initdb") and shutil.which("pg_ctl"))


class PostgresServer:
    """A server whose data lies in a folder, which must not be one that only its owner may enter."""

    def __init__(self, folder: Path, options: str = "") -> None:
        self.folder, self.data = folder, folder / "data"
        self._as_postgres: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            self._as_postgres = ["runuser", "-u", "postgres", "--"]
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://kinetoscope@127.0.0.1:{port}"
        self._options = f"-p {port} -h 127.0.0.1 -k {folder} {OPTIONS} {options}"
        self._run("initdb", "-D", str(self.data), "-U", "kinetoscope", "--auth=trust", "--no-sync")

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-o", self._options, "-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        """Stop the server as a crash would: nothing is written, and all connections break."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")

    def create_database(self, name: str, template: str = "template1") -> None:
        """Create a database, as a copy of another."""
        engine = create_engine(f"{self.url}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        engine.dispose()

    def _run(self, *command: str) -> None:
        subprocess.run([*self._as_postgres, *command], check=True, capture_output=True, cwd=self.folder)

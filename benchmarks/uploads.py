"""Measure the memory of the web server while many clips are uploaded at once.

    python -m benchmarks.uploads                 # 24 clips of 20 MB, to SQLite in a temporary folder
    python -m benchmarks.uploads --clips 24 --megabytes 45

Starts `kinetoscope web` on this machine, and prints the largest resident memory of the process and the answers. It
needs twice the bytes of all clips on the disk, and fails (exit status 1) on an answer other than 202,
429 (there is no room for more) and 503 (the database took longer than 20 s).
"""

import argparse
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from app.store.catalog import networks
from app.store.database.engine import open_store
from benchmarks.catalog.networks import make_cards

HEAD = b"\x00\x00\x00\x18ftypisom"  # of an MP4
START_SECONDS = 30


def memory(process_id: int, name: str) -> int:
    """Return a figure of a process in megabytes: VmRSS, its memory now, or VmHWM, the largest so far."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1000 for line in lines if line.startswith(f"{name}:"))


def upload(port: int, network: str, number: int, size: int) -> int:
    """Send a clip of so many bytes, and return the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    headers = {"Content-Type": "video/mp4"}
    connection.request("POST", f"/api/clips?network={network}", HEAD + number.to_bytes(8, "big") + bytes(size), headers)
    return connection.getresponse().status


def measure(home: Path, clips: int, size: int) -> Counter[int]:
    store = open_store(f"sqlite:///{home / 'kinetoscope.db'}", check=False)
    store.migrate()
    card = make_cards(1)[0]
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=[b"none"])
    store.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"KINETOSCOPE_HOME": str(home), "KINETOSCOPE_HOST": "127.0.0.1", "KINETOSCOPE_DATABASE_URL": ""}
    command = [sys.executable, "-m", "app.cli", "web", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, **settings})
    try:
        for _ in range(START_SECONDS * 10):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        before, started = memory(process.pid, "VmRSS"), time.perf_counter()
        with ThreadPoolExecutor(clips) as clients:
            statuses = Counter(clients.map(lambda number: upload(port, card.slug, number, size), range(clips)))
        seconds = time.perf_counter() - started
        print(f"{clips} clips of {size / 1e6:g} MB in {seconds:.1f} s: {dict(statuses)}")
        print(f"memory of the web server: {before} MB before, {memory(process.pid, 'VmHWM')} MB at most")
        return statuses
    finally:
        process.terminate()
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--megabytes", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        statuses = measure(Path(home), options.clips, options.megabytes * 1_000_000)
    return 0 if statuses.keys() <= {202, 429, 503} else 1


if __name__ == "__main__":
    sys.exit(main())

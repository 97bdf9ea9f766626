"""Measure whether the web server holds when more is asked of it than it can answer at once.

    python -m benchmarks.load                         # SQLite, in a temporary folder: fills 20,000 units first
    python -m benchmarks.load --database postgresql://user:password@127.0.0.1/load
    python -m benchmarks.load --seconds 10 --open-files 1024

Starts `kinetoscope web` on this machine and asks it, one phase after the other:

- readers with keep-alive, 20 and then 300, each of whom asks for the next page as soon as the last one has come;
- the 300 readers with 10 writers;
- the same once more, with 500 open event streams, and clients that send headers and bodies slowly
  or read their answers slowly; meanwhile 200 people post at one moment;
- 1,100 connections that send half of a request, with one reader beside them.

It fails (exit status 1) on any answer of status 500 or more, any answer that takes longer than 5 s, a throughput at
300 readers below 80 % of that at 20, an event stream that hears nothing of the posts, or a log larger than 100 kB.
Clients and server share the machine's cores, so that figures are comparable on one machine only.
"""

import argparse
import asyncio
import os
import platform
import random
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.settings import Settings
from app.store.database.engine import open_store
from app.web import api_urls
from benchmarks.catalog.__main__ import fill
from benchmarks.catalog.pages import Catalogue, pages
from benchmarks.load_clients import EVENT_STREAMS, HALF_OPEN_CONNECTIONS, POSTS_AT_ONCE, WRITERS, Answers, Load

FEW_READERS, MANY_READERS = 20, 300
MIN_THROUGHPUT_RATIO = 0.8  # of many readers to few
MAX_LOG_BYTES = 100_000
PAGE_KINDS = (
    "networks",
    "network",
    "explorer",
    "explorer by reach",
    "layer",
    "unit",
    "class",
    "confusion",
    "jobs, all",
    "clip",
    "api: units",
    "api: unit",
    "api: jobs",
    "api: health",
)


async def run(load: Load) -> tuple[list[Answers], list[str]]:
    phases = [
        await load.read(FEW_READERS, f"{FEW_READERS} readers"),
        await load.read(MANY_READERS, f"{MANY_READERS} readers"),
    ]
    few, many = phases
    failures = []
    if many.per_second < MIN_THROUGHPUT_RATIO * few.per_second:
        failures.append(
            f"throughput at {MANY_READERS} readers is {many.per_second / few.per_second:.0%} of that at {FEW_READERS}"
        )
    both = load.read(MANY_READERS, f"{MANY_READERS} readers, with writers"), load.write(f"{WRITERS} writers")
    phases += await asyncio.gather(*both)
    async with load.streams(), load.slow_clients():
        reading = asyncio.create_task(load.read(MANY_READERS, f"{MANY_READERS} readers, with everything else"))
        writing = asyncio.create_task(load.write(f"{WRITERS} writers, with everything else"))
        await asyncio.sleep(load.seconds / 3)
        phases.append(await load.post_at_one_moment(f"{POSTS_AT_ONCE} posts at one moment"))
        phases.append(await load.visualize(f"a job on {EVENT_STREAMS} event streams"))
        phases += [await reading, await writing]
    async with load.half_open():
        phases.append(await load.read(1, f"1 reader, {HALF_OPEN_CONNECTIONS} half-open connections"))
    return phases, [*failures, *(failure for phase in phases for failure in phase.failures())]


def draw_addresses(url: str) -> tuple[list[str], str, tuple[str, bytes]]:
    """Return addresses to read, the address of a large download, and a request for work (address and body)."""
    store = open_store(url)
    catalogue = Catalogue(store, 0)
    addresses = [draw() for name, draw in pages(catalogue) if name in PAGE_KINDS for _ in range(20)]
    card = catalogue.cards[0]
    seed = random.Random().randrange(2**31)  # asked for by no run before
    body = f'{{"network": "{card.slug}", "layer": "{card.layers[0].name}", "units": [0], "recipe": {{"seed": {seed}}}}}'
    store.close()
    return addresses, api_urls.lines(card.slug), ("/api/visualizations", body.encode())


@contextmanager
def serving(url: str, home: Path, open_files: int) -> Iterator[int]:
    """Run a server, whose log goes to a file in `home`, within the block; yield its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {**os.environ, "KINETOSCOPE_HOME": str(home), "KINETOSCOPE_DATABASE_URL": url}
    command = [sys.executable, "-m", "app.cli", "web", "--port", str(port)]

    def limit_files() -> None:
        if open_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

    with (home / "web.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stderr=log, preexec_fn=limit_files)
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, (home / "web.log").read_text()
            asyncio.run(asyncio.sleep(0.1))
        yield port
    finally:
        process.terminate()
        process.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", help="as KINETOSCOPE_DATABASE_URL; empty or of benchmarks.catalog")
    parser.add_argument("--units", type=int, default=20_000, help="units to fill an empty database with")
    parser.add_argument("--seconds", type=float, default=60, help="each phase lasts")
    parser.add_argument("--open-files", type=int, default=0, help="limit of the server's, as `ulimit -n` sets it")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    with tempfile.TemporaryDirectory(prefix="kinetoscope-load-") as folder:
        home = Path(folder)
        settings = Settings(database_url=options.database, home=home)
        url = settings.sqlalchemy_url
        if is_empty(url):
            fill(url, options.units, options.units, 0)
        addresses, download, work = draw_addresses(url)
        with serving(options.database or url, home, options.open_files or soft) as port:
            phases, failures = asyncio.run(run(Load(port, addresses, download, options.seconds, work)))
        log_bytes = (home / "web.log").stat().st_size
        if log_bytes > MAX_LOG_BYTES:
            failures.append(f"the log has {log_bytes:,} bytes")
        print(f"{platform.machine()}, {os.cpu_count()} cores, {url.partition(':')[0]}, log of {log_bytes:,} bytes")
        print((home / "web.log").read_text()[:2000])
    print("\n".join(map(str, phases)))
    print("\n".join(f"FAILED {failure}" for failure in failures) or "Nothing failed.")
    raise SystemExit(bool(failures))


def is_empty(url: str) -> bool:
    store = open_store(url, check=False)
    store.migrate()
    try:
        return not Catalogue(store, 0).cards
    except ValueError:  # a catalogue without networks has no widest one
        return True
    finally:
        store.close()


if __name__ == "__main__":
    main()

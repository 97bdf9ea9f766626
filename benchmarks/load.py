"""Measures whether the web server holds when more is asked of it than it can answer at once.

    python -m benchmarks.load                         # SQLite, in a temporary folder: fills 20,000 units first
    python -m benchmarks.load --database postgresql://user:password@127.0.0.1/load
    python -m benchmarks.load --seconds 10 --open-files 1024

Starts `kinetoscope web` on this machine and asks it, one phase after the other:

- readers with keep-alive, 20 and then 300, each of whom asks for the next page as soon as the last one has come;
- the 300 readers once more, with 10 writers, 500 open event streams, and clients that send headers and bodies slowly
  or read their answers slowly; meanwhile 200 people post at one moment;
- 1,100 connections that send half of a request, with one reader beside them.

It fails (exit status 1) on any answer of status 500 or more, any answer that takes longer than 5 s, a throughput at
300 readers below 80 % of that at 20, an event stream that hears nothing of the posts, or a log larger than 100 kB.
Clients and server share the machine's cores, so that figures of other machines compare only with themselves.
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
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from app.settings import Settings
from app.store.database.engine import open_store
from app.web import urls
from benchmarks.catalog.__main__ import fill
from benchmarks.catalog.pages import Catalogue, pages

FEW, MANY = 20, 300  # readers
WRITERS, BURST, STREAMS, SLOW, HALF_OPEN = 10, 200, 500, 20, 1100
SLOWEST_SECONDS = 5.0
KEPT_THROUGHPUT = 0.8
LARGEST_LOG_BYTES = 100_000
KINDS = (
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


@dataclass
class Answers:
    """Status and seconds of every answer of a phase."""

    name: str
    status: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    lasted: float = 0.0

    def add(self, status: int, seconds: float) -> None:
        self.status[status] += 1
        self.seconds.append(seconds)

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.lasted if self.lasted else 0.0

    def __str__(self) -> str:
        p95 = quantiles(self.seconds, n=20)[-1] if len(self.seconds) > 1 else 0.0
        statuses = ", ".join(f"{count} x {status}" for status, count in sorted(self.status.items()))
        return (
            f"{self.name:<40} {self.per_second:6.1f}/s  median {median(self.seconds or [0]):.2f} s  "
            f"p95 {p95:.2f} s  max {max(self.seconds, default=0):.2f} s  {statuses}"
        )

    def failures(self) -> Iterator[str]:
        errors = sum(count for status, count in self.status.items() if status >= 500)
        if errors:
            yield f"{self.name}: {errors} answers of status 500 or more"
        slow = sum(each > SLOWEST_SECONDS for each in self.seconds)
        if slow:
            yield f"{self.name}: {slow} answers took longer than {SLOWEST_SECONDS:g} s"
        if not self.seconds:
            yield f"{self.name}: no answer at all"


class Connection:
    """One HTTP/1.1 connection that is kept open; written here, because the clients must cost less than the server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, answers: Answers, path: str, body: bytes = b"") -> None:
        """Send a request and add its answer, with 599 for one that does not come."""
        started = perf_counter()
        try:
            status = await self._ask(path, body)
        except (OSError, EOFError, ValueError):
            self.close()
            status = 599
        answers.add(status, perf_counter() - started)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        return self._streams

    async def _ask(self, path: str, body: bytes) -> int:
        reader, writer = await self.open()
        writer.write(request(path, body))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        if headers.get(b"transfer-encoding") == b"chunked":
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
            await reader.readline()
        else:
            await reader.readexactly(int(headers.get(b"content-length", b"0")))
        if headers.get(b"connection") == b"close":
            self.close()
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


def request(path: str, body: bytes = b"", *, length: int | None = None) -> bytes:
    lines = [f"{'POST' if body or length else 'GET'} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept-Encoding: gzip"]
    if body or length:
        lines += ["Content-Type: application/json", f"Content-Length: {length or len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def link(number: int) -> bytes:
    return f'{{"url": "/?{number}", "title": "load {number}"}}'.encode()


class Load:
    """The clients, against a server at `port`."""

    def __init__(self, port: int, addresses: list[str], download: str, seconds: float, work: tuple[str, bytes]) -> None:
        self.port = port
        self.addresses = addresses
        self.download = download
        self.seconds = seconds
        self.work = work
        self.streams_open = 0
        self.events_heard = 0

    async def read(self, readers: int, name: str) -> Answers:
        answers = Answers(name)
        await self._timed(answers, [self._reader(answers, number) for number in range(readers)])
        return answers

    async def write(self, name: str) -> Answers:
        answers = Answers(name)
        await self._timed(answers, [self._writer(answers, number) for number in range(WRITERS)])
        return answers

    async def post_at_one_moment(self, name: str) -> Answers:
        answers = Answers(name)
        started = perf_counter()
        connections = [Connection(self.port) for _ in range(BURST)]
        await asyncio.gather(*(each.ask(answers, urls.api_links(), link(n)) for n, each in enumerate(connections)))
        answers.lasted = perf_counter() - started
        for each in connections:
            each.close()
        return answers

    async def visualize(self, name: str) -> Answers:
        """Ask for work, of which every event stream should hear; count the time until all have."""
        answers, heard, started = Answers(name), self.events_heard, perf_counter()
        connection = Connection(self.port)
        await connection.ask(answers, *self.work)
        connection.close()
        while self.events_heard - heard < STREAMS and perf_counter() - started < 2 * SLOWEST_SECONDS:
            await asyncio.sleep(0.05)
        answers.lasted = perf_counter() - started
        answers.add(200, answers.lasted)
        return answers

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[None]:
        """Event streams that are open within the block."""
        async with self._background([self._stream() for _ in range(STREAMS)]):
            for _ in range(600):
                if self.streams_open == STREAMS:
                    break
                await asyncio.sleep(0.1)
            yield

    @asynccontextmanager
    async def slow_clients(self) -> AsyncIterator[None]:
        kinds = (self._slow_headers, self._slow_body, self._slow_reader)
        async with self._background([kind() for kind in kinds for _ in range(SLOW)]):
            yield

    @asynccontextmanager
    async def half_open(self) -> AsyncIterator[None]:
        async with self._background([self._half_open() for _ in range(HALF_OPEN)]):
            yield

    @asynccontextmanager
    async def _background(self, clients: list[Awaitable[None]]) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(client) for client in clients]
        await asyncio.sleep(2)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _timed(self, answers: Answers, clients: list[Awaitable[None]]) -> None:
        started = perf_counter()
        await asyncio.gather(*clients)
        answers.lasted = perf_counter() - started

    async def _reader(self, answers: Answers, seed: int) -> None:
        chance, connection, end = random.Random(seed), Connection(self.port), perf_counter() + self.seconds
        while perf_counter() < end:
            await connection.ask(answers, chance.choice(self.addresses))
        connection.close()

    async def _writer(self, answers: Answers, number: int) -> None:
        connection, end = Connection(self.port), perf_counter() + self.seconds
        while perf_counter() < end:
            await connection.ask(answers, urls.api_links(), link(number))
            await asyncio.sleep(0.2)
        connection.close()

    async def _stream(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request(urls.api_events()))
            await reader.readuntil(b"\r\n\r\n")
            self.streams_open += 1
            while line := await reader.readline():
                self.events_heard += line.startswith(b"event: job")
        finally:
            writer.close()

    async def _half_open(self) -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
                with suppress(OSError):
                    await reader.read()
                writer.close()
            await asyncio.sleep(0.5)

    async def _slow_headers(self) -> None:
        await self._drip(request("/"))

    async def _slow_body(self) -> None:
        await self._drip(b"x" * 10_000, first=request(urls.api_links(), length=10_000))

    async def _drip(self, sent: bytes, first: bytes = b"") -> None:
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(first)
                for byte in sent:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.5)
                writer.close()

    async def _slow_reader(self) -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1000)
                writer.write(request(self.download))
                while await reader.read(1000):
                    await asyncio.sleep(0.5)
                writer.close()


async def run(load: Load) -> tuple[list[Answers], list[str]]:
    phases = [await load.read(FEW, f"{FEW} readers"), await load.read(MANY, f"{MANY} readers")]
    few, many = phases
    failures = []
    if many.per_second < KEPT_THROUGHPUT * few.per_second:
        failures.append(f"throughput at {MANY} readers is {many.per_second / few.per_second:.0%} of that at {FEW}")
    async with load.streams(), load.slow_clients():
        reading = asyncio.create_task(load.read(MANY, f"{MANY} readers, with everything else"))
        writing = asyncio.create_task(load.write(f"{WRITERS} writers"))
        await asyncio.sleep(load.seconds / 3)
        phases.append(await load.post_at_one_moment(f"{BURST} posts at one moment"))
        phases.append(await load.visualize(f"a job on {STREAMS} event streams"))
        phases += [await reading, await writing]
    async with load.half_open():
        phases.append(await load.read(1, f"1 reader, {HALF_OPEN} half-open connections"))
    return phases, [*failures, *(failure for phase in phases for failure in phase.failures())]


def draw_addresses(url: str) -> tuple[list[str], str, tuple[str, bytes]]:
    """Addresses to read, that of a large download, and a request for work."""
    store = open_store(url)
    catalogue = Catalogue(store, 0)
    found = [draw() for name, draw in pages(catalogue) if name in KINDS for _ in range(20)]
    card = catalogue.cards[0]
    seed = random.Random().randrange(2**31)  # asked for by no run before
    body = f'{{"network": "{card.slug}", "layer": "{card.layers[0].name}", "units": [0], "recipe": {{"seed": {seed}}}}}'
    store.close()
    return found, urls.api_lines(card.slug), ("/api/visualizations", body.encode())


@contextmanager
def serving(url: str, home: Path, open_files: int) -> Iterator[int]:
    """Start a server, whose log goes to a file in `home`; give its port."""
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
        if log_bytes > LARGEST_LOG_BYTES:
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

"""The clients of benchmarks/load.py: readers, writers, event streams, slow clients and half-open connections."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter

from app.web import api_urls

WRITERS, POSTS_AT_ONCE, EVENT_STREAMS, HALF_OPEN_CONNECTIONS = 10, 200, 500, 1100
SLOW_CLIENTS = 20  # of each kind: slow headers, slow bodies, slow reading
MAX_ANSWER_SECONDS = 5.0


@dataclass
class Answers:
    """The status and the seconds of every answer of a phase."""

    name: str
    status: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    duration: float = 0.0  # seconds

    def add(self, status: int, seconds: float) -> None:
        self.status[status] += 1
        self.seconds.append(seconds)

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.duration if self.duration else 0.0

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
        slow = sum(each > MAX_ANSWER_SECONDS for each in self.seconds)
        if slow:
            yield f"{self.name}: {slow} answers took longer than {MAX_ANSWER_SECONDS:g} s"
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
    """The clients of a server at `port`. `work` is a request (address, body) that makes a job."""

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
        connections = [Connection(self.port) for _ in range(POSTS_AT_ONCE)]
        await asyncio.gather(*(each.ask(answers, api_urls.links(), link(n)) for n, each in enumerate(connections)))
        answers.duration = perf_counter() - started
        for each in connections:
            each.close()
        return answers

    async def visualize(self, name: str) -> Answers:
        """Ask for work, which every event stream should report; measure the time until all have."""
        answers, events_before, started = Answers(name), self.events_heard, perf_counter()
        connection = Connection(self.port)
        await connection.ask(answers, *self.work)
        connection.close()
        while self.events_heard - events_before < EVENT_STREAMS and perf_counter() - started < 2 * MAX_ANSWER_SECONDS:
            await asyncio.sleep(0.05)
        answers.duration = perf_counter() - started
        answers.add(200, answers.duration)
        return answers

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[None]:
        """Keep event streams open within the block."""
        async with self._background([self._stream() for _ in range(EVENT_STREAMS)]):
            for _ in range(600):
                if self.streams_open == EVENT_STREAMS:
                    break
                await asyncio.sleep(0.1)
            yield

    @asynccontextmanager
    async def slow_clients(self) -> AsyncIterator[None]:
        kinds = (self._slow_headers, self._slow_body, self._slow_reader)
        async with self._background([kind() for kind in kinds for _ in range(SLOW_CLIENTS)]):
            yield

    @asynccontextmanager
    async def half_open(self) -> AsyncIterator[None]:
        async with self._background([self._half_open() for _ in range(HALF_OPEN_CONNECTIONS)]):
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
        answers.duration = perf_counter() - started

    async def _reader(self, answers: Answers, seed: int) -> None:
        chance, connection, end = random.Random(seed), Connection(self.port), perf_counter() + self.seconds
        while perf_counter() < end:
            await connection.ask(answers, chance.choice(self.addresses))
        connection.close()

    async def _writer(self, answers: Answers, number: int) -> None:
        connection, end = Connection(self.port), perf_counter() + self.seconds
        while perf_counter() < end:
            await connection.ask(answers, api_urls.links(), link(number))
            await asyncio.sleep(0.2)
        connection.close()

    async def _stream(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request(api_urls.events()))
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
        await self._drip(b"x" * 10_000, first=request(api_urls.links(), length=10_000))

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

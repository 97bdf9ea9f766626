"""The server's connections, with a real server: clients that send slowly, read slowly, or are too many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import uvicorn
from starlette.types import Receive, Scope, Send

from app.web.serving.connections import Connection

REQUEST = b"GET /%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LARGE = 10_000_000  # more than the system keeps for a client that does not read


class StallsSoon(Connection):
    stalled_seconds = 0.2


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    body = b"x" * LARGE if scope["path"] == "/large" else b"small"
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class Client:
    """A client with one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, path: bytes = b"") -> bytes:
        """Return the status line and headers of an answer."""
        self.writer.write(REQUEST % path)
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)

    async def rest(self) -> bytes:
        """Return what comes until the server closes the connection."""
        received = b""
        with suppress(ConnectionError):
            while some := await asyncio.wait_for(self.reader.read(2**16), 5):
                received += some
        return received

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Server:
    def __init__(self, port: int, clients: AsyncExitStack) -> None:
        self.port = port
        self._clients = clients

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1000))
        self._clients.push_async_callback(client.close)
        await asyncio.sleep(0.01)  # until the server has seen it
        return client


@asynccontextmanager
async def serving(limit: int = 100, keep_alive: float = 60.0) -> AsyncIterator[Server]:
    config = uvicorn.Config(
        application,
        port=0,
        http=StallsSoon,
        ws="none",
        lifespan="off",
        log_config=None,
        limit_concurrency=limit,
        timeout_keep_alive=keep_alive,  # type: ignore[arg-type]  # it takes fractions too
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    async with AsyncExitStack() as clients:
        yield Server(server.servers[0].sockets[0].getsockname()[1], clients)
    await server.shutdown()


def test_headers_that_do_not_come_end_the_connection() -> None:
    async def check() -> None:
        async with serving(keep_alive=0.2) as server:
            silent, half = await server.connect(), await server.connect()
            half.writer.write(b"GET / HTTP/1.1\r\n")
            assert await silent.rest() == await half.rest() == b""

    asyncio.run(check())


def test_headers_that_come_byte_by_byte_end_the_connection() -> None:
    async def check() -> None:
        async with serving(keep_alive=0.3) as server:
            client = await server.connect()
            assert b"200 OK" in await client.ask()
            ended = asyncio.create_task(client.rest())
            for byte in b"GET / HTTP/1.1\r\nX: " + b"y" * 100:
                if ended.done():
                    break
                client.writer.write(bytes([byte]))
                await asyncio.sleep(0.02)
            assert ended.done()
            assert await ended == b"small"

    asyncio.run(check())


def test_an_answer_may_take_longer_than_headers() -> None:
    async def check() -> None:
        async with serving(keep_alive=0.2) as server:
            assert b"200 OK" in await (await server.connect()).ask(b"slow")

    asyncio.run(check())


def test_the_connection_that_idles_longest_makes_room() -> None:
    async def check() -> None:
        async with serving(limit=4) as server:
            first, second = await server.connect(), await server.connect()
            assert b"200 OK" in await first.ask()  # now the other one has been idle for longer
            third, fourth = await server.connect(), await server.connect()
            assert await second.rest() == b""
            assert b"200 OK" in await fourth.ask()
            assert b"200 OK" in await third.ask()

    asyncio.run(check())


def test_where_all_connections_are_in_use_a_new_one_is_refused() -> None:
    async def check() -> None:
        async with serving(limit=3) as server:
            in_use = [asyncio.create_task((await server.connect()).ask(b"slow")) for _ in range(2)]
            assert b"503" in await (await server.connect()).ask()
            assert all(b"200 OK" in answer for answer in await asyncio.gather(*in_use))

    asyncio.run(check())


def test_a_client_that_reads_nothing_is_cut_off() -> None:
    async def check() -> None:
        async with serving() as server:
            client = await server.connect()
            await client.ask(b"large")
            await asyncio.sleep(1)
            assert len(await client.rest()) < LARGE

    asyncio.run(check())

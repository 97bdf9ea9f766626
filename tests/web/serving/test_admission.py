"""Requests wait in line without a thread, so that those that hold a connection can go on."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, QueuePool, event

from app.store.database.engine import Store, open_store
from app.store.database.session import Session
from app.web.http_errors import Busy
from app.web.serving.admission import MAX_READERS, MAX_WRITERS, Admission, WaitingLine
from tests.web.conftest import ORIGIN

LINK = {"url": "/", "title": "t"}
STANDSTILL_SECONDS = 20  # less than any timeout of the database, which would end a standstill too


@asynccontextmanager
async def program(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client


async def statuses(*requests: Coroutine[Any, Any, httpx2.Response]) -> list[int]:
    async with asyncio.timeout(STANDSTILL_SECONDS):
        return [answer.status_code for answer in await asyncio.gather(*requests)]


@pytest.mark.usefixtures("network")
def test_requests_go_on_where_there_are_more_of_them_than_threads(app: FastAPI) -> None:
    async def check() -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 2
        async with program(app) as client:
            writing = [client.post("/api/links", json=LINK) for _ in range(12)]
            reading = [client.get(address) for address in ("/", "/tiny/-/units", "/api/jobs") for _ in range(6)]
            outside = [client.get(address) for address in ("/api/health", "/api/networks/tiny/units.jsonl")]
            assert set(await statuses(*writing, *reading, *outside)) == {200}

    asyncio.run(check())


@pytest.mark.usefixtures("network")
def test_no_more_connections_are_taken_than_there_are_places(app: FastAPI, store: Store) -> None:
    taken: set[int] = set()
    most = 0

    @event.listens_for(store.engine, "checkout")
    def take(connection: Any, record: Any, proxy: Any) -> None:
        nonlocal most
        taken.add(id(record))
        most = max(most, len(taken))

    @event.listens_for(store.engine, "checkin")
    def give_back(connection: Any, record: Any) -> None:
        taken.discard(id(record))

    async def check() -> None:
        async with program(app) as client:
            app.state.admission = Admission(WaitingLine(2), WaitingLine(1))
            writing = [client.post("/api/links", json=LINK) for _ in range(10)]
            reading = [client.get("/tiny/-/units") for _ in range(20)]
            assert set(await statuses(*writing, *reading)) == {200}

    asyncio.run(check())
    assert 1 <= most <= 3
    assert not taken


def pool_of(session: Session) -> QueuePool:
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    assert isinstance(engine.pool, QueuePool)
    return engine.pool


def test_there_are_more_connections_than_places(database_url: str) -> None:
    store = open_store(database_url)
    with store.session() as reading, store.transaction() as writing:
        pools = [pool_of(session) for session in (reading, writing)]
        sizes = [pool.size() + pool._max_overflow for pool in pools]
    store.close()
    needed = [MAX_READERS[store.dialect], MAX_WRITERS[store.dialect]]
    if pools[0] is pools[1]:
        assert sum(needed) < sizes[0]
    else:
        assert all(places < size for places, size in zip(needed, sizes, strict=True))


@pytest.mark.usefixtures("network")
def test_a_full_line_is_said_at_once(app: FastAPI) -> None:
    async def check() -> None:
        async with program(app) as client:
            line = WaitingLine(1, max_waiting=0)
            app.state.admission = Admission(line, line)
            async with line.slot():
                for answer in (await client.get("/tiny"), await client.post("/api/links", json=LINK)):
                    assert (answer.status_code, answer.json()["error"]) == (503, "busy")
                    assert answer.headers["retry-after"] == str(answer.json()["retry_after"]) == "2"
                assert (await client.get("/api/health")).status_code == 200
                assert (await client.get("/-/assets/none.js")).status_code == 404
            assert (await client.get("/tiny")).status_code == 200

    asyncio.run(check())


def test_whoever_waits_too_long_is_sent_away() -> None:
    async def check() -> None:
        line = WaitingLine(1, max_wait_seconds=0.01)
        async with line.slot():
            with pytest.raises(Busy):
                async with line.slot():
                    pytest.fail("two in one slot")
        async with line.slot():
            pass

    asyncio.run(check())


def test_places_are_given_in_the_order_of_coming() -> None:
    served: list[int] = []

    async def serve(line: WaitingLine, number: int) -> None:
        async with line.slot():
            served.append(number)
            await asyncio.sleep(0)

    async def check() -> None:
        line = WaitingLine(2)
        await asyncio.gather(*(serve(line, number) for number in range(9)))

    asyncio.run(check())
    assert served == list(range(9))

"""The stream of changes, partly with a real server: its answer never ends, so a client must be able to disconnect."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.contract.job import Job, Progress
from app.contract.network import NetworkCard
from app.store.database.engine import Store
from app.store.jobs import leases, requests
from app.web.events import Events, Subscription
from app.web.http_errors import Busy
from tests.support import claim, enqueue, finish

SERVE = """
import uvicorn
from app.settings import Settings
from app.web.main import create_app
settings = Settings()
uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_level="warning")
"""


@dataclass
class Server:
    address: str
    process: subprocess.Popen[bytes]

    @contextmanager
    def listen(self, query: str = "") -> Iterator[Iterator[dict[str, Any]]]:
        """Yield the data of each event, as it comes."""
        with httpx2.stream("GET", f"{self.address}/api/events{query}", timeout=10) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert "content-encoding" not in answer.headers
            yield (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))


@pytest.fixture
def server(network: NetworkCard, sqlite_url: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "KINETOSCOPE_DATABASE_URL": sqlite_url, "KINETOSCOPE_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment)
    server = Server(f"http://127.0.0.1:{port}", process)
    try:
        wait_for(server)
        yield server
    finally:
        process.kill()
        process.wait()


def wait_for(server: Server) -> None:
    for _ in range(1200):
        try:
            httpx2.get(f"{server.address}/api/health").raise_for_status()
            return
        except httpx2.TransportError:
            assert server.process.poll() is None, "the server ended at its start"
            time.sleep(0.05)
    pytest.fail("the server did not answer in a minute")


def test_a_reader_sees_a_job_from_click_to_result(server: Server, store: Store) -> None:
    [waiting] = enqueue(store, 3)
    with server.listen("?network=tiny") as events:
        first = next(events)
        assert (first["id"], first["state"]) == (waiting.id, "queued")
        assert first["href"] == f"/api/jobs/{waiting.id}"

        [running] = claim(store)
        assert next(events)["state"] == "running"

        with store.transaction() as session:
            leases.renew_lease(
                session,
                worker="w1",
                jobs=[running.id],
                lease=timedelta(seconds=9),
                progress={running.id: Progress(step=4, steps=72, trace=(0.5,))},
            )
        assert next(events)["progress"]["step"] == 4

        result = finish(store, running)
        last = next(events)
        assert (last["state"], last["result"]) == ("done", f"/api/visualizations/{result}")


def test_a_reader_of_one_job_hears_of_no_other(server: Server, store: Store) -> None:
    other, wanted = enqueue(store, 0, 1)
    with store.transaction() as session:
        requests.cancel(session, job_id=wanted.id)
    with server.listen(f"?job={wanted.id}") as events:
        assert next(events)["state"] == "cancelled"  # a finished job too: its page may come late
        with store.transaction() as session:
            requests.cancel(session, job_id=other.id)
            requests.retry(session, job_id=wanted.id)
        heard = next(events)
        assert (heard["id"], heard["state"]) == (wanted.id, "queued")


def test_the_server_stops_at_once_with_streams_open(server: Server, store: Store) -> None:
    enqueue(store, 0)
    with server.listen() as events:
        next(events)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert list(events) == []  # the stream ends, unbroken
    server.process.wait(timeout=10)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("query", "status"), [("?job=99", 404), ("?network=none", 404), ("?job=x", 422)])
def test_a_wrong_filter_is_an_error_before_the_stream(client: Any, query: str, status: int) -> None:
    answer = client.get(f"/api/events{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"


async def read(subscription: Subscription, count: int) -> list[Job]:
    jobs: list[Job] = []
    async for job in subscription.jobs():
        jobs.append(job)
        if len(jobs) == count:
            break
    return jobs


def test_a_slow_reader_gets_the_newest_state_of_each_job(store: Store, network: NetworkCard) -> None:
    first, second = enqueue(store, 0, 1)

    async def check() -> None:
        subscription = Subscription()
        for revision in range(5):
            subscription.offer(first.model_copy(update={"revision": revision}))
        subscription.offer(second)
        subscription.offer(first.model_copy(update={"revision": 2}))  # a late look at an older state
        jobs = await asyncio.wait_for(read(subscription, 2), 5)
        assert [(job.id, job.revision) for job in jobs] == [(first.id, 4), (second.id, second.revision)]
        subscription.offer(first.model_copy(update={"revision": 4}))  # nothing new
        subscription.offer(second.model_copy(update={"revision": 9}))
        [newer] = await asyncio.wait_for(read(subscription, 1), 5)
        assert (newer.id, newer.revision) == (second.id, 9)

    asyncio.run(check())


def test_a_reader_that_never_reads_holds_a_bounded_backlog(store: Store, network: NetworkCard) -> None:
    first, second, third = enqueue(store, 0, 1, 2)

    async def check() -> None:
        subscription = Subscription(max_pending=2)
        for job in (first, second, third):
            subscription.offer(job)
        jobs = await asyncio.wait_for(read(subscription, 2), 5)
        assert [job.id for job in jobs] == [second.id, third.id]

    asyncio.run(check())


def test_nobody_listens_and_nobody_looks(store: Store, network: NetworkCard) -> None:
    class Counting(Events):
        looks = 0

        def _changes(self) -> list[Job]:
            self.looks += 1
            return super()._changes()

    async def check() -> None:
        events = Counting(store, poll_seconds=0.01)
        async with events.running():
            await asyncio.sleep(0.1)
            assert events.looks == 0
            with events.subscribe() as subscription:
                [job] = await asyncio.to_thread(enqueue, store, 0)
                assert [changed.id for changed in await asyncio.wait_for(read(subscription, 1), 5)] == [job.id]
            await asyncio.sleep(0.1)
            looks = events.looks
            await asyncio.sleep(0.1)
            assert events.looks == looks

    asyncio.run(check())


def test_a_change_is_told_once(store: Store, network: NetworkCard) -> None:
    async def check() -> None:
        events = Events(store, poll_seconds=0.01)
        async with events.running():
            with events.subscribe() as subscription:
                await asyncio.to_thread(enqueue, store, 0)
                await asyncio.wait_for(read(subscription, 1), 5)
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(read(subscription, 1), 0.3)

    asyncio.run(check())


def test_events_go_on_after_the_database_was_away(
    store: Store, network: NetworkCard, caplog: pytest.LogCaptureFixture
) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE previews RENAME TO gone")

    async def check() -> None:
        events = Events(store, poll_seconds=0.01, retry_seconds=0.05)
        async with events.running():
            with events.subscribe() as subscription:
                await asyncio.sleep(0.2)
                with store.engine.begin() as connection:
                    connection.exec_driver_sql("ALTER TABLE gone RENAME TO previews")
                await asyncio.to_thread(enqueue, store, 0)
                await asyncio.wait_for(read(subscription, 1), 5)

    asyncio.run(check())
    assert "Events wait for the database" in caplog.text


def test_the_number_of_readers_is_bounded(store: Store) -> None:
    async def check() -> None:
        events = Events(store, max_subscriptions=1)
        with events.subscribe(), pytest.raises(Busy), events.subscribe():
            pytest.fail("two readers")
        with events.subscribe():
            pass

    asyncio.run(check())

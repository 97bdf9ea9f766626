"""Ask the application for pages, in this process, and measure the time of each: see __main__.py."""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.console import Console
from rich.table import Table

from app.settings import Settings
from app.store.database.engine import open_store
from app.web.main import create_app
from app.web.requests.visitor import OWNER_COOKIE
from benchmarks.catalog.pages import Catalogue, pages

BUDGET_MS = 60.0  # of a page, at the quiet 95th percentile
WARM_UP_REQUESTS = 2  # of each kind, which are not counted
MAX_SECONDS_PER_KIND = 60  # after which the remaining requests of a kind are left out
OWNER = f"{7:032x}"

App = Callable[..., Any]


async def fetch(app: App, address: str) -> tuple[int, float, float, int]:
    """Return the status, the milliseconds, the milliseconds of CPU time and the bytes of an answer.

    Of a download, which is sent in chunks, both times end with the first chunk: the rest takes as long as the client's
    connection does.
    """
    split = urlsplit(address)
    headers = {
        "host": "127.0.0.1:8000",
        "accept-encoding": "gzip",
        "accept": "text/html",
        "cookie": f"{OWNER_COOKIE}={OWNER}",
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(split.path),
        "raw_path": split.path.encode(),
        "root_path": "",
        "query_string": split.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    status, size, asked = 0, 0, False
    first: tuple[float, float] | None = None

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, size, first
        status = message.get("status", status)
        size += len(message.get("body", b""))
        if size and first is None:
            first = perf_counter(), process_time()

    started, started_cpu = perf_counter(), process_time()
    await app(scope, receive, send)
    ended, ended_cpu = first or (perf_counter(), process_time())
    return status, 1e3 * (ended - started), 1e3 * (ended_cpu - started_cpu), size


async def _measure(url: str, requests: int, rounds: int, only: str, seed: int, warm_up: int) -> list[dict[str, Any]]:
    settings = Settings(database_url=url)
    store = open_store(settings.sqlalchemy_url)
    app = create_app(settings, store)
    results = []
    async with app.router.lifespan_context(app):
        for name, draw in pages(Catalogue(store, seed)):
            if only in name:
                addresses = [await asyncio.to_thread(draw) for _ in range(warm_up + requests)]
                results.append({"page": name, **await _measure_kind(app, name, addresses, rounds, warm_up)})
                print(
                    f"{name}: {results[-1]['p95']:.1f}, quiet {results[-1]['quiet95']:.1f}", file=sys.stderr, flush=True
                )
    store.close()
    return results


async def _measure_kind(app: App, name: str, addresses: list[str], rounds: int, warm_up: int) -> dict[str, float]:
    started = perf_counter()
    milliseconds_by_address: dict[int, list[float]] = {}
    cpu_by_address: dict[int, list[float]] = {}
    sizes = []
    for _ in range(rounds):
        for number, address in enumerate(addresses):
            if perf_counter() - started > MAX_SECONDS_PER_KIND and len(milliseconds_by_address) > 1:
                break
            status, milliseconds, cpu_milliseconds, size = await fetch(app, address)
            if status != 200 and not (name.startswith("no such") and status == 404):
                raise SystemExit(f"{status} from {address}")
            if number >= warm_up:
                milliseconds_by_address.setdefault(number, []).append(milliseconds)
                cpu_by_address.setdefault(number, []).append(cpu_milliseconds)
                sizes.append(size)
    return {
        **figures([each for times in milliseconds_by_address.values() for each in times]),
        "quiet95": p95([min(times) for times in milliseconds_by_address.values()]),
        "cpu95": p95([min(times) for times in cpu_by_address.values()]),
        "kilobytes": median(sizes) / 1e3,
    }


def figures(milliseconds: list[float]) -> dict[str, float]:
    return {
        "p50": median(milliseconds),
        "p95": p95(milliseconds),
        "max": max(milliseconds),
        "over": sum(each > BUDGET_MS for each in milliseconds) / len(milliseconds),
    }


def p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def measure(
    url: str, requests: int, rounds: int, only: str, file: str, seed: int, warm_up: int = WARM_UP_REQUESTS
) -> None:
    """Measure the kinds of page whose name contains `only`, print a table, and write the figures to `file`."""
    results = asyncio.run(_measure(url, requests, rounds, only, seed, warm_up))
    table = Table(
        "page",
        "p50 ms",
        "p95 ms",
        "max ms",
        "CPU p95",
        f"over {BUDGET_MS:g} ms",
        "kB",
        title=f"{requests} requests each",
    )
    for each in results:
        words = [f"{each[name]:.1f}" for name in ("p50", "p95", "max", "quiet95", "cpu95")]
        table.add_row(each["page"], *words, f"{each['over']:.0%}", f"{each['kilobytes']:.1f}")
    Console(width=110).print(table)
    slow = [each["page"] for each in results if each["quiet95"] > BUDGET_MS]
    within = f"{len(results) - len(slow)} of {len(results)} kinds within {BUDGET_MS:g} ms at the quiet 95th percentile"
    print(f"{platform.machine()}, {os.cpu_count()} cores: {within}")
    if file:
        Path(file).write_text(json.dumps(results, indent=1))

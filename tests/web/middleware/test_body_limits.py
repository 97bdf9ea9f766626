"""Bodies that arrive too slowly. Those that are too large are in test_security.py."""

import asyncio

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from app.settings import Settings
from app.web.middleware.body_limits import BodyLimits

SCOPE = {"type": "http", "method": "POST", "path": "/api/links", "headers": []}


async def read_body(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "test", "body": await Request(scope, receive).body()})
    await send(await receive())


async def sent_slowly(pieces: int, seconds: float, *, min_bytes_per_second: float) -> list[Message]:
    left = pieces
    answered: list[Message] = []

    async def receive() -> Message:
        nonlocal left
        if not left:
            return {"type": "http.disconnect"}
        await asyncio.sleep(seconds)
        left -= 1
        return {"type": "http.request", "body": b"x" * 100, "more_body": left > 0}

    async def send(message: Message) -> None:
        answered.append(message)

    limits = BodyLimits(read_body, Settings(), grace_seconds=0.1, min_bytes_per_second=min_bytes_per_second)
    await limits(SCOPE, receive, send)
    return answered


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    with pytest.raises(HTTPException) as caught:
        asyncio.run(sent_slowly(20, 0.02, min_bytes_per_second=100_000))
    assert caught.value.status_code == 408


def test_a_large_body_has_longer() -> None:
    whole, gone = asyncio.run(sent_slowly(20, 0.02, min_bytes_per_second=1000))
    assert len(whole["body"]) == 2000
    assert gone == {"type": "http.disconnect"}


def test_the_refusal_says_so_and_ends_the_connection(app: FastAPI, client: TestClient) -> None:
    def slow() -> None:
        raise HTTPException(408, headers={"Connection": "close"})

    app.add_api_route("/api/slow", slow)
    app.router.routes.insert(0, app.router.routes.pop())
    answer = client.get("/api/slow")
    assert (answer.status_code, answer.json()["error"]) == (408, "request_timeout")
    assert answer.headers["connection"] == "close"

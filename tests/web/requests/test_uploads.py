"""Uploads that arrive together: they are on disk and not in memory, and there is room for so many bytes of them."""

import asyncio
import errno
import os
import tracemalloc
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.types import Message

from app.contract.errors import DiskFull
from app.contract.network import NetworkCard
from app.settings import Settings
from app.store.database.engine import Store
from app.web.main import create_app
from app.web.requests.uploads import disk_errors_told

HEAD = b"\x00\x00\x00\x18ftypisom"
CHUNK = bytes(1_000_000)
CHUNKS = 8  # of one upload


class Upload:
    """An upload of 8 MB, whose last byte is sent when `finish` is set."""

    def __init__(self, app: FastAPI, number: int, *, is_form: bool) -> None:
        self.finish = asyncio.Event()
        self.has_sent_most = asyncio.Event()
        self.status = 0
        self._parts = [HEAD + bytes([number])] + [CHUNK] * CHUNKS
        kind = b"video/mp4"
        if is_form:
            kind = b"multipart/form-data; boundary=x"
            field = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s'
            network = field % (b"network", b"", b"tiny\r\n")
            self._parts[0] = network + field % (b"file", b'; filename="a.mp4"', self._parts[0])
            self._parts.append(b"\r\n--x--\r\n")
        size = sum(map(len, self._parts))
        headers = [(b"host", b"localhost"), (b"content-type", kind), (b"content-length", str(size).encode())]
        scope: dict[str, object] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": "POST",
        }
        scope |= {"path": "/api/clips", "raw_path": b"/api/clips", "query_string": b"" if is_form else b"network=tiny"}
        scope |= {"headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "root_path": ""}
        self.answered = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if len(self._parts) == 1:
            self.has_sent_most.set()
            await self.finish.wait()
        return {"type": "http.request", "body": self._parts.pop(0), "more_body": bool(self._parts)}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]


def test_many_uploads_at_once_need_little_memory_and_are_bounded(
    tmp_path: Path, store: Store, network: NetworkCard
) -> None:
    app = create_app(Settings(home=tmp_path, host="127.0.0.1", public_url="", upload_limit=39_000_000), store)

    async def check() -> None:
        async with app.router.lifespan_context(app):
            uploads = [Upload(app, number, is_form=number % 2 == 0) for number in range(4)]
            await asyncio.gather(*(each.has_sent_most.wait() for each in uploads))
            held, _ = tracemalloc.get_traced_memory()
            assert held < 8_000_000  # of 32 MB
            refused = Upload(app, 4, is_form=False)
            await refused.answered
            assert refused.status == 429
            for each in uploads:
                each.finish.set()
                await each.answered
            assert [each.status for each in uploads] == [202] * 4

    tracemalloc.start()
    try:
        asyncio.run(check())
    finally:
        tracemalloc.stop()


def test_a_full_disk_is_told() -> None:
    with pytest.raises(DiskFull), disk_errors_told():
        os.write(os.open("/dev/full", os.O_WRONLY), b"x")
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)), disk_errors_told():
        os.open("/nowhere", os.O_RDONLY)

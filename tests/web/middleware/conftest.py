"""Applications that keep people apart: with a token, with owners of jobs, and with limits."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.contract.network import NetworkCard
from app.settings import Settings
from app.store.database.engine import Store
from app.web.main import create_app
from tests.web.conftest import ORIGIN

TOKEN, ADMIN_TOKEN = "let me in, please", "I am the administrator"
ASK = {"network": "tiny", "layer": "class", "units": [0]}
FORM = {"network": "tiny", "layer": "class", "units": "1"}
VIDEO = b"\x00\x00\x00\x18ftypisom" + bytes(400)
PAGE = {"Accept": "text/html", "Origin": ORIGIN}
Serve = Callable[..., Callable[..., TestClient]]


@pytest.fixture
def serve(tmp_path: Path, store: Store, network: NetworkCard) -> Iterator[Serve]:
    """Return a function that starts an application, and returns one that makes clients of it: each another browser."""
    with ExitStack() as stack:

        def start(**fields: Any) -> Callable[..., TestClient]:
            app = create_app(Settings(home=tmp_path, **{"public_url": "", "host": "127.0.0.1", **fields}), store)
            stack.enter_context(TestClient(app))  # its lifespan

            def client(address: str = "127.0.0.1", **headers: str) -> TestClient:
                return TestClient(
                    app,
                    base_url=ORIGIN,
                    headers=headers,
                    client=(address, 50000),
                    follow_redirects=False,
                    raise_server_exceptions=False,
                )

            return client

        yield start

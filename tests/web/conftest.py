"""The whole application on a real database with two networks and a few results."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.contract.network import Extent, Layer, NetworkCard, Stream, StreamName
from app.contract.result import Visualization
from app.settings import Settings
from app.store.database.engine import Store, open_store
from app.store.results import visualizations
from app.web.main import create_app
from tests.support import add_card, claim, enqueue, finish, two_stream_card

ORIGIN = "http://127.0.0.1:8000"


def clip_card(slug: str = "clips") -> NetworkCard:
    """Return a 3D network, with layer names as real ones have them."""
    layers = (("Conv3d_1a_7x7", 4), ("Mixed_4f", 70), ("class", 3))
    return NetworkCard(
        slug=slug,
        title="A clip network",
        family="i3d",
        checksum=hashlib.sha256(slug.encode()).hexdigest(),
        streams=(Stream(name=StreamName.CLIP, frames=8, height=32, width=32),),
        layers=tuple(
            Layer(
                index=index,
                name=name,
                stream="clip",
                units=units,
                map=Extent(frames=4, height=8, width=8),
                receptive_field=Extent(frames=7, height=15, width=15),
            )
            for index, (name, units) in enumerate(layers)
        ),
        classes=("juggling soccer ball", "petting animal (not cat)", "massaging person's head"),
        parameters=99,
        stimulus=Extent(frames=8, height=32, width=32),
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, public_url="", host="127.0.0.1", body_limit=10_000, queue_limit=100)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture
def network(store: Store) -> NetworkCard:
    """Return the card of `tiny`, a two-stream network. The network `clips` is registered too."""
    card = two_stream_card()
    add_card(store, card)
    add_card(store, clip_card())
    return card


@pytest.fixture
def visualization(store: Store, network: NetworkCard) -> Visualization:
    """Return a finished result of the class unit 2 of `tiny`, with the default recipe."""
    [job] = enqueue(store, 2)
    [claimed] = claim(store)
    assert claimed.id == job.id
    result = finish(store, claimed)
    assert result is not None
    with store.session() as session:
        return visualizations.get_visualization(session, visualization_id=result)


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


@pytest.fixture
def client(app: FastAPI, network: NetworkCard) -> Iterator[TestClient]:
    """Return a client that asks as a program does. An exception in the application is an answer with status 500."""
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield client

"""Every figure of the paper has its place on the default network: the addresses of docs/paper-figures.md answer."""

import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from fastapi.testclient import TestClient

from app.settings import ROOT, Settings
from app.store.database.engine import open_store
from app.web.main import create_app
from tests.evidence_support import add_dataset, survey
from tests.support import add_card
from tests.web.conftest import ORIGIN
from worker.networks.load import describe_network
from worker.shipped.paths import WEIGHTS_FOLDER
from worker.shipped.training import find_trained_network

ADDRESSES = sorted(set(re.findall(r"`(/mocap[^`]*)`", (ROOT / "docs" / "paper-figures.md").read_text())))


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[TestClient]:
    """The default network as it is, with a made-up survey."""
    home = tmp_path_factory.mktemp("figures")
    copyfile(migrated_sqlite, home / "kinetoscope.db")
    store = open_store(f"sqlite:///{home / 'kinetoscope.db'}")
    shipped = find_trained_network("default")
    card = describe_network(
        family=shipped.family, weights=WEIGHTS_FOLDER / shipped.weights, slug="mocap", title="Mocap"
    )
    add_card(store, card)
    add_dataset(store)
    survey(store, network="mocap")
    app = create_app(Settings(home=home), store)
    with TestClient(app, base_url=ORIGIN, headers={"Accept": "text/html"}) as visitor:
        yield visitor
    store.close()


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_of_a_figure_answers(visitor: TestClient, address: str) -> None:
    assert visitor.get(address).status_code == 200


def test_each_kind_of_figure_has_an_address() -> None:
    assert len(ADDRESSES) >= 8

"""Results of a bundle are those that its recipes give: three of them are made anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bundles.bring_in import import_bundle, open_verified
from app.bundles.choice import Choice
from app.bundles.export import export_bundle
from app.contract.result import MediaRole
from app.settings import settings
from app.store.catalog import networks
from app.store.catalog.units import get_unit
from app.store.database.engine import Store, open_store
from app.store.results import visualizations
from tests.worker.conftest import Invoke
from tests.worker.pictures_anew import make_anew, pixels
from worker.networks.network import Network
from worker.render.complete import DRAWN_ROLES
from worker.tasks.complete_imports import complete_imported

PICTURES = (MediaRole.POSTER, MediaRole.APPEARANCE, MediaRole.FLOW, MediaRole.LOOP)


@pytest.fixture
def store(invoke: Invoke, tiny_two_stream_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return a database with three results that a worker made."""
    monkeypatch.setenv("KINETOSCOPE_PRECISION", "fp32")  # by default, whatever is faster on the machine
    settings.cache_clear()
    invoke("networks", "add", "tiny_two_stream", "--weights", tiny_two_stream_weights, "--slug", "tiny")
    invoke("visualize", "tiny", "class", "0", "1", "2", "--set", "steps=6")
    store = open_store(settings().sqlalchemy_url)
    yield store
    store.close()


def test_three_pictures_of_a_bundle_are_made_anew(store: Store, tiny_two_stream: Network, tmp_path: Path) -> None:
    path = tmp_path / "three.bundle"
    export_bundle(store, path, Choice())
    with store.session() as session:
        cards = networks.list_cards(session)
    with open_verified(path, cards) as bundle:
        [network] = bundle.networks
        for (result, _), anew in zip(
            network.results, make_anew(bundle, network, tiny_two_stream, network.results), strict=True
        ):
            made = {medium.role: medium for medium in bundle.media(result)}
            assert made.keys() == anew.keys() >= {*PICTURES, MediaRole.RAW}
            for role in PICTURES:
                assert (pixels(made[role]) == pixels(anew[role])).all(), role
            assert made[MediaRole.RAW].data == anew[MediaRole.RAW].data


def test_results_without_animations_get_them(store: Store, tiny_two_stream_weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.bundle"
    export_bundle(store, path, Choice(left_out_media=frozenset({MediaRole.RAW, *DRAWN_ROLES})))
    with store.session() as session:
        [card] = networks.list_cards(session)
        before = get_unit(session, card=card, layer="class", unit=1)
    with store.transaction() as session:
        networks.remove_network(session, slug="tiny")
        networks.add_network(session, card=card, weights=[tiny_two_stream_weights.read_bytes()])
    import_bundle(store, path)
    assert complete_imported(store) == 3
    assert complete_imported(store) == 0
    with store.session() as session:
        [result] = visualizations.visualizations_of_unit(session, card=card, layer="class", unit=1)
        after = get_unit(session, card=card, layer="class", unit=1)
    assert {ref.role for ref in result.media} == {*PICTURES, *DRAWN_ROLES}
    loop = result.medium(MediaRole.LOOP)
    assert loop is not None
    assert (after.poster, after.loop) == (before.poster, loop.sha256)

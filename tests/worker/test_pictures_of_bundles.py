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
from tests.worker.pictures_anew import make_anew, mean_difference, pixels
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.render.complete import DRAWN_ROLES
from worker.shipped.first_start import SHIPPED_NETWORKS
from worker.shipped.paths import BUNDLE, WEIGHTS_FOLDER
from worker.shipped.training import find_trained_network
from worker.tasks.complete_imports import complete_imported

# Mean difference in 255ths of a picture that was made with other threads or in another batch, as on another machine.
# Two classes of the default network in fp32: 3.7 at most, of loops 4.5, of flow 0.34. (Between fp32 and bf16: up to 17
# and 1.6.) Two pictures of different classes (20 pairs): 12.7 at least, of flow 1.3.
MAX_DIFFERENCE = {MediaRole.POSTER: 7.0, MediaRole.APPEARANCE: 7.0, MediaRole.LOOP: 8.0, MediaRole.FLOW: 0.7}
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


@pytest.mark.slow
@pytest.mark.skipif(not BUNDLE.exists(), reason="no bundle is shipped")
def test_three_pictures_of_the_shipped_bundle_are_made_anew() -> None:
    [default] = [shipped for shipped in SHIPPED_NETWORKS if shipped.trained == "default"]
    trained = find_trained_network(default.trained)
    card, weights = read_network(
        family=trained.family, weights=WEIGHTS_FOLDER / trained.weights, slug=default.slug, title=default.title
    )
    loaded = load_network(card, weights)
    with open_verified(BUNDLE, [card]) as bundle:
        [network] = bundle.networks
        results = network.results
        for verified in (results[0], results[len(results) // 2], results[-1]):
            made = {medium.role: medium for medium in bundle.media(verified[0])}
            [anew] = make_anew(bundle, network, loaded, [verified])
            for role in set(PICTURES) & made.keys():
                difference, most = mean_difference(made[role], anew[role]), MAX_DIFFERENCE[role]
                assert difference < most, (verified[0].layer, verified[0].unit, role)


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

"""Networks kept between jobs: the right one for each card."""

from pathlib import Path

import torch

from app.store.catalog import networks
from app.store.database.engine import open_store
from worker.networks.load import read_network
from worker.tasks.network_cache import NetworkCache


def test_networks_of_the_same_weights_keep_their_own_labels(
    sqlite_url: str, tiny_clip_weights: Path, tmp_path: Path
) -> None:
    store = open_store(sqlite_url)
    german = tmp_path / "german.txt"

    def add(slug: str, labels: str | None) -> None:
        german.write_text(labels or "")
        card, data = read_network(
            family="tiny_clip", weights=tiny_clip_weights, labels=german if labels else None, slug=slug
        )
        with store.transaction() as session:
            networks.add_network(session, card=card, weights=networks.weight_chunks(data))

    add("english", None)
    add("german", "gehen\nlaufen\nsitzen\nwinken")
    cache = NetworkCache(store, torch.device("cpu"))
    assert cache.load("german").card.classes[0] == "gehen"
    assert cache.load("english").card.classes[0] == "class 0"
    assert cache.load("german") is cache.load("german")
    with store.transaction() as session:
        networks.remove_network(session, slug="german")
    add("german", "winken\nsitzen\nlaufen\ngehen")
    assert cache.load("german").card.classes[0] == "winken", "it is another network now"
    store.close()

import pytest

from app.store.database.engine import Store
from tests.support import add_card, two_stream_card


@pytest.fixture
def tiny(store: Store) -> Store:
    """A store that knows the network `tiny`."""
    add_card(store, two_stream_card())
    return store

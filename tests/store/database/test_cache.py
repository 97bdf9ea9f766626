from app.store.database.cache import LruCache


def test_a_full_cache_drops_what_was_not_used_for_longest() -> None:
    cache: LruCache[str, int] = LruCache(max_size=2)
    cache.set("a", 1)
    cache.set("b", 2)
    assert cache.get("a") == 1
    cache.set("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    assert len(cache) == 2


def test_a_value_is_computed_once() -> None:
    cache: LruCache[str, int] = LruCache(max_size=2)
    assert cache.get_or_compute("a", lambda: 1) == 1
    assert cache.get_or_compute("a", lambda: 2) == 1

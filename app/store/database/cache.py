"""A bounded cache that all threads of a process share, for values that are slow to parse and never change."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """A mapping that several threads share and that drops its least recently used entry when it is full.

    Keep only values that never change under their key: nothing tells a cache in another process that one is stale.
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._lock = Lock()
        self._entries: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """Return the value of the key, or None where there is none."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key]

    def set(self, key: Key, value: Value) -> None:
        """Keep the value under the key, and drop the entry that was not used for longest if there are too many."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_size:
                self._entries.popitem(last=False)

    def get_or_compute(self, key: Key, compute: Callable[[], Value]) -> Value:
        """Return the value of the key; compute and keep it where there is none.

        The lock is not held meanwhile, so that two threads may compute the same value at once.
        """
        value = self.get(key)
        if value is None:
            value = compute()
            self.set(key, value)
        return value

    def __len__(self) -> int:
        return len(self._entries)

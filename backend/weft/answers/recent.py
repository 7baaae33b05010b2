"""A small cache: the values asked for last."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """The newest values by key, at most `most`; a key holds everything that a value depends on."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        """The value of a key, None when it is not held."""
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    def put(self, key: Hashable, value: V) -> V:
        """Hold a value, and return it."""
        self._held[key] = value
        while len(self._held) > self._most:
            self._held.popitem(last=False)
        return value

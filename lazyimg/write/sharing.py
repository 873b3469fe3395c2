"""Which layers are read more than once in a run: as they are, and by layers that are made of them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from lazyimg.thunk.thunk import Thunk, thunks_in
from lazyimg.write.streams import everything_below


def read_often(consumed: Iterable[Thunk[Any]]) -> frozenset[str]:
    """The keys of those that more than one reader needs.

    Args:
        consumed: the layers that are consumed, each once.
    """
    consumed = list(consumed)
    readers = Counter(layer.key for layer in consumed)
    for thunk in everything_below(consumed):
        readers.update(part.key for value in thunk.parameters.values() for part in thunks_in(value))
    return frozenset(key for key, count in readers.items() if count > 1)

"""What is good for a while: kept until shortly before it ends, and fetched once however many ask for it."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from attrs import frozen

from lazyimg.registry.keychains.credentials import MARGIN

T = TypeVar("T")


@frozen
class Lease(Generic[T]):
    """Something, and until when it is good.

    Attributes:
        value: what it is.
        expires: when it ends, in seconds since the epoch (UTC); None if nobody says.
    """

    value: T
    expires: float | None

    @property
    def is_fresh(self) -> bool:
        """Whether it is good for a minute at least, as far as is known."""
        return self.expires is None or time.time() < self.expires - MARGIN


class Leases(Generic[T]):
    """Keeps leases by what they are for. Thread safe; it is pickled and copied without them.

    >>> leases = Leases()
    >>> leases.get("a", lambda: Lease(1, None)), leases.get("a", lambda: Lease(2, None))
    (1, 1)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Hashable, Lease[T]] = {}

    def get(self, key: Hashable, fetch: Callable[[], Lease[T]]) -> T:
        """Return what is held under a key while it is good, else what ``fetch`` gives."""
        with self._lock:
            held = self._held.get(key)
            if held is None or not held.is_fresh:
                held = self._held[key] = fetch()
            return held.value

    def __reduce__(self) -> tuple[type["Leases[T]"], tuple[()]]:
        return type(self), ()

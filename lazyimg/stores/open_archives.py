"""The archives that one run reads: each opened once, by whoever needs it first."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from lazyimg.stores.archive import Archive, OpensArchive


@define(eq=False)
class _Place:
    """One archive, and who is opening it."""

    lock: threading.Lock = field(factory=threading.Lock)
    archive: "Archive | None" = None


@define(eq=False)
class OpenArchives:
    """Archives by where they come from; shared by threads."""

    _places: "dict[OpensArchive, _Place]" = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def get(self, source: "OpensArchive", scratch: Path | None, check: Callable[[], None]) -> "Archive":
        """The open archive; who asks while another thread opens it waits for that.

        Raises:
            LazyImgError: what opening raised; the next who asks tries again.
        """
        with self._lock:
            place = self._places.setdefault(source, _Place())
        with place.lock:
            if place.archive is None:
                check()
                place.archive = source.open(scratch, check)
            return place.archive

    def close(self) -> None:
        """Close what was opened; it is opened again if it is asked for again."""
        with self._lock:
            places, self._places = list(self._places.values()), {}
        for place in places:
            if place.archive is not None:
                place.archive.close()

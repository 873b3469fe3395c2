"""What a session did: for the result, for the observer, and for the words of an error."""

import threading
from typing import Literal

from attrs import define, field, frozen

from lazyimg.oci.descriptor import Descriptor

How = Literal["uploaded", "mounted", "existing", "skipped"]
TagState = Literal["not moved", "moved", "unknown"]

_WORDS: dict[How, str] = {
    "uploaded": "uploaded",
    "mounted": "mounted",
    "existing": "already there",
    "skipped": "left at their URLs",
}


@frozen
class Placed:
    """A blob or manifest that is where it has to be.

    Attributes:
        how: ``uploaded``; ``mounted`` by the registry from another of its repositories; ``existing``; or
            ``skipped``, because it is non-distributable and stays where its URLs point.
        descriptor: which one.
        bytes_sent: bytes of bodies, those sent again after a fault included.
        attempts: bodies begun to be sent; more than one means that a fault came between.
    """

    how: How
    descriptor: Descriptor
    bytes_sent: int = 0
    attempts: int = 0


@define(eq=False)
class Record:
    """Everything one session placed, and what became of its tags; filled by several threads."""

    tags: dict[str, TagState] = field(factory=dict)
    _placed: list[Placed] = field(factory=list, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def add(self, placed: Placed) -> Placed:
        """Remember it, and return it."""
        with self._lock:
            self._placed.append(placed)
        return placed

    @property
    def placed(self) -> tuple[Placed, ...]:
        """What was placed so far."""
        with self._lock:
            return tuple(self._placed)

    def of(self, how: How) -> tuple[Descriptor, ...]:
        """What was placed in one of the ways; each once, though a manifest is sent for each of its tags."""
        found = (placed.descriptor for placed in self.placed if placed.how == how)
        return tuple({descriptor.digest: descriptor for descriptor in found}.values())

    def summary(self) -> str:
        """What is in place, in a line."""
        parts = [f"{len(found)} {word}" for how, word in _WORDS.items() if (found := self.of(how))]
        return ", ".join(parts) or "nothing in place"

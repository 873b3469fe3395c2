"""What a session did, for the result and for the words of an error."""

import threading
from typing import Literal

from attrs import define, field

from lazyimg.oci.descriptor import Descriptor

TagState = Literal["not moved", "moved", "unknown"]


@define(eq=False)
class Record:
    """Tallies of one session; filled by several threads.

    Attributes:
        uploaded: blobs and manifests whose bytes were sent.
        mounted: blobs that the registry took from another of its repositories.
        existing: blobs that were in place.
        skipped: non-distributable layers, which stay where their URLs point.
        bytes_sent: bytes of bodies, those sent again after a fault included.
        attempts: bodies sent, those sent again after a fault included.
        tags: for each tag of the target whether it was moved.
    """

    uploaded: list[Descriptor] = field(factory=list)
    mounted: list[Descriptor] = field(factory=list)
    existing: list[Descriptor] = field(factory=list)
    skipped: list[Descriptor] = field(factory=list)
    bytes_sent: int = 0
    attempts: int = 0
    tags: dict[str, TagState] = field(factory=dict)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def sent(self, descriptor: Descriptor, bytes_sent: int, attempts: int = 1) -> None:
        """Count an upload."""
        with self._lock:
            self.uploaded.append(descriptor)
            self.bytes_sent += bytes_sent
            self.attempts += attempts

    def summary(self) -> str:
        """What is in place, in a line."""
        parts = [
            f"{len(found)} {word}"
            for word, found in (
                ("uploaded", self.uploaded),
                ("mounted", self.mounted),
                ("already there", self.existing),
                ("left at their URLs", self.skipped),
            )
            if found
        ]
        return ", ".join(parts) or "nothing in place"

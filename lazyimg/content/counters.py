"""What was read, counted: the proof that each byte is read once."""

import threading

from attrs import define, field


@define(eq=False)
class Counters:
    """Tallies of reading; several passes, in several threads, may share one.

    >>> counters = Counters()
    >>> counters.add(attempts=1, bytes_read=512)
    >>> counters.attempts, counters.opened, counters.bytes_read
    (1, 0, 512)

    Attributes:
        attempts: passes that were begun; more than one means that a fault made bytes be read again.
        opened: sources that were opened.
        bytes_read: bytes that came out of sources.
    """

    attempts: int = 0
    opened: int = 0
    bytes_read: int = 0
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def add(self, *, attempts: int = 0, opened: int = 0, bytes_read: int = 0) -> None:
        """Raise the tallies."""
        with self._lock:
            self.attempts += attempts
            self.opened += opened
            self.bytes_read += bytes_read


def told_of(opened: int, bytes_read: int) -> str:
    """Say in words how much was read of local sources.

    >>> told_of(0, 0), told_of(1, 2048)
    ('no local source was opened', '2,048 bytes of 1 local source were read')
    """
    if not opened:
        return "no local source was opened"
    return f"{bytes_read:,} bytes of {opened} local {'source' if opened == 1 else 'sources'} were read"

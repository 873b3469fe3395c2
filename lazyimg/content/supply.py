"""What a feed's threads share: the window of last blocks, the copy in scratch space, and how far it is."""

from collections.abc import Callable
from pathlib import Path
from threading import Condition
from typing import Generic, TypeVar

from lazyimg.content.block import WAIT
from lazyimg.content.pipeline import HasSize, OnePass
from lazyimg.content.spool import Spool
from lazyimg.content.window import Window

N = TypeVar("N", bound=HasSize)


class Supply(Generic[N]):
    """The blob as far as it was read.

    Args:
        open_pass: makes a new pass over the same content.
        check: called at least every tenth of a second in every wait; what it raises ends the wait.
        one_shot: whether the source can be opened only once.
        keeps: whether the blob of such a source is copied as it is read.

    Attributes:
        changed: the lock of everything here, notified of every change.
        window: the last blocks.
        spool: the copy of the blob from its beginning; None if none is made.
        one_shot: whether the source can be opened only once, as far as is known.
        keeps: whether the blob of such a source is copied as it is read.
        is_wanted_again: whether somebody will ask for the blob once more, from its beginning.
        identity: the layer's; None while it is not known.
        ended: whether no block follows, because the blob ended or because reading failed.
        error: why reading failed.
    """

    def __init__(
        self,
        open_pass: Callable[[], OnePass[N]],
        check: Callable[[], None],
        *,
        one_shot: bool = False,
        keeps: bool = True,
    ) -> None:
        self.open_pass = open_pass
        self.check = check
        self.changed = Condition()
        self.window = Window()
        self.spool: Spool | None = None
        self.one_shot = one_shot
        self.keeps = keeps
        self.is_wanted_again = False
        self.identity: N | None = None
        self.ended = False
        self.error: BaseException | None = None

    def wait(self, ready: Callable[[], bool]) -> None:
        """Wait until ``ready()``, which is called under the lock and may raise.

        Raises:
            BaseException: what ``ready`` or the check raised.
        """
        self.check()
        while not self._wait_slice(ready):
            self.check()

    def _wait_slice(self, ready: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(ready, WAIT)

    def add(self, block: bytes, digest: str, when: Callable[[], bool]) -> None:
        """Put the next block into the window, for all who follow it, as soon as there is room.

        Looking for room and adding are one step under the lock: nobody joins at a block that is about to go.

        Args:
            block: the bytes.
            digest: of all bytes up to its end.
            when: whether there is room; called under the lock, and may raise.

        Raises:
            BaseException: what ``when`` or the check raised.
        """
        self.wait(lambda: when() and self._put(block, digest))

    def _put(self, block: bytes, digest: str) -> bool:
        self.window.add(block, digest)
        self.changed.notify_all()
        return True

    @property
    def is_copied(self) -> bool:
        """Whether a one-shot stream's copy has all that was read, so that no sink's absence loses a byte."""
        return self.one_shot and self.spool is not None and self.spool.failure is None

    def begin_copy(self, directory: Path | None) -> None:
        """Begin the copy in scratch space, if the window still holds the blob's beginning."""
        if self.spool is None and self.window.begins_at_zero:
            spool = Spool(directory)
            for block in self.window.blocks():
                spool.append(block)
            self.spool = spool

    def end(self, error: BaseException | None) -> None:
        """Say that no block follows."""
        with self.changed:
            self.ended, self.error = True, error
            self.changed.notify_all()

    def close(self) -> None:
        """Give the scratch space back."""
        if self.spool is not None:
            self.spool.close()

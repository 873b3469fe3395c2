"""The belt of a pass: blocks go on in order, are worked on by several threads, and come off in order.

A fixed number of places bounds the memory: the thread that reads waits for a free place, and a place is
free again when the block on it was taken off. Buffers are used again, so a pass of any length allocates a
handful of them.
"""

import threading
from collections import deque
from collections.abc import Callable

from attrs import define

from lazyimg.content.block import BLOCK, WAIT
from lazyimg.content.codec import Job

PLACES = 4
"""Blocks between the thread that reads and the thread that takes off, at most."""


@define(eq=False)
class Place:
    """One block on its way: the work still to do on it, then what the work gave."""

    job: Job
    buffer: bytearray
    result: bytes | None = None
    error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """Whether the work ended, well or not."""
        return self.result is not None or self.error is not None

    def run(self) -> None:
        """Do the work, in the calling thread."""
        try:
            self.result = self.job()
        except BaseException as error:  # noqa: BLE001 - carried to the thread that takes off, which raises it
            self.error = error


class Belt:
    """Ordered, bounded hand-over between one reader, some workers and one taker."""

    def __init__(self, places: int = PLACES) -> None:
        lock = threading.Lock()
        self._room = threading.Condition(lock)
        self._work = threading.Condition(lock)
        self._ready = threading.Condition(lock)
        self._free = places
        self._buffers: list[bytearray] = []
        self._todo: deque[Place] = deque()
        self._order: deque[Place] = deque()
        self._ended = False
        self._error: BaseException | None = None
        self.stopped = False

    def buffer(self) -> bytearray | None:
        """Wait for a free place and return a buffer of `BLOCK` bytes for it; None once stopped."""
        with self._room:
            self._room.wait_for(lambda: self._free or self.stopped)
            if self.stopped:
                return None
            self._free -= 1
            return self._buffers.pop() if self._buffers else bytearray(BLOCK)

    def put(self, place: Place) -> None:
        """Put a block on the belt, for the workers unless its work is done already."""
        with self._ready:
            self._order.append(place)
            if place.is_done:
                self._buffers.append(place.buffer)
                self._ready.notify()
            else:
                self._todo.append(place)
                self._work.notify()

    def end(self, error: BaseException | None = None) -> None:
        """Say that no block follows, because the content ended or because reading failed."""
        with self._ready:
            self._ended, self._error = True, error
            self._ready.notify()
            self._work.notify_all()

    def work(self) -> None:
        """Work on blocks until there are no more; what a worker thread runs."""
        while place := self._next():
            place.run()
            with self._ready:
                self._buffers.append(place.buffer)
                self._ready.notify()

    def _next(self) -> Place | None:
        with self._work:
            self._work.wait_for(lambda: self._todo or self._ended or self.stopped)
            return self._todo.popleft() if self._todo and not self.stopped else None

    def take(self, check: Callable[[], None]) -> bytes | None:
        """Wait for the next block and take it off; None at the end of the content.

        Args:
            check: called before and, every tenth of a second, while waiting; what it raises ends the wait.

        Raises:
            BaseException: the very error that reading or the work on this block raised.
        """
        check()
        while not self._wait_ready():
            check()
        with self._ready:
            if self._order:
                return self._take_off(self._order.popleft())
            if self._error is not None:
                raise self._error
            if self.stopped:
                raise RuntimeError("the pass was left before its last block was taken")
            return None

    def _wait_ready(self) -> bool:
        with self._ready:
            return self._ready.wait_for(self._is_ready, WAIT)

    def _is_ready(self) -> bool:
        return self._order[0].is_done if self._order else self._ended or self.stopped

    def _take_off(self, place: Place) -> bytes:
        if place.error is not None:
            raise place.error
        self._free += 1
        self._room.notify()
        return place.result or b""

    def stop(self) -> None:
        """Make every thread that waits here, or comes to, leave."""
        with self._ready:
            self.stopped = True
            for waste in (self._todo, self._order, self._buffers):
                waste.clear()
            for condition in (self._room, self._work, self._ready):
                condition.notify_all()

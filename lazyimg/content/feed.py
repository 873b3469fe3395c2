"""One pass, several sinks: every block is read once and handed to all who want it.

The worker that pumps reads the pass and keeps the last blocks in a window. A sink that is *live* follows
that window; the pump never runs further ahead of the slowest live one than `AHEAD` blocks. A sink whose
upload was cut is *away*: the others go on without it, and when it asks again from some offset it is served

- from the window, if the offset is still in it;
- else, if the source is one-shot, from the spool, the copy of the blob in scratch space;
- else by a second pass over the source, which must give the same bytes: the digest of all it gave is
  compared where it meets the window, and from there on the sink is live again.

With nobody live and somebody away, the pump over a source that can be opened again waits, because whoever
comes back does so through the window.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Condition
from types import TracebackType
from typing import Self

from attrs import define

from lazyimg.content.block import SLICE, WAIT
from lazyimg.content.identity import Identity
from lazyimg.content.pipeline import OnePass, proceed
from lazyimg.content.spool import Spool
from lazyimg.content.window import Window
from lazyimg.errors import Cancelled, SourceChanged, StreamSpent

AHEAD = 4
"""Blocks that the pump may be ahead of the slowest live sink, the one in that sink's hands included."""


@define(eq=False)
class Sink:
    """One taker: where it stands, and whether the pump waits for it.

    Attributes:
        number: its number in the feed.
        turn: how often it asked for chunks; an older iterator is dead.
        next: the number of the block it takes next, while it is live.
        skip: bytes at the beginning of that block that it has already.
        state: ``live``, ``away``, or ``gone`` for good.
        error: why it is gone.
    """

    number: int
    turn: int = 0
    next: int = 0
    skip: int = 0
    state: str = "live"
    error: BaseException | None = None


class Feed:
    """A pass handed to several sinks.

    Args:
        open_pass: makes a new pass over the same content; called again for each second reading.
        sinks: how many bodies there are; 0 pumps for the identity alone.
        one_shot: whether the source can be opened only once; a pass that finds out so itself counts too.
        spool: whether a one-shot blob is copied to scratch space as it is sent.
        spool_directory: where; None is the system's directory for temporary files.
        check: called at least every tenth of a second in every wait; what it raises ends the wait.
    """

    def __init__(  # noqa: PLR0913 - what a feed is depends on all of them
        self,
        open_pass: Callable[[], OnePass],
        *,
        sinks: int = 1,
        one_shot: bool = False,
        spool: bool = True,
        spool_directory: Path | None = None,
        check: Callable[[], None] = proceed,
    ) -> None:
        self._open_pass = open_pass
        self._one_shot = one_shot
        self._wants_spool = spool
        self._spool_directory = spool_directory
        self._check = check
        self._changed = Condition()
        self._window = Window()
        self._spool: Spool | None = None
        self._sinks = [Sink(number) for number in range(sinks)]
        self._identity: Identity | None = None
        self._ended = False
        self._error: BaseException | None = None

    # --- the pump -----------------------------------------------------------------------------------

    def pump(self, on_identity: Callable[[Identity], None] | None = None) -> Identity:
        """Read the pass to its end, at the pace of the slowest live sink; called once, by one thread.

        Args:
            on_identity: called with the layer's identity as soon as it is known, before any sink ends.

        Raises:
            BaseException: what the source or ``check`` raised, or the error of the last sink, if all
                of them left with one. Every sink raises it too.
        """
        try:
            identity = self._read()
            self._identity = identity
            if on_identity is not None:
                on_identity(identity)
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)
        return identity

    def _read(self) -> Identity:
        with self._open_pass() as one:
            for block in one:
                self._wait(self._has_room)
                self._copy(one, block)
                with self._changed:
                    self._window.add(block, one.prefix_digest())
                    self._changed.notify_all()
        return one.identity

    def _has_room(self) -> bool:
        here = [sink for sink in self._sinks if sink.state != "gone"]
        if self._sinks and not here:
            self._raise_if_all_failed()
        live = [sink for sink in here if sink.state == "live"]
        if here and not live:
            return self._one_shot
        return all(self._window.end_number - sink.next < AHEAD for sink in live)

    def _raise_if_all_failed(self) -> None:
        errors = [sink.error for sink in self._sinks if sink.error is not None]
        if len(errors) == len(self._sinks):
            raise errors[-1]

    def _copy(self, one: OnePass, block: bytes) -> None:
        self._one_shot = self._one_shot or one.one_shot
        if not (self._one_shot and self._wants_spool and self._sinks):
            return
        if self._spool is None:
            self._spool = Spool(self._spool_directory)
        self._spool.append(block)

    def _end(self, error: BaseException | None) -> None:
        with self._changed:
            self._error = error
            self._ended = True
            self._changed.notify_all()

    # --- the sinks ----------------------------------------------------------------------------------

    def body(self, number: int) -> "FeedBody":
        """Return the body for sink ``number``, counted from 0."""
        return FeedBody(self, self._sinks[number])

    def leave(self, number: int, error: BaseException | None = None) -> None:
        """Take a sink out for good, so that nobody waits for it.

        Args:
            number: the sink's number.
            error: why, if it failed; None if it needs nothing more.
        """
        with self._changed:
            sink = self._sinks[number]
            sink.state, sink.error = "gone", error
            self._changed.notify_all()

    @property
    def identity(self) -> Identity | None:
        """The layer's identity; None while it is not known."""
        return self._identity

    def chunks(self, sink: Sink, offset: int) -> Iterator[memoryview]:
        """Yield the blob from ``offset`` for ``sink``; see `FeedBody.chunks`."""
        with self._changed:
            sink.turn += 1
            turn = sink.turn
            self._step_aside(sink, turn)
        try:
            yield from self._catch_up(sink, turn, offset)
            yield from self._follow(sink, turn)
        finally:
            with self._changed:
                self._step_aside(sink, turn)

    def _step_aside(self, sink: Sink, turn: int) -> None:
        if sink.turn == turn and sink.state == "live":
            sink.state = "away"
            self._changed.notify_all()

    def _follow(self, sink: Sink, turn: int) -> Iterator[memoryview]:
        """Yield blocks from the window as they come, to the end."""
        while True:
            self._wait(lambda: self._ended or sink.next < self._window.end_number, sink, turn)
            with self._changed:
                block = self._window.block(sink.next)
            if block is None:
                return
            yield from _slices(block, sink.skip)
            with self._changed:
                self._verify_turn(sink, turn)
                sink.next, sink.skip = sink.next + 1, 0
                self._changed.notify_all()

    def _catch_up(self, sink: Sink, turn: int, offset: int) -> Iterator[memoryview]:
        """Yield the bytes from ``offset`` to where the window begins; the sink is live then."""
        if self._join(sink, turn, offset):
            return
        if self._one_shot:
            yield from self._copied(sink, turn, offset)
        else:
            yield from self._read_again(sink, turn, offset)

    def _join(self, sink: Sink, turn: int, offset: int) -> bool:
        """Make the sink live at ``offset`` if the window holds it."""
        with self._changed:
            self._verify_turn(sink, turn)
            if offset > self._window.end:
                raise ValueError(
                    f"a sink asks for the blob from byte {offset}, but only {self._window.end} were sent"
                )
            number = self._window.find(offset)
            if number is None:
                return False
            sink.next, sink.skip = number, offset - self._window.start_of(number)
            self._go_live(sink)
            return True

    def _go_live(self, sink: Sink) -> None:
        sink.state = "live"
        self._changed.notify_all()

    def _copied(self, sink: Sink, turn: int, offset: int) -> Iterator[memoryview]:
        """Yield from the spool until the window is reached."""
        while not self._join(sink, turn, offset):
            data = self._spool.read(offset, SLICE) if self._spool is not None else b""
            if not data:
                raise self._lost(offset)
            offset += len(data)
            yield memoryview(data)

    def _lost(self, offset: int) -> StreamSpent:
        why = "no copy of it was kept, because the layer was made with spool=False"
        if self._spool is not None:
            why = (
                f"its copy in scratch space was given up: {self._spool.failure}; "
                "give the engine a scratch directory with more room"
            )
        return StreamSpent(
            f"the upload broke and has to go on from byte {offset}, but a one-shot stream cannot be read "
            f"again and {why}, or make the layer with Layer.from_opener"
        )

    def _read_again(self, sink: Sink, turn: int, offset: int) -> Iterator[memoryview]:
        """Open the source once more and yield from ``offset`` until the window is reached."""
        position = 0
        with self._open_pass() as one:
            for block in one:
                start, position = position, position + len(block)
                if position > offset:
                    yield from _slices(block, max(0, offset - start))
                if self._rejoin(sink, turn, position, one.prefix_digest()):
                    return
        raise SourceChanged(
            f"the source gave {position} bytes of the blob when it was read again, and more before"
        )

    def _rejoin(self, sink: Sink, turn: int, position: int, digest: str) -> bool:
        """Make the sink live at ``position`` if the window has come so far, and the bytes are the same."""
        with self._changed:
            self._verify_turn(sink, turn)
            known = self._window.digest_at(position)
            if known is None and position <= self._window.end:
                return False
            if known != digest:
                raise SourceChanged("the source gave other bytes when it was read again")
            sink.next, sink.skip = self._window.number_at(position), 0
            self._go_live(sink)
            return True

    # --- waiting ------------------------------------------------------------------------------------

    def _wait(self, ready: Callable[[], bool], sink: Sink | None = None, turn: int = 0) -> None:
        """Wait until ``ready()``, which is called under the lock."""
        while True:
            self._check()
            with self._changed:
                if sink is not None:
                    self._verify_turn(sink, turn)
                if ready() or self._changed.wait_for(ready, WAIT):
                    break
        if sink is not None:
            with self._changed:
                self._verify_turn(sink, turn)

    def _verify_turn(self, sink: Sink, turn: int) -> None:
        if self._error is not None:
            raise self._error
        if sink.state == "gone":
            raise sink.error or Cancelled(f"sink {sink.number} left the feed")
        if sink.turn != turn:
            raise Cancelled(f"sink {sink.number} asked for the bytes anew; this iterator is dead")

    def close(self) -> None:
        """Give back the spool; no body can be asked again."""
        if self._spool is not None:
            self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FeedBody:
    """The body of one sink's upload (`lazyimg.content.body.Body`)."""

    def __init__(self, feed: Feed, sink: Sink) -> None:
        self._feed = feed
        self._sink = sink

    @property
    def size(self) -> int | None:
        """The size of the blob in bytes; None until the pump has come to the end."""
        identity = self._feed.identity
        return None if identity is None else identity.size

    def chunks(self, offset: int) -> Iterator[memoryview]:
        """Yield the blob from ``offset`` to its end, in pieces of at most 1 MiB.

        Asking again ends the iterator before it. Close an iterator that is not used any more, or ask again,
        so that the other sinks need not wait for it.

        Raises:
            BaseException: what the source, or ``check``, raised.
            StreamSpent: the offset lies in a one-shot stream's past, of which there is no copy.
            SourceChanged: read again, the source gave other bytes.
        """
        return self._feed.chunks(self._sink, offset)


def _slices(block: bytes, skip: int) -> Iterator[memoryview]:
    view = memoryview(block)
    for start in range(skip, len(view), SLICE):
        yield view[start : start + SLICE]

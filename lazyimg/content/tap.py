"""One sink's end of a feed: the body of its upload."""

from collections.abc import Iterator
from typing import Any

from lazyimg.content.block import SLICE
from lazyimg.content.supply import Supply
from lazyimg.errors import Cancelled, SourceChanged, StreamSpent


class Tap:
    """The blob for one sink (`lazyimg.content.body.Body`), again from any offset as often as it asks.

    A tap is *live* while it follows the window, and the pump waits for it; *away* while it does not, until
    it asks again; *gone* for good.

    Args:
        supply: what the feed's threads share.
        number: its number in the feed.

    Attributes:
        state: ``live``, ``away`` or ``gone``.
        next: the number of the block it takes next, while it is live.
        error: why it is gone.
    """

    def __init__(self, supply: Supply[Any], number: int) -> None:
        self.state = "live"
        self.next = 0
        self.error: BaseException | None = None
        self._supply = supply
        self._number = number
        self._turn = 0
        self._skip = 0

    @property
    def size(self) -> int | None:
        """The size of the blob in bytes; None until the pump has come to the end."""
        identity = self._supply.identity
        return None if identity is None else identity.size

    @property
    def is_fleeting(self) -> bool:
        """Whether what was given out cannot be had again: a one-shot stream's, of which there is no copy."""
        return self._supply.one_shot and not self._supply.keeps

    def keep(self) -> None:
        """Say that the blob will be asked for again from its beginning.

        It is then copied to scratch space, if its beginning is not past, so that the source need not be
        read twice: for a registry that wants the digest before the first byte.
        """
        self._supply.is_wanted_again = True

    def leave(self, error: BaseException | None = None) -> None:
        """Go for good, so that nobody waits for this sink; see `Feed.leave`."""
        with self._supply.changed:
            self.state, self.error = "gone", error
            self._supply.changed.notify_all()

    def chunks(self, offset: int) -> Iterator[memoryview]:
        """Yield the blob from ``offset`` to its end, in pieces of at most 1 MiB.

        Asking again ends the iterator before it. Close an iterator that is not used any more, or ask again,
        so that the other sinks need not wait for it.

        Raises:
            BaseException: what the source, or ``check``, raised.
            Cancelled: the sink is gone, or asked again.
            StreamSpent: the offset lies in a one-shot stream's past, of which there is no copy.
            SourceChanged: read again, the source gave other bytes.
        """
        turn = self._begin_turn()
        try:
            yield from self._catch_up(turn, offset)
            yield from self._follow(turn)
        finally:
            self._end_turn(turn)

    def _begin_turn(self) -> int:
        with self._supply.changed:
            self._turn += 1
            self._step_aside()
            return self._turn

    def _end_turn(self, turn: int) -> None:
        with self._supply.changed:
            if turn == self._turn:
                self._step_aside()

    def _step_aside(self) -> None:
        if self.state == "live":
            self.state = "away"
            self._supply.changed.notify_all()

    def _verify(self, turn: int) -> None:
        """Check, under the lock, that the iterator of this turn may go on."""
        if self._supply.error is not None:
            raise self._supply.error
        if self.state == "gone":
            raise self.error or Cancelled(f"sink {self._number} left the feed")
        if self._turn != turn:
            raise Cancelled(f"sink {self._number} asked for the bytes anew, which ended this iterator")

    # --- live ---------------------------------------------------------------------------------------

    def _follow(self, turn: int) -> Iterator[memoryview]:
        """Yield blocks from the window as they come, to the end."""
        while (block := self._take(turn)) is not None:
            yield from _slices(block, self._skip)
            with self._supply.changed:
                self._verify(turn)
                self.next, self._skip = self.next + 1, 0
                self._supply.changed.notify_all()

    def _take(self, turn: int) -> bytes | None:
        """Wait for the next block; None at the end. It stays in the window until it was sent."""
        supply = self._supply

        def is_there() -> bool:
            self._verify(turn)
            return supply.ended or self.next < supply.window.end_number

        supply.wait(is_there)
        with supply.changed:
            return supply.window.block(self.next)

    def _join(self, turn: int, offset: int) -> bool:
        """Go live at ``offset`` if the window holds it."""
        window = self._supply.window
        with self._supply.changed:
            self._verify(turn)
            if offset > window.end:
                raise ValueError(f"a sink wants the blob from byte {offset}, but only {window.end} were sent")
            number = window.find(offset)
            if number is not None:
                self._go_live(number, offset - window.start_of(number))
            return number is not None

    def _go_live(self, number: int, skip: int) -> None:
        self.state, self.next, self._skip = "live", number, skip
        self._supply.changed.notify_all()

    # --- catching up --------------------------------------------------------------------------------

    def _catch_up(self, turn: int, offset: int) -> Iterator[memoryview]:
        """Yield the bytes from ``offset`` to where the window begins; the tap is live then."""
        while not self._join(turn, offset):
            data = self._copied(offset)
            if not data:
                yield from self._read_again(turn, offset)
                return
            offset += len(data)
            yield memoryview(data)

    def _copied(self, offset: int) -> bytes:
        """Read from the copy in scratch space, which may be a block ahead of what counts as sent."""
        supply = self._supply
        supply.check()
        size = min(SLICE, supply.window.end - offset)
        return b"" if supply.spool is None else supply.spool.read(offset, size)

    def _read_again(self, turn: int, offset: int) -> Iterator[memoryview]:
        """Open the source once more and yield from ``offset`` until the window is reached."""
        if self._supply.one_shot:
            raise self._lost(offset)
        position = 0
        with self._supply.open_pass() as one:
            for block in one:
                start, position = position, position + len(block)
                if position > offset:
                    yield from _slices(block, max(0, offset - start))
                if self._rejoin(turn, position, one.prefix_digest(), one.describe()):
                    return
        raise _differs(one.describe())

    def _rejoin(self, turn: int, position: int, digest: str, what: str) -> bool:
        """Go live at ``position`` if the window has come so far, and the bytes up to there are the same."""
        window = self._supply.window
        with self._supply.changed:
            self._verify(turn)
            known = window.digest_at(position)
            if known is None and position < window.end:
                return False
            if known != digest:
                raise _differs(what)
            self._go_live(window.number_at(position), 0)
            return True

    def _lost(self, offset: int) -> StreamSpent:
        why = "no copy of it was kept, because the layer was made with spool=False; leave that out"
        spool = self._supply.spool
        if spool is not None:
            why = f"its copy in scratch space was given up ({spool.failure}); give scratch= more room"
        return StreamSpent(
            f"the upload broke and has to go on from byte {offset}, but a one-shot stream cannot be read "
            f"again and {why}, or use Layer.from_opener, which can be read again"
        )


def _differs(what: str) -> SourceChanged:
    return SourceChanged(
        f"{what} gave other bytes when it was read again after a fault; "
        "write again when nothing changes it, or make the layer of a copy"
    )


def _slices(block: bytes, skip: int) -> Iterator[memoryview]:
    view = memoryview(block)
    for start in range(skip, len(view), SLICE):
        yield view[start : start + SLICE]

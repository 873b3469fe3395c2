"""One pass, several sinks: every block is read once and handed to all who want it.

The worker that pumps reads the pass and keeps the last blocks in a window. A sink that is *live* follows
that window; the pump never runs further ahead of the slowest live one than `AHEAD` blocks. A sink whose
upload was cut is *away*: the others go on without it, and when it asks again from some offset it is served

- from the window, if the offset is still in it;
- else from the copy of the blob in scratch space, if there is one: of a one-shot stream there is;
- else by a second pass over the source, which must give the same bytes: the digest of all it gave is
  compared where it meets the window, and from there on the sink is live again.

With nobody live and somebody away, the pump waits, because whoever comes back does so through the window;
a stream that is copied flows on.
"""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from lazyimg.content.pipeline import HasSize, OnePass, proceed
from lazyimg.content.supply import Supply
from lazyimg.content.tap import Tap

AHEAD = 4
"""Blocks that the pump may be ahead of the slowest live sink, the one in that sink's hands included."""


N = TypeVar("N", bound=HasSize)


class Feed(Generic[N]):
    """A pass handed to several sinks.

    Every sink's number must `leave` at last, or have its body read to the end: the pump waits for it.

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
        open_pass: Callable[[], OnePass[N]],
        *,
        sinks: int = 1,
        one_shot: bool = False,
        spool: bool = True,
        spool_directory: Path | None = None,
        check: Callable[[], None] = proceed,
    ) -> None:
        self._supply: Supply[N] = Supply(open_pass, check, one_shot=one_shot, keeps=spool)
        self._taps = [Tap(self._supply, number) for number in range(sinks)]
        self._spool_directory = spool_directory

    @property
    def identity(self) -> N | None:
        """What the blob is called; None while it is not known."""
        return self._supply.identity

    def body(self, number: int) -> Tap:
        """Return the body for sink ``number``, counted from 0."""
        return self._taps[number]

    def leave(self, number: int, error: BaseException | None = None) -> None:
        """Take a sink out for good, so that nobody waits for it.

        Args:
            number: the sink's number.
            error: why, if it failed; None if it needs nothing more.
        """
        self._taps[number].leave(error)

    def pump(self, on_identity: Callable[[N], None] | None = None) -> N:
        """Read the pass to its end, at the pace of the slowest live sink; called once, by one thread.

        Args:
            on_identity: called with the layer's identity as soon as it is known, before any sink ends.

        Raises:
            BaseException: what the source or ``check`` raised, or the error of the last sink, if all
                of them left with one. Every sink raises it too.
        """
        try:
            identity = self._read()
            self._supply.identity = identity
            if on_identity is not None:
                on_identity(identity)
        except BaseException as error:
            self._supply.end(error)
            raise
        self._supply.end(None)
        return identity

    def _read(self) -> N:
        with self._supply.open_pass() as one:
            for block in one:
                self._copy(one, block)
                self._supply.add(block, one.prefix_digest(), when=self._has_room)
        return one.identity

    def _has_room(self) -> bool:
        here = [tap for tap in self._taps if tap.state != "gone"]
        if not here:
            self._raise_if_all_failed()
            return True
        live = [tap for tap in here if tap.state == "live"]
        if not live:
            return self._supply.is_copied
        return self._supply.window.end_number - min(tap.next for tap in live) < AHEAD

    def _raise_if_all_failed(self) -> None:
        errors = [tap.error for tap in self._taps if tap.error is not None]
        if errors and len(errors) == len(self._taps):
            raise errors[-1]

    def _copy(self, one: OnePass[N], block: bytes) -> None:
        """Copy the block to scratch space if somebody may need it again."""
        supply = self._supply
        supply.one_shot = supply.one_shot or one.one_shot
        if (supply.one_shot and supply.keeps and self._taps) or supply.is_wanted_again:
            supply.begin_copy(self._spool_directory)
        if supply.spool is not None:
            supply.spool.append(block)

    def close(self) -> None:
        """Give scratch space back; no body can be asked again."""
        self._supply.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

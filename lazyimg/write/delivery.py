"""One pass into several sessions: this thread reads, one thread a session sends."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lazyimg.content.feed import Feed
from lazyimg.content.pipeline import HasSize, OnePass
from lazyimg.oci.descriptor import Descriptor
from lazyimg.thunk.once import Once
from lazyimg.thunk.run import Run
from lazyimg.write.record import Placed
from lazyimg.write.target import SiteSession

if TYPE_CHECKING:
    from lazyimg.runtime import Work

N = TypeVar("N", bound=HasSize)

Check = Callable[[], None]


class Delivery(Generic[N]):
    """Brings one blob to the sessions that need its bytes.

    Args:
        run: the run that it is part of.
        sessions: where the blob goes.
        open_pass: makes a pass over the blob, which calls its argument while it waits.
        one_shot: whether the pass can be made only once.
        spool: whether a copy is kept in scratch space in that case.
    """

    def __init__(
        self,
        run: Run,
        sessions: Sequence[SiteSession[Any]],
        open_pass: Callable[[Check], OnePass[N]],
        *,
        one_shot: bool = False,
        spool: bool = True,
    ) -> None:
        work: Work = run.runtime
        self._run = run
        self._sessions = sessions
        self._name: Once[Descriptor] = Once()
        self._ended: list[Once[Placed]] = [Once() for _ in sessions]
        self._failed: BaseException | None = None
        self._feed = Feed(
            lambda: open_pass(self._check),
            sinks=len(sessions),
            one_shot=one_shot,
            spool=spool,
            spool_directory=work.scratch,
            check=self._check,
        )

    def run(self, name: Callable[[N], Descriptor], known: Descriptor | None = None) -> list[Placed]:
        """Read and send until every session has the blob; say how it came there.

        Args:
            name: makes the descriptor of what the pass gave at its end.
            known: the descriptor, where it is known before the first byte.

        Raises:
            BaseException: what the source raised, or the first session that failed.
        """
        if known is not None:
            self._name.set(known)
        with self._feed as feed:
            for number in range(len(self._sessions)):
                self._start(number)
            feed.pump(lambda end: self._name.set(name(end)))
            return [ended.get(check=self._check) for ended in self._ended]

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed
        self._run.check()

    def _start(self, number: int) -> None:
        name = f"lazyimg-send-{number + 1}"
        threading.Thread(target=self._send, args=(number,), name=name, daemon=True).start()

    def _send(self, number: int) -> None:
        try:
            placed = self._sessions[number].receive(self._feed.body(number), self._name, self._run)
        except BaseException as error:  # noqa: BLE001 - carried to the reading thread, which raises it
            self._feed.leave(number, error)
            self._failed = self._failed or error
            self._ended[number].fail(error)
        else:
            self._feed.leave(number)
            self._ended[number].set(placed)

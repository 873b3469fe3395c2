"""Consuming one distinct blob: read once, and brought to every site that needs it.

The identity of a layer is published as soon as its last byte was read, before the uploads are
acknowledged, so that the config can go ahead (law 6).
"""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from lazyimg.content.blob_pass import BlobPass, Expected
from lazyimg.content.feed import Feed
from lazyimg.content.identity import Identity
from lazyimg.content.pipeline import OnePass, Pass
from lazyimg.state.contents import Contents, Local, Remote
from lazyimg.state.seal import blob_descriptor
from lazyimg.thunk.once import Once
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Early, Thunk
from lazyimg.write.inside import Inside
from lazyimg.write.record import Placed
from lazyimg.write.streams import identities_of, one_shots
from lazyimg.write.target import SiteSession

if TYPE_CHECKING:
    from lazyimg.runtime import Work


@frozen
class Consume(Thunk[None]):
    """Bring a blob to the sites that need it.

    Attributes:
        layers: what gives its contents; several only for a blob that stands in several repositories.
        sessions: where it has to be; none to learn its identity alone.
    """

    effectful: ClassVar[bool] = True

    layers: tuple[Thunk[Contents], ...]
    sessions: tuple[Thunk[SiteSession], ...] = ()

    @property
    def urgency(self) -> int:
        """One-shot streams first: somebody is writing to them."""
        return 2 if one_shots(self.layers) else 0

    def evaluate(self, run: Run) -> None:
        """Read and send, or find that there is nothing to do.

        Raises:
            BaseException: what the source or a session raised, with a note of where the layer was composed.
        """
        try:
            self._bring(run)
        except Exception as error:
            self._note(error)
            raise

    def _note(self, error: Exception) -> None:
        for layer in self.layers:
            where = f", composed at {layer.origin}" if layer.origin else ""
            error.add_note(f"while consuming {layer!r}{where}")

    def _bring(self, run: Run) -> None:
        sessions = [run.value(session) for session in self.sessions]
        contents = [run.value(layer) for layer in self.layers]
        local = [found for found in contents if isinstance(found, Local)]
        remote = [found for found in contents if isinstance(found, Remote)]
        if remote:
            for session in sessions:
                self._tell(run, session.place(remote, run))
        elif sessions or not self._is_known(run):
            self._read(run, local[0], sessions)

    def _is_known(self, run: Run) -> bool:
        """Whether a stream was consumed before, so that its identity is at hand."""
        cells = [cells.cell(layer.key) for layer in self.layers for cells in identities_of(layer)]
        known = [cell for cell in cells if cell.state == "known"]
        for cell in known:
            run.publish(Early(self), cell.get())
        return bool(known)

    def _read(self, run: Run, local: Local, sessions: Sequence[SiteSession]) -> None:
        given = local.given
        if given is not None:
            self._make_known(run, given)
            found = [session.find(blob_descriptor(given)) for session in sessions]
            for placed in filter(None, found):
                self._tell(run, placed)
            sessions = [session for session, placed in zip(sessions, found, strict=True) if placed is None]
        if given is None or sessions:
            delivery = _Delivery(run, local, sessions)
            for placed in delivery.run(lambda identity: self._make_known(run, identity)):
                self._tell(run, placed)

    def _tell(self, run: Run, placed: Placed) -> None:
        run.tell(
            self,
            placed.how,
            digest=str(placed.descriptor.digest),
            size=placed.descriptor.size,
            bytes_sent=placed.bytes_sent,
            attempts=placed.attempts,
        )

    def _make_known(self, run: Run, identity: Identity) -> None:
        run.publish(Early(self), identity)
        for layer in self.layers:
            for cells in identities_of(layer):
                cells.cell(layer.key).set(identity)


def _expected(given: Identity | None) -> Expected | None:
    """What a user vouched for, to be held against what is read."""
    return None if given is None else Expected(given.digest, given.diff_id, given.size)


class _Delivery:
    """One pass over local bytes into several sessions: this thread reads, one thread a session sends."""

    def __init__(self, run: Run, local: Local, sessions: Sequence[SiteSession]) -> None:
        self._run = run
        self._local = local
        self._sessions = sessions
        self._identity: Once[Identity] = Once()
        self._ended: list[Once[Placed]] = [Once() for _ in sessions]
        self._failed: BaseException | None = None

    def run(self, on_identity: Callable[[Identity], None]) -> list[Placed]:
        """Read and send until every session has the blob; say how it came there.

        Raises:
            BaseException: what the source raised, or the first session that failed.
        """

        def known(identity: Identity) -> None:
            on_identity(identity)
            self._identity.set(identity)

        work: Work = self._run.runtime
        with Feed(
            self._open_pass,
            sinks=len(self._sessions),
            one_shot=self._local.source.one_shot,
            spool=self._local.spool,
            spool_directory=work.scratch,
            check=self._check,
        ) as feed:
            for number, session in enumerate(self._sessions):
                self._start(feed, number, session)
            feed.pump(known)
            return [ended.get(check=self._check) for ended in self._ended]

    def _open_pass(self) -> OnePass:
        work: Work = self._run.runtime
        source = Inside(self._local.source)
        if self._local.compression is None:
            expected = _expected(self._local.given)
            return BlobPass(source, self._check, work.counters, expected=expected)
        return Pass(source, self._local.compression, self._check, work.counters)

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed
        self._run.check()

    def _start(self, feed: Feed, number: int, session: SiteSession) -> None:
        def deliver() -> None:
            try:
                placed = session.receive(feed.body(number), self._identity, self._run)
            except BaseException as error:  # noqa: BLE001 - carried to the reading thread, which raises it
                feed.leave(number, error)
                self._failed = self._failed or error
                self._ended[number].fail(error)
            else:
                self._ended[number].set(placed)

        threading.Thread(target=deliver, name=f"lazyimg-send-{number + 1}", daemon=True).start()

"""What sessions with places of this machine, and with places of one's own, have in common.

A place that has blobs and names needs three methods beyond it: see `Session`.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Generic, TypeVar

from lazyimg.content.body import Body
from lazyimg.errors import Cancelled
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.media_type import is_distributable
from lazyimg.state.contents import Stored
from lazyimg.state.seal import Sealed
from lazyimg.thunk.once import Once
from lazyimg.thunk.run import Run
from lazyimg.write.record import Placed, Record, TagState
from lazyimg.write.target import Target

T = TypeVar("T", bound=Target)

ABORT_TIME = 2.0
"""Seconds that taking back what is being written may take."""


class Session(ABC, Generic[T]):
    """A session with a place that has blobs and names (`lazyimg.write.target.SiteSession`).

    A kind of place says whether it has a blob, how it takes one in, and how names move. Everything else is
    here: blobs are looked for before they are taken in, non-distributable ones stay at their URLs, and
    names move once for all images of a write.
    """

    is_atomic: ClassVar[bool] = True
    """Whether names have all moved, or none: else a failure leaves them unknown."""

    def __init__(self) -> None:
        self.record = Record()
        self._changed = threading.Condition()
        self._under_way = 0
        self._goals: dict[tuple[Digest, T], Sealed] = {}
        self._moving = threading.Lock()
        self._is_aborted = False
        self._is_ready = False
        self._is_moved = False

    # --- what a kind of place says --------------------------------------------------------------------

    @abstractmethod
    def has(self, blob: Descriptor) -> bool:
        """Whether the blob is in place, whole."""

    @abstractmethod
    def write(self, chunks: Iterable[bytes | memoryview], digest: Callable[[], Digest]) -> int:
        """Take in a blob, so that `has` tells of it; called by several threads at once.

        Args:
            chunks: its bytes in order; what they raise has to pass, and nothing may be left then.
            digest: gives its digest; called after ``chunks`` has ended.

        Returns:
            How many bytes it has.
        """

    @abstractmethod
    def move(self, goals: Sequence[tuple[Sealed, T]]) -> None:
        """Let names say what they are to say: the last effect, once all blobs and manifests are in place.

        What it raises means that none has moved, unless the kind of place says otherwise by `is_atomic`.

        Args:
            goals: manifests, each with the target whose names it gets; in an order that depends on nothing
                but them.
        """

    def ready(self, goals: Sequence[tuple[Sealed, T]]) -> None:
        """Do what can fail before names move, here or elsewhere; by default there is nothing to do.

        Args:
            goals: as for `move`.
        """

    # --- what follows from it -------------------------------------------------------------------------

    def find(self, descriptor: Descriptor) -> Placed | None:
        """Look whether it is in place."""
        return self.record.add(Placed("existing", descriptor)) if self.has(descriptor) else None

    def offer(self, blobs: Sequence[Stored]) -> Placed | None:
        """Look whether it is in place, or does not matter."""
        blob = blobs[0].descriptor
        if not is_distributable(blob.media_type):
            return self.record.add(Placed("skipped", blob))
        return self.find(blob)

    def receive(self, body: Body, name: Once[Descriptor], run: Run) -> Placed:
        """Take it in while it is read; the digest names it at the end."""
        with self._receiving():
            size = self.write(body.chunks(0), lambda: name.get(check=run.check).digest)
        return self.record.add(Placed("uploaded", name.get(), size, 1))

    @contextmanager
    def _receiving(self) -> Iterator[None]:
        with self._changed:
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def put(self, blob: Sealed) -> Placed:
        """Take in bytes at hand, unless they are in place."""
        return self.find(blob.descriptor) or self._write(blob)

    def _write(self, blob: Sealed) -> Placed:
        with self._receiving():
            size = self.write([blob.data], lambda: blob.descriptor.digest)
        return self.record.add(Placed("uploaded", blob.descriptor, size, 1))

    def stage(self, root: Sealed, target: T | None) -> None:
        """Take in a manifest, and remember its names."""
        self.put(root)
        self._remember(root, target)

    def _remember(self, root: Sealed, target: T | None) -> None:
        if target is not None:
            self._goals[root.descriptor.digest, target] = root

    def prepare(self, root: Sealed, target: T) -> None:
        """Take in a manifest, if that was not done before; make ready to move all names, once."""
        if (root.descriptor.digest, target) not in self._goals:
            self.stage(root, target)
        with self._moving, self._receiving():
            is_first, self._is_ready = not self._is_ready, True
            if is_first:
                self.ready(self._in_order())

    def _in_order(self) -> list[tuple[Sealed, T]]:
        """What names are to say; in an order that does not depend on who came first."""
        goals = [(root, target) for (_, target), root in self._goals.items()]
        return sorted(goals, key=lambda goal: (goal[1].names, goal[0].descriptor.digest))

    def publish(self, root: Sealed, target: T) -> None:  # noqa: ARG002 - all of them at once
        """Move all names; whoever calls again finds them moved."""
        with self._moving, self._receiving():
            is_first, self._is_moved = not self._is_moved, True
            if is_first:
                self._move(self._in_order())

    def _move(self, goals: Sequence[tuple[Sealed, T]]) -> None:
        names = [name for _, target in goals for name in target.names]
        self._note(names, "unknown")
        try:
            self.move(goals)
        except BaseException:
            if self.is_atomic:
                self._note(names, "not moved")
            raise
        self._note(names, "moved")

    def _note(self, names: Iterable[str], state: TagState) -> None:
        self.record.tags.update(dict.fromkeys(names, state))

    def refuse_if_aborted(self) -> None:
        """Check that the write goes on; for a place that had to wait, before it does what cannot be undone.

        Raises:
            Cancelled: the write was ended meanwhile.
        """
        if self._is_aborted:
            raise Cancelled("the write was ended before its names had moved")

    def abort(self) -> None:
        """Wait until nothing is being written any more; what is not whole was never named."""
        self._is_aborted = True
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, ABORT_TIME)

    def close(self) -> None:
        """Nothing is held."""

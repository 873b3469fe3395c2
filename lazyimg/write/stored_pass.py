"""The pass over a blob that rests somewhere whole: nothing is compressed, its name is known."""

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lazyimg.content.block import BLOCK
from lazyimg.oci.digest import new_hash
from lazyimg.state.contents import Stored
from lazyimg.thunk.run import Run

if TYPE_CHECKING:
    from lazyimg.oci.descriptor import Descriptor
    from lazyimg.runtime import Work


class StoredPass:
    """A blob read from its home, verified, in blocks (`lazyimg.content.pipeline.OnePass`)."""

    one_shot = False

    def __init__(self, blob: Stored, run: Run) -> None:
        self.identity: Descriptor = blob.descriptor
        self._blob = blob
        self._run = run
        self._hash = new_hash()

    def describe(self) -> str:
        """The digest and the home."""
        return f"{self._blob.descriptor.digest} of {self._blob.home}"

    def prefix_digest(self) -> str:
        """The digest of all bytes yielded so far."""
        return self._hash.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held between blocks."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks of a size that costs few hand-overs."""
        work: Work = self._run.runtime
        block = bytearray()
        for chunk in self._blob.home.chunks(self._blob.descriptor, 0, work):
            self._run.check()
            block += chunk
            if len(block) >= BLOCK:
                yield self._taken(block)
                block = bytearray()
        if block:
            yield self._taken(block)

    def _taken(self, block: bytearray) -> bytes:
        self._hash.update(block)
        return bytes(block)

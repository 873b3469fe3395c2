"""A blob on its way from one registry to another, or to disk."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lazyimg.state.contents import Remote
from lazyimg.thunk.run import Run

if TYPE_CHECKING:
    from lazyimg.runtime import Work


class RemoteBody:
    """The body of an upload (`lazyimg.content.body.Body`) whose bytes come from a registry."""

    def __init__(self, blob: Remote, run: Run) -> None:
        self._blob = blob
        self._run = run

    @property
    def size(self) -> int:
        """The size of the blob in bytes."""
        return self._blob.descriptor.size

    def chunks(self, offset: int) -> Iterator[bytes | memoryview]:
        """The blob's bytes from ``offset``, verified on their way."""
        work: Work = self._run.runtime
        place, what = self._blob.repository, self._blob.descriptor
        for chunk in work.client(place).blob(place.repository, what.digest, what.size, offset):
            self._run.check()
            yield chunk

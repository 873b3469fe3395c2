"""Contents as they are read: in one reading, where several readers of one run need them."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager

from attrs import evolve, frozen

from lazyimg.content.copies import Copied, Copy
from lazyimg.content.source import ReadInto
from lazyimg.oci.descriptor import Descriptor
from lazyimg.runtime import Work
from lazyimg.state.contents import Contents, Home, Stored, counts_itself
from lazyimg.thunk.run import Run

_CHUNK = 1 << 20


def readable(contents: Contents, key: str, run: Run) -> Contents:
    """What is to be read of a layer; from a copy, if others of this run read it, too.

    Args:
        contents: the layer's.
        key: the layer's.
        run: that it is read in.
    """
    copy = run.runtime.copies.of(key)
    if copy is None:
        return contents
    if isinstance(contents, Stored):
        return evolve(contents, home=CopiedHome(contents.home, copy, run.check))
    counters = None if counts_itself(contents.source) else run.runtime.counters
    return evolve(contents, source=Copied(contents.source, copy, run.check, counters))


@frozen
class CopiedHome:
    """A home of a blob that is read there once; only its bytes are asked for."""

    home: Home
    copy: Copy
    check: Callable[[], None]

    def __str__(self) -> str:
        return str(self.home)

    def chunks(self, descriptor: Descriptor, offset: int, work: Work) -> Iterator[bytes | memoryview]:
        """The blob's bytes, verified by whoever reads them where it rests."""
        source = Copied(Resting(self.home, descriptor, work), self.copy, self.check)
        buffer = memoryview(bytearray(_CHUNK))
        with source.open() as reader:
            while size := reader.readinto(buffer):
                if offset < size:
                    yield bytes(buffer[offset:size])
                offset = max(0, offset - size)

    def fetch(self, descriptor: Descriptor, limit: int, work: Work) -> bytes:
        """All the bytes of a small blob."""
        return self.home.fetch(descriptor, limit, work)


@frozen
class Resting:
    """A blob that rests somewhere, as a source."""

    home: Home
    descriptor: Descriptor
    work: Work
    one_shot = False

    def describe(self) -> str:
        """The digest and the home."""
        return f"{self.descriptor.digest} of {self.home}"

    @contextmanager
    def open(self) -> Iterator[ReadInto]:
        """Begin to read it."""
        with closing(self._chunks()) as chunks:
            yield Chunked(chunks)

    def _chunks(self) -> Generator[bytes | memoryview, None, None]:
        yield from self.home.chunks(self.descriptor, 0, self.work)


class Chunked:
    """Chunks as a reader."""

    def __init__(self, chunks: Iterator[bytes | memoryview]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readinto(self, buffer: memoryview) -> int:
        """Read into ``buffer``; 0 is the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def close(self) -> None:
        """Nothing is held."""

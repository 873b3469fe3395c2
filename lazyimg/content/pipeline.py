"""The one pass: a source is opened once, and each byte read, hashed, compressed, hashed and yielded.

One thread reads blocks and hashes them; the codec's workers compress; the thread that iterates hashes what
comes off and does with it what it likes. Content of at most one block needs no worker thread: the reading
thread compresses it.

All threads are daemons. When the iterating thread leaves early, they are told to stop; one that is stuck
in a user's ``read()`` is left behind, and ends when the read returns.
"""

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self, TypeVar

from lazyimg.content.belt import Belt, Place
from lazyimg.content.codec import Packing
from lazyimg.content.counters import Counters
from lazyimg.content.identity import Identity
from lazyimg.content.magic import compression_of
from lazyimg.content.source import ReadInto, Source
from lazyimg.errors import InvalidContent, SourceError
from lazyimg.oci.digest import Digest, new_hash
from lazyimg.oci.media_type import layer_media_type

_PATIENCE = 0.2  # seconds that leaving waits for each thread to end


def proceed() -> None:
    """Let a wait go on: the check of one that nobody cancels."""


class HasSize(Protocol):
    """What is known of a blob at its end, whatever else that is."""

    @property
    def size(self) -> int:
        """How many bytes the blob has."""
        ...


N_co = TypeVar("N_co", bound=HasSize, covariant=True)


class OnePass(Protocol[N_co]):
    """What a feed reads: blocks of a blob, in order, and what the blob is called after the last."""

    @property
    def one_shot(self) -> bool:
        """Whether what is read cannot be opened again; certain once the first block came."""
        ...

    @property
    def identity(self) -> N_co:
        """What the blob is called; known after the last block."""
        ...

    def prefix_digest(self) -> str:
        """Return the digest of all bytes yielded so far."""
        ...

    def describe(self) -> str:
        """Say what is read, for messages."""
        ...

    def __iter__(self) -> Iterator[bytes]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Pass:
    """A source, read once to its end and compressed.

    Args:
        source: where the bytes come from.
        packing: what they become: a compression.
        check: called at least every tenth of a second while waiting; what it raises ends the pass.
        counters: where opening and reading are counted.
    """

    def __init__(
        self,
        source: Source,
        packing: Packing,
        check: Callable[[], None] = proceed,
        counters: Counters | None = None,
    ) -> None:
        self._source = source
        self._check = check
        self._counters = counters or Counters()
        self._codec = packing.codec()
        self._belt = Belt()
        self._threads: list[threading.Thread] = []
        self._encoder = self._codec.encoder()
        self._blob = new_hash()
        self._size = 0
        self._identity: Identity | None = None
        self._one_shot = source.one_shot

    @property
    def one_shot(self) -> bool:
        """Whether the source cannot be opened again; certain once the first block came."""
        return self._one_shot

    @property
    def identity(self) -> Identity:
        """The layer's identity.

        Raises:
            RuntimeError: the pass was not iterated to its end.
        """
        if self._identity is None:
            raise RuntimeError("a pass knows its layer's identity when its last block was taken")
        return self._identity

    def prefix_digest(self) -> str:
        """Return the digest of all bytes yielded so far, in hexadecimal."""
        return self._blob.hexdigest()

    def describe(self) -> str:
        """Return the source's own description."""
        return self._source.describe()

    def __enter__(self) -> Self:
        self._counters.add(attempts=1)
        self._start(self._read, "read")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._belt.stop()
        for thread in self._threads:
            if thread.ident is not None:  # the system may have refused to start another
                thread.join(_PATIENCE)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blob, in order, in pieces of about 2 MiB at most.

        Raises:
            BaseException: what the source raised, or ``check``.
            InvalidContent: the source is compressed already.
        """
        while (data := self._belt.take(self._check)) is not None:
            if data:
                self._blob.update(data)
                self._size += len(data)
                yield data
        self._identity = self._identify()

    def _identify(self) -> Identity:
        """Work out the identity; called once, after the last block."""
        digest = Digest.from_hash(self._blob)
        return Identity(
            digest=digest,
            size=self._size,
            diff_id=self._encoder.diff_id() or digest,
            media_type=layer_media_type(self._encoder.compression, docker=False),
        )

    def _start(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=f"lazyimg-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _read(self) -> None:
        """Read the source to its end; what the reading thread runs."""
        try:
            with self._source.open() as reader:
                self._counters.add(opened=1)
                self._one_shot = self._one_shot or bool(getattr(reader, "one_shot", False))
                self._read_blocks(reader)
        except BaseException as error:  # noqa: BLE001 - carried to the iterating thread, which raises it
            self._belt.end(error)
        else:
            self._belt.end()

    def _read_blocks(self, reader: ReadInto) -> None:
        is_first = True
        while (buffer := self._belt.buffer()) is not None:
            block = memoryview(buffer)[: self._fill(reader, memoryview(buffer))]
            if is_first:
                self._refuse_compressed(block)
            is_last = len(block) < len(buffer)
            place = Place(self._encoder.job(block, last=is_last), buffer)
            self._hand_on(place, alone=is_first and is_last)
            if is_last:
                return
            is_first = False

    def _fill(self, reader: ReadInto, view: memoryview) -> int:
        """Fill ``view`` however little each read gives; fewer bytes than asked mean the end."""
        filled = 0
        while filled < len(view) and not self._belt.stopped:
            size = verified(reader.readinto(view[filled:]), len(view) - filled, self.describe())
            if not size:
                break
            self._counters.add(bytes_read=size)
            filled += size
        return filled

    def _hand_on(self, place: Place, *, alone: bool) -> None:
        if alone or not self._codec.workers:
            place.run()
        elif len(self._threads) == 1:
            for number in range(self._codec.workers):
                self._start(self._belt.work, f"compress-{number + 1}")
        self._belt.put(place)

    def _refuse_compressed(self, block: memoryview) -> None:
        name = compression_of(block)
        if self._codec.wants_tar and name != "none":
            raise InvalidContent(
                f"{self.describe()} is no tar but {name}: it would be compressed twice. "
                "Use Layer.from_blob to keep it as it is, or give the tar inside it"
            )


def verified(size: int | None, asked: int, what: str) -> int:
    """Refuse what no read can have returned; the source may be a user's own.

    Raises:
        SourceError: it is no number of bytes, of those asked for.
    """
    if size is None:
        raise SourceError(f"{what} had no bytes ready: set it to blocking mode")
    if not 0 <= size <= asked:
        raise SourceError(f"{what} claims to have read {size} bytes of {asked} asked for")
    return size


def identity_of(one_pass: OnePass[Identity]) -> Identity:
    """Read a pass to its end and return the layer's identity; the blob itself is dropped."""
    with one_pass as one:
        for _ in one:
            pass
    return one.identity

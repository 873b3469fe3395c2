"""Sources: frozen descriptions of where a layer's uncompressed bytes come from.

A source is a value. Making one touches nothing; `Source.open` is called by a pass, in a thread of its own,
when the bytes are wanted. The tree-shaped ones are in `lazyimg.content.directory` and
`lazyimg.content.filemap`.
"""

import contextlib
import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from attrs import field, frozen

from lazyimg.content.local import LocalFile, absolute, shown, widen
from lazyimg.content.stream import OneShot
from lazyimg.errors import SourceError
from lazyimg.thunk.brief import sized
from lazyimg.thunk.key import Opaque


class ReadInto(Protocol):
    """Open bytes, read from the beginning to the end by one thread."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill ``buffer`` from its beginning and return how many bytes; fewer is fine, 0 is the end."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


class Source(Protocol):
    """Where a layer's bytes come from: the interface to implement for a source of one's own.

    A frozen value, best an ``attrs.frozen`` one: its fields stand in the layer's key. It must give the same
    bytes each time it is opened, unless it says that it is one-shot. Derive from it, or have what it has.
    """

    @property
    def one_shot(self) -> bool:
        """Whether it can be opened only once."""
        return False

    def describe(self) -> str:
        """Say what it is, shortly: a path, a name. Touches nothing."""
        ...

    def open(self) -> AbstractContextManager[ReadInto]:
        """Open it: the first effect, in a thread of its own. A binary file or `io.BytesIO` will do.

        The reader may say ``one_shot = True`` if it turns out to be. What is raised comes out as it is.
        """
        ...


@frozen
class TarFile:
    """A tar in a file of this machine; a FIFO will do, and is then read once.

    >>> TarFile("/srv/rootfs.tar").describe()
    '/srv/rootfs.tar'
    """

    path: Path = field(converter=absolute)
    one_shot = False

    def describe(self) -> str:
        """Return the path."""
        return shown(self.path)

    def open(self) -> LocalFile:
        """Open the file.

        Raises:
            SourceError: it cannot be opened.
        """
        return LocalFile(self.path)


def _one_shot(value: Any) -> OneShot:
    return value if isinstance(value, OneShot) else OneShot(value)


@frozen
class Stream:
    """A one-shot stream: an open object with ``readinto`` or ``read``, which is not closed."""

    stream: OneShot = field(converter=_one_shot)
    one_shot = True

    def describe(self) -> str:
        """Return the type of the stream."""
        return repr(self.stream)

    def open(self) -> "Readable":
        """Return a reader; the stream is spent once that reads."""
        return Readable(self.stream.readable, self.describe(), first=self.stream.spend, close=False)


def _opaque(value: Any) -> Opaque[Any]:
    return value if isinstance(value, Opaque) else Opaque(value)


@frozen
class Opener:
    """A function that opens the bytes, as often as needed, the same each time.

    Args:
        function: called without arguments; returns an object with ``readinto`` or ``read``, which is closed
            after use. Wrapped in an `Opaque` whose token stands for it in keys.
    """

    function: Opaque[Callable[[], Any]] = field(converter=_opaque)
    one_shot = False

    def describe(self) -> str:
        """Return the name of the function."""
        return f"opener {self.function!r}"

    def open(self) -> "Readable":
        """Call the function."""
        return Readable(self.function.value(), self.describe())


class Readable:
    """A reader over a user's object, which may know ``readinto`` or only ``read``.

    Args:
        readable: the object; its own exceptions come through untouched.
        what: what it is called in messages.
        first: called before the first read.
        close: whether closing the reader closes the object.
    """

    def __init__(
        self, readable: Any, what: str, first: Callable[[], None] | None = None, *, close: bool = True
    ) -> None:
        if not callable(getattr(readable, "readinto", None)) and not callable(
            getattr(readable, "read", None)
        ):
            raise SourceError(
                f"{what} gave a {type(readable).__qualname__}, which cannot be read: "
                "it needs a method readinto(buffer) or read(size)"
            )
        self._readable = readable
        self._what = what
        self._first = first
        self._has_begun = False
        self._close = close
        self._readinto: Callable[[memoryview], int | None] = getattr(readable, "readinto", self._read)

    def readinto(self, buffer: memoryview) -> int | None:
        """Read into ``buffer``; 0 is the end, None says that a stream that does not block has nothing yet.

        Raises:
            SourceError: the object gives text.
        """
        if not self._has_begun:
            self._begin()
        return self._readinto(buffer)

    def _begin(self) -> None:
        if self._first is not None:
            self._first()
        self._has_begun = True
        with contextlib.suppress(AttributeError, TypeError, ValueError, OSError):  # it need not have one
            widen(self._readable.fileno())

    def _read(self, buffer: memoryview) -> int | None:
        data = self._readable.read(len(buffer))
        if data is None:
            return None
        if isinstance(data, str):
            raise SourceError(f"{self._what} gives text: open it in binary mode")
        size = len(data)
        if size <= len(buffer):
            buffer[:size] = data
        return size

    def close(self) -> None:
        """Close the object if it is ours to close and can be closed."""
        if self._close and callable(close := getattr(self._readable, "close", None)):
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@frozen
class Bytes:
    """Bytes that are at hand.

    >>> Bytes(b"hello").describe()
    '5 bytes'
    """

    data: bytes = field(repr=sized)
    one_shot = False

    def describe(self) -> str:
        """Return how many bytes."""
        return f"{len(self.data)} bytes"

    def open(self) -> Readable:
        """Return a reader over them."""
        return Readable(io.BytesIO(self.data), self.describe())

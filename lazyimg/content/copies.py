"""Sources that several readers of one run need: opened once, each byte read once, whoever comes first.

The first reader reads the source, and puts what it reads onto a shelf; the others read it there, as far as
it has come, and wait for more. When it is known that only one reader comes, nothing is copied.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from attrs import frozen

from lazyimg.content.block import WAIT
from lazyimg.content.counters import Counters
from lazyimg.content.shelf import Shelf
from lazyimg.content.source import ReadInto, Source
from lazyimg.errors import Cancelled

IN_MEMORY = 1 << 20
"""Bytes of each source that are kept in memory before a file is made: 1 MiB."""


class Copy:
    """A source as far as it was read, and how its reading ended.

    Args:
        directory: for scratch space; None is the system's directory for temporary files.
    """

    def __init__(self, directory: Path | None) -> None:
        self._shelf = Shelf(directory, IN_MEMORY)
        self._changed = threading.Condition()
        self._is_begun = False
        self._is_ended = False
        self._error: BaseException | None = None

    def begin(self) -> bool:
        """Whether the caller is the first, who has to read the source."""
        with self._changed:
            is_first, self._is_begun = not self._is_begun, True
            return is_first

    def add(self, data: memoryview) -> None:
        """Put down what was read; nothing means the end."""
        if data:
            self._shelf.append(data)
        with self._changed:
            self._is_ended = self._is_ended or not data
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Say that no more will come, unless the end was there already."""
        with self._changed:
            if not self._is_ended:
                self._is_ended, self._error = True, error
            self._changed.notify_all()

    def read(self, offset: int, size: int, check: Callable[[], None]) -> bytes:
        """Wait for bytes from ``offset``; none at the end.

        Args:
            offset: of the first.
            size: bytes, at most.
            check: called at least every tenth of a second; what it raises ends the wait.

        Raises:
            BaseException: what the reading of the source raised.
        """
        check()
        while not self._wait(offset):
            check()
        data = self._shelf.read(offset, size)
        if not data and self._error is not None:
            raise self._error
        return data

    def _wait(self, offset: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._shelf.length > offset or self._is_ended, WAIT)

    def close(self) -> None:
        """Give the scratch space back."""
        self._shelf.close()


@frozen
class Copied:
    """A source that is read once, however often it is opened; see `Copy`.

    Attributes:
        source: what is read.
        copy: where it is put down.
        check: called in waits; what it raises ends them.
        counters: where opening and reading are counted; None if the source does that.
    """

    counts_itself: ClassVar[bool] = True

    source: Source
    copy: Copy
    check: Callable[[], None]
    counters: Counters | None = None

    @property
    def one_shot(self) -> bool:
        """Whether the source can be opened only once."""
        return self.source.one_shot

    def describe(self) -> str:
        """Say what the source is."""
        return self.source.describe()

    @contextmanager
    def open(self) -> Iterator[ReadInto]:
        """Open the source, or follow whoever did."""
        if not self.copy.begin():
            yield Follower(self.copy, self.check)
            return
        try:
            with self.source.open() as reader:
                counters = self.counters or Counters()
                counters.add(opened=1)
                yield Leader(reader, self.copy, counters)
            self.copy.fail(Cancelled(f"{self.describe()} was not read to its end"))
        except BaseException as error:
            self.copy.fail(error)
            raise


class Leader:
    """Reads a source, and puts down what it reads."""

    def __init__(self, reader: ReadInto, copy: Copy, counters: Counters) -> None:
        self.one_shot = bool(getattr(reader, "one_shot", False))
        self._reader = reader
        self._copy = copy
        self._counters = counters

    def readinto(self, buffer: memoryview) -> int | None:
        """Read into ``buffer``."""
        size = self._reader.readinto(buffer)
        if size is not None and 0 <= size <= len(buffer):  # else whoever asked refuses it
            self._copy.add(buffer[:size])
            self._counters.add(bytes_read=size)
        return size

    def close(self) -> None:
        """Close the source."""
        self._reader.close()


class Follower:
    """Reads what another put down."""

    one_shot = False

    def __init__(self, copy: Copy, check: Callable[[], None]) -> None:
        self._copy = copy
        self._check = check
        self._position = 0

    def readinto(self, buffer: memoryview) -> int:
        """Read into ``buffer``; wait for the first byte."""
        data = self._copy.read(self._position, len(buffer), self._check)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        """Nothing is held."""


class Copies:
    """The copies of one run.

    Args:
        directory: for scratch space.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._copies: dict[str, Copy] = {}

    def expect(self, keys: Iterable[str]) -> None:
        """Say which layers, by their keys, will be read more than once."""
        for key in keys:
            self._copies.setdefault(key, Copy(self._directory))

    def of(self, key: str) -> Copy | None:
        """The copy of a layer that is read more than once; None of any other."""
        return self._copies.get(key)

    def close(self) -> None:
        """Give the scratch space back."""
        for copy in self._copies.values():
            copy.close()

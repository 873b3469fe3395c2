"""Sources and contents that the tests of layer bytes share."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
from attrs import define, field

from lazyimg.content.block import BLOCK


def lines(size: int) -> bytes:
    """Give ``size`` bytes of text."""
    return b"".join(b"line %d of a file\n" % number for number in range(size // 12))[:size]


def noise(size: int) -> bytes:
    """Give ``size`` bytes that do not compress, the same each time."""
    return hashlib.shake_128(b"lazyimg").digest(size)


CONTENTS = {
    "empty": b"",
    "one": b"a",
    "zeros": bytes(BLOCK),
    "under": lines(BLOCK - 1),
    "exact": lines(BLOCK),
    "over": lines(BLOCK + 1),
    "two": lines(2 * BLOCK),
    "five": lines(5 * BLOCK + 12345),
    "noise": noise(3 * BLOCK + 77),
}


@define
class Pieces:
    """A source that gives its data in pieces of the sizes it is told, over and over."""

    data: bytes
    sizes: tuple[int, ...] = (1 << 30,)
    one_shot: bool = False
    opened: int = 0
    closed: int = 0
    read: int = 0
    fails_at: int | None = None
    error: BaseException = field(factory=lambda: OSError("the disk is gone"))
    after: dict[int, bytes] = field(factory=dict)

    def describe(self) -> str:
        """Say what it is."""
        return "pieces"

    def open(self) -> "PiecesReader":
        """Open it; from the second time on it may have other data."""
        self.opened += 1
        return PiecesReader(self, self.after.get(self.opened, self.data))


class PiecesReader:
    """Reads `Pieces`."""

    def __init__(self, pieces: Pieces, data: bytes) -> None:
        self._pieces = pieces
        self._data = data
        self._position = 0
        self._turn = 0

    def readinto(self, buffer: memoryview) -> int:
        """Give the next piece."""
        pieces = self._pieces
        size = pieces.sizes[self._turn % len(pieces.sizes)]
        self._turn += 1
        stop = len(self._data) if pieces.fails_at is None else pieces.fails_at
        part = self._data[self._position : min(stop, self._position + min(size, len(buffer)))]
        if not part and pieces.fails_at is not None:
            raise pieces.error
        buffer[: len(part)] = part
        self._position += len(part)
        pieces.read += len(part)
        return len(part)

    def close(self) -> None:
        """Count it."""
        self._pieces.closed += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@define
class Stuck:
    """A source whose read() hangs until it is let go, after giving some bytes."""

    first: bytes = b""
    one_shot: bool = False
    let_go: threading.Event = field(factory=threading.Event)
    reached: threading.Event = field(factory=threading.Event)

    def describe(self) -> str:
        """Say what it is."""
        return "stuck"

    def open(self) -> Self:
        """Open it."""
        return self

    def readinto(self, buffer: memoryview) -> int:
        """Give the first bytes, then hang."""
        data, self.first = self.first[: len(buffer)], self.first[len(buffer) :]
        if not data:
            self.reached.set()
            self.let_go.wait()
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""


@pytest.fixture
def pieces() -> Callable[..., Pieces]:
    """Give sources whose every read is counted."""
    return Pieces


@pytest.fixture
def stuck() -> Iterator[Callable[..., Stuck]]:
    """Give sources that hang; they are let go at the end of the test."""
    made: list[Stuck] = []

    def make(first: bytes = b"") -> Stuck:
        made.append(Stuck(first))
        return made[-1]

    yield make
    for source in made:
        source.let_go.set()


@pytest.fixture(params=list(CONTENTS))
def named_content(request: pytest.FixtureRequest) -> tuple[str, bytes]:
    """Give each of the fixed contents by its name."""
    return request.param, CONTENTS[request.param]


@pytest.fixture(scope="session")
def contents() -> dict[str, bytes]:
    """Give all fixed contents."""
    return CONTENTS


class Stop(Exception):
    """What a check raises to end a wait."""


@pytest.fixture
def stopper() -> Callable[[threading.Event], Callable[[], None]]:
    """Give checks that raise once an event is set; what they raise is their ``error``."""

    def make(event: threading.Event) -> Any:
        def check() -> None:
            if event.is_set():
                raise Stop

        check.error = Stop  # type: ignore[attr-defined] # a function takes any attribute
        return check

    return make


@pytest.fixture
def threads() -> Callable[[], Any]:
    """Give a context in which no thread of a pass may be left at the end."""

    @contextmanager
    def none_left() -> Iterator[None]:
        before = set(threading.enumerate())
        yield
        left = [
            thread for thread in set(threading.enumerate()) - before if thread.name.startswith("lazyimg-")
        ]
        for thread in left:
            thread.join(5)
        assert not [thread for thread in left if thread.is_alive()]

    return none_left

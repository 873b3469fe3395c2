"""Sources that several readers need: opened once, whoever comes first, and read at everybody's pace."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lazyimg.content.copies import Copied, Copies, Copy
from lazyimg.content.counters import Counters
from lazyimg.content.pipeline import proceed
from lazyimg.content.source import Bytes
from lazyimg.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lazyimg.content.source import ReadInto


class Held:
    """A source that gives bytes when it is told, and may fail."""

    one_shot = True

    def __init__(self) -> None:
        self.pieces: list[bytes | BaseException] = []
        self.opened = 0

    def describe(self) -> str:
        """Say what it is."""
        return "held"

    @contextmanager
    def open(self) -> Iterator[ReadInto]:
        """Open it."""
        self.opened += 1
        yield self

    def readinto(self, buffer: memoryview) -> int:
        """Give the next piece."""
        piece = self.pieces.pop(0)
        if isinstance(piece, BaseException):
            raise piece
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Nothing is held."""


def copied(source: Any, copy: Copy, check: Callable[[], None] = proceed) -> Copied:
    """Give the source by way of a copy."""
    return Copied(source, copy, check, Counters())


def read(reader: ReadInto, size: int = 100) -> bytes:
    """Read once."""
    buffer = bytearray(size)
    found = reader.readinto(memoryview(buffer))
    assert found is not None
    return bytes(buffer[:found])


def rest(source: Copied) -> bytes:
    """Read to the end."""
    found = b""
    with source.open() as reader:
        while piece := read(reader, 3):
            found += piece
    return found


def test_the_source_is_read_once() -> None:
    """The first reader reads the source, all others what it read; only that is counted."""
    source, copy, counters = Held(), Copy(None), Counters()
    source.pieces = [b"abc", b"de", b""]
    shared = Copied(source, copy, proceed, counters)
    assert [rest(shared), rest(shared), rest(shared)] == [b"abcde"] * 3
    assert (source.opened, counters.opened, counters.bytes_read) == (1, 1, 5)
    assert (shared.describe(), shared.one_shot) == ("held", True)
    copy.close()


def test_followers_wait_for_the_leader() -> None:
    """Whoever comes second reads as far as the first has come, and waits for more."""
    source, copy = Held(), Copy(None)
    source.pieces = [b"abc"]
    found: list[bytes] = []
    with copied(source, copy).open() as leader:
        assert read(leader) == b"abc"
        thread = threading.Thread(target=lambda: found.append(rest(copied(source, copy))))
        thread.start()
        source.pieces = [b"def", b""]
        assert [read(leader), read(leader)] == [b"def", b""]
        thread.join()
    assert found == [b"abcdef"]


def test_a_failure_reaches_all() -> None:
    """What the source raises, every reader raises, after what came before."""
    source, copy = Held(), Copy(None)
    error = OSError("torn")
    source.pieces = [b"abc", error]
    with pytest.raises(OSError, match="torn") as caught:
        rest(copied(source, copy))
    assert caught.value is error
    with copied(source, copy).open() as follower:
        assert read(follower) == b"abc"
        with pytest.raises(OSError, match="torn") as caught:
            read(follower)
    assert caught.value is error


def test_a_leader_that_leaves() -> None:
    """If the first reader does not go to the end, the others are told, instead of waiting for ever."""
    source, copy = Held(), Copy(None)
    source.pieces = [b"abc"]
    with copied(source, copy).open() as leader:
        read(leader)
        leader.close()
    with pytest.raises(Cancelled, match="held was not read to its end"):
        rest(copied(source, copy))


def test_waits_can_be_ended() -> None:
    """A wait asks whether to go on."""

    def stop() -> None:
        raise Cancelled("enough")

    source, copy = Held(), Copy(None)
    with copied(source, copy).open(), copied(source, copy, stop).open() as follower:
        with pytest.raises(Cancelled, match="enough"):
            read(follower)
        follower.close()


def test_what_a_source_cannot_have_read_is_not_copied() -> None:
    """A source that has no bytes ready is left to whoever asked."""

    class Odd(Held):
        def readinto(self, buffer: memoryview) -> Any:
            del buffer

    with copied(Odd(), Copy(None)).open() as leader:
        assert leader.readinto(memoryview(bytearray(5))) is None


def test_only_what_is_expected_is_copied() -> None:
    """Copies are made of what is said to be read more than once, and of nothing else."""
    copies = Copies(None)
    copies.expect(["a"])
    copy = copies.of("a")
    assert copy is not None
    copies.expect(["a", "b"])
    assert copies.of("a") is copy
    assert copies.of("c") is None
    assert rest(Copied(Bytes(b"hello"), copy, proceed)) == b"hello"
    copies.close()

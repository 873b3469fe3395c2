"""The one-shot streams that a graph reads: claimed by one write at a time, and waited for by others."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from lazyimg.content.identities import Identities
from lazyimg.content.stream import OneShot
from lazyimg.errors import Cancelled, StreamSpent
from lazyimg.thunk.thunk import Thunk


def one_shots(roots: Iterable[Thunk[Any]]) -> dict[OneShot, Thunk[Any]]:
    """The streams that ``roots`` reach, each with the thunk that names it.

    Raises:
        StreamSpent: two different layers are made of one stream.
    """
    found: dict[OneShot, Thunk[Any]] = {}
    readers: dict[int, Thunk[Any]] = {}
    for thunk in everything_below(roots):
        stream = getattr(thunk, "one_shot", None)
        if not isinstance(stream, OneShot):
            continue
        reader = readers.setdefault(id(stream.readable), thunk)
        if reader != thunk:
            raise StreamSpent(
                f"{reader!r} and {thunk!r} are made of one stream, which can be read once only: "
                "use Layer.from_opener, or the same layer in both places"
            )
        found[stream] = thunk
    return found


def everything_below(roots: Iterable[Thunk[Any]]) -> Iterator[Thunk[Any]]:
    """Every thunk that ``roots`` reach, themselves included, each once; without recursion."""
    stack, seen = list(roots), set[str]()
    while stack:
        thunk = stack.pop()
        if thunk.key not in seen:
            seen.add(thunk.key)
            yield thunk
            stack.extend(thunk.parts)


def identities_of(layer: Thunk[Any]) -> list[Identities]:
    """Where those wait who asked for the identity of ``layer``, if it is made of one-shot streams."""
    return [stream.identities for stream in one_shots([layer])]


@contextmanager
def claimed(roots: Iterable[Thunk[Any]]) -> Iterator[None]:
    """Hold the streams that ``roots`` reach for one write.

    If the write fails after a stream was read from, whoever waits for that stream's identity fails too;
    a stream of which nothing was read can be used by the next write.

    Raises:
        StreamSpent: one was read already, or another write holds it; none is held then.
    """
    held: list[OneShot] = []
    try:
        for stream in one_shots(roots):
            stream.claim()
            held.append(stream)
        yield
        _end(held)
    except BaseException as error:
        _fail(held, error)
        raise
    finally:
        for stream in held:
            stream.release()


def _end(streams: Iterable[OneShot]) -> None:
    """Let nobody wait for what was not made of streams that are gone."""
    for stream in streams:
        if stream.spent:
            stream.identities.fail(
                StreamSpent(
                    f"{stream!r} was read by a write, but not as this layer alone: of what was made of it (a "
                    "flattened image, say) the identity is known, of the layer itself it never will be"
                )
            )


def _fail(streams: Iterable[OneShot], error: BaseException) -> None:
    reason = error
    if not isinstance(error, Exception):
        reason = Cancelled("the write that was reading this stream was interrupted")
    for stream in streams:
        if stream.spent:
            stream.identities.fail(reason)

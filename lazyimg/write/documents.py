"""Which documents a write needs before its second stage can be worked out. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import Entry, IndexState, State, refuse_deeper
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.target import OpenSession

Known = Mapping[str, Any]
"""The values of documents that were read, by the keys of their thunks."""


def named_by(state: State) -> tuple[State, ...]:
    """The states whose digests stand in a state's manifest: of its subject, and of what it is based on."""
    named = (state.subject, state.based_on if isinstance(state, ImageState) else None)
    return tuple(one for one in named if isinstance(one, ImageState | IndexState))


def lineage(state: State) -> tuple[State, ...]:
    """A state, last, after what it names, what that names, and so on: whatever is named comes before."""
    found: dict[int, State] = {}
    stack = [state]
    while stack:
        waiting = [one for one in named_by(stack[-1]) if id(one) not in found]
        stack.extend(waiting)
        if not waiting:
            one = stack.pop()
            found[id(one)] = one
    return tuple(found.values())


def sites_to_reach(entry: Entry, sessions: Iterable[OpenSession]) -> tuple[OpenSession, ...]:
    """The sessions that an index's entry has to be sent to: not those where it rests already."""
    return tuple(session for session in sessions if entry.home is None or not session.site.holds(entry.home))


def needed(
    state: State, sessions: tuple[OpenSession, ...], known: Known, depth: int = 0
) -> Iterator[Thunk[Any]]:
    """The documents that writing ``state`` needs, as far as they can be told from those that are known.

    Args:
        state: what is written.
        sessions: where it is sent to.
        known: the documents that were read.
        depth: within how many indexes it lies.

    Raises:
        InvalidImage: within too many.
    """
    refuse_deeper(depth)
    for one in lineage(state):
        if isinstance(one, ImageState):
            if one.config_blob is None:
                yield one.config
        else:
            yield from _needed_by_index(one, sessions if one is state else (), known, depth)


def _needed_by_index(
    state: IndexState, sessions: tuple[OpenSession, ...], known: Known, depth: int
) -> Iterator[Thunk[Any]]:
    for entry in state.entries:
        reach = sites_to_reach(entry, sessions)
        if entry.home is not None and not reach:
            continue
        yield entry.child
        child = known.get(entry.child.key)
        if child is not None:
            yield from needed(child, reach, known, depth + 1)
            if entry.needs_platform and isinstance(child, ImageState) and child.is_image:
                yield child.config

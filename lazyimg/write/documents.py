"""Which documents a write needs before its second stage can be worked out. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lazyimg.oci.descriptor import Descriptor
from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import Entry, IndexState, State
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.target import OpenSession

Known = Mapping[str, Any]
"""The values of documents that were read, by the keys of their thunks."""


def lineage(state: State) -> tuple[State, ...]:
    """A state, what it refers to, what that refers to, and so on."""
    found = [state]
    while not isinstance(found[-1].subject, Descriptor | None):
        found.append(found[-1].subject)
    return tuple(found)


def sites_to_reach(entry: Entry, sessions: Iterable[OpenSession]) -> tuple[OpenSession, ...]:
    """The sessions that an index's entry has to be sent to: not those where it rests already."""
    return tuple(session for session in sessions if entry.home is None or not session.site.holds(entry.home))


def needed(state: State, sessions: tuple[OpenSession, ...], known: Known) -> Iterator[Thunk[Any]]:
    """The documents that writing ``state`` needs, as far as they can be told from those that are known."""
    for one, where in zip(lineage(state), [sessions, *[()] * len(lineage(state))], strict=False):
        if isinstance(one, ImageState):
            if one.config_blob is None:
                yield one.config
        else:
            yield from _needed_by_index(one, where, known)


def _needed_by_index(
    state: IndexState, sessions: tuple[OpenSession, ...], known: Known
) -> Iterator[Thunk[Any]]:
    for entry in state.entries:
        reach = sites_to_reach(entry, sessions)
        if entry.home is not None and not reach:
            continue
        yield entry.child
        child = known.get(entry.child.key)
        if child is not None:
            yield from needed(child, reach, known)
            if entry.needs_platform and isinstance(child, ImageState) and child.is_image:
                yield child.config

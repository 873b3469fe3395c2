"""A graph of any depth to and from a flat list, for pickle: no recursion over the graph.

Each record is one thunk: its class and its fields, an input standing as `Place`, the number of an earlier
record. Origins travel with the thunks; keys are computed again. Unpickling runs the classes' own
initialisers and, like every pickle, is for data of one's own.
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from attrs import frozen

from lazyimg.thunk.origin import Origin
from lazyimg.thunk.thunk import Thunk, traced


@frozen
class Place:
    """The number of an earlier record."""

    index: int


Record = tuple[type, dict[str, Any], Origin | None]


def pack(root: Thunk[Any]) -> list[Record]:
    """``root`` and all below it, inputs before dependents, the root last."""
    places: dict[str, Place] = {}
    records: list[Record] = []
    stack = [root]
    while stack:
        thunk = stack[-1]
        waiting = [t for t in (*thunk.parts, *thunk.after) if t.key not in places]
        if waiting and thunk.key not in places:
            stack.extend(waiting)
            continue
        stack.pop()
        if thunk.key not in places:
            places[thunk.key] = Place(len(records))
            records.append((type(thunk), _fields(thunk, places), thunk.origin))
    return records


def unpack(records: list[Record]) -> Thunk[Any]:
    """The thunk that `pack` flattened."""
    made: list[Thunk[Any]] = []

    def earlier(value: Any) -> Any:
        return made[value.index] if isinstance(value, Place) else value

    for cls, values, origin in records:
        thunk = cls(**{name: replaced(value, earlier) for name, value in values.items()})
        made.append(traced(thunk, origin))
    return made[-1]


def _fields(thunk: Thunk[Any], places: Mapping[str, Place]) -> dict[str, Any]:
    def place(value: Any) -> Any:
        return places[value.key] if isinstance(value, Thunk) else value

    given = (a for a in attrs.fields(type(thunk)) if a.init)
    return {a.alias: replaced(getattr(thunk, a.name), place) for a in given}


def replaced(value: Any, swap: Callable[[Any], Any]) -> Any:
    """``value`` with what `thunks_in` finds in it swapped; sequences without any are kept as they are.

    A mapping becomes a dict, because read-only ones cannot be pickled; a field's converter turns it back.
    """
    if isinstance(value, tuple | list):
        items = [replaced(item, swap) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else getattr(value, "_make", type(value))(items)
    if isinstance(value, Mapping):
        return {name: replaced(item, swap) for name, item in value.items()}
    return swap(value)

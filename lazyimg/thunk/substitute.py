"""The same recipe over something else: a graph rebuilt with some of its thunks replaced."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import attrs

from lazyimg.thunk.pickling import replaced
from lazyimg.thunk.thunk import Thunk, traced

T = TypeVar("T", bound=Thunk[Any])


def substitute(root: T, swap: Callable[[Thunk[Any]], Thunk[Any] | None]) -> T:
    """``root`` with what ``swap`` names replaced, and what depends on that made anew; the rest is shared.

    Linear in the graph, without recursion. What is made anew keeps its origin.

    Args:
        root: the recipe.
        swap: for each thunk its replacement, or None to keep it. What is replaced is not looked into.
    """
    made: dict[str, Thunk[Any]] = {}
    stack: list[Thunk[Any]] = [root]
    while stack:
        thunk = stack[-1]
        if thunk.key not in made:
            other = swap(thunk)
            waiting = [] if other is not None else [t for t in thunk.parts if t.key not in made]
            if waiting:
                stack.extend(waiting)
                continue
            made[thunk.key] = other if other is not None else _rebuilt(thunk, made)
        stack.pop()
    return cast("T", made[root.key])


def _rebuilt(thunk: Thunk[Any], made: dict[str, Thunk[Any]]) -> Thunk[Any]:
    if all(made[source.key] is source for source in thunk.parts):
        return thunk

    def new(value: Any) -> Any:
        return made[value.key] if isinstance(value, Thunk) and value.key in made else value

    given = [a for a in attrs.fields(type(thunk)) if a.init]
    other = type(thunk)(**{a.alias: replaced(getattr(thunk, a.name), new) for a in given})
    return traced(other, thunk.origin)

"""The thunks reachable from some roots, as a ``networkx.DiGraph``.

Nodes are keys, with the thunk as the attribute ``thunk``. Edges run from input to dependent and carry two
attributes: ``order`` is true for an edge that says only "after", ``early`` for one whose value is known
before its producer has ended.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import networkx as nx

from lazyimg.errors import GraphCycle
from lazyimg.thunk.thunk import Early, Thunk

if TYPE_CHECKING:
    DiGraph = nx.DiGraph[str]
else:
    DiGraph = nx.DiGraph

G = TypeVar("G", bound=DiGraph)


def build(roots: Iterable[Thunk[Any]], into: G, *, held: bool = False) -> G:
    """Add everything reachable from ``roots`` to the graph ``into``, and return it.

    Composes only: nothing is evaluated. Linear in thunks and edges, without recursion.

    Args:
        roots: the thunks to begin with.
        into: the graph.
        held: whether thunks that are only held are added: to be looked at, not to be forced.
    """
    grow(roots, into, held=held)
    return into


def grow(roots: Iterable[Thunk[Any]], into: DiGraph, *, held: bool = False) -> list[str]:
    """Add everything reachable from ``roots`` to ``into``; return the keys that it did not have."""
    new: list[str] = []
    stack = list(roots)
    while stack:
        thunk = stack.pop()
        if "thunk" in into.nodes.get(thunk.key, ()):
            continue
        new.append(thunk.key)
        into.add_node(thunk.key, thunk=thunk)
        for source, order in _edges(thunk, held=held):
            early = isinstance(thunk, Early) and not order
            into.add_edge(source.key, thunk.key, order=order, early=early)
            stack.append(source)
    return new


def thunk_of(graph: DiGraph, key: str) -> Thunk[Any]:
    """The thunk that the node ``key`` stands for."""
    thunk: Thunk[Any] = graph.nodes[key]["thunk"]
    return thunk


def sources(graph: DiGraph) -> list[str]:
    """The keys of the thunks that start from nothing."""
    return [key for key, degree in graph.in_degree if degree == 0]


def order_first(graph: DiGraph, first: Iterable[Thunk[Any]]) -> None:
    """Put ``first`` before every other thunk that starts from nothing, by order edges."""
    keys = [thunk.key for thunk in first]
    later = [key for key in sources(graph) if key not in set(keys)]
    graph.add_edges_from(
        (before, after, {"order": True, "early": False}) for before in keys for after in later
    )


def topological(graph: DiGraph) -> list[str]:
    """The keys with every input before its dependents; the same list for the same graph.

    Raises:
        GraphCycle: some thunks depend on themselves; the message names them.
    """
    try:
        return list(nx.topological_sort(graph))
    except nx.NetworkXUnfeasible:
        cycle = " -> ".join(thunk_of(graph, a).name for a, *_ in nx.find_cycle(graph))
        raise GraphCycle(f"these thunks depend on themselves: {cycle}") from None


NONE: Mapping[str, Sequence[str]] = MappingProxyType({})


def path_to_root(
    graph: DiGraph, key: str, replaces: Mapping[str, Sequence[str]] = NONE
) -> Iterator[Thunk[Any]]:
    """From the thunk ``key`` along the edges that carry values, first dependent first, to a root.

    Args:
        graph: the graph.
        key: where the path begins.
        replaces: by key, the thunks whose place a thunk takes; the path goes on from the first of them.
    """
    seen: set[str] = set()
    while key not in seen:
        seen.add(key)
        yield thunk_of(graph, key)
        edges: Iterable[tuple[str, str, bool]] = graph.out_edges(key, data="order")
        onward = [*(after for _, after, order in edges if not order), *replaces.get(key, ())]
        key = onward[0] if onward else key


def _edges(thunk: Thunk[Any], *, held: bool) -> Iterator[tuple[Thunk[Any], bool]]:
    for source in thunk.after:
        yield source, True
    for source in (
        thunk.parts if held else thunk.inputs
    ):  # last, so that an edge that is both counts as one that carries a value
        yield source, False

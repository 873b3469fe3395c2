"""What of a graph is drawn: all of a small one, the two ends of a large one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import networkx as nx
from attrs import frozen

from lazyimg.notebook.text import counted
from lazyimg.notebook.words import detail_of
from lazyimg.thunk.graph import DiGraph
from lazyimg.thunk.thunk import Thunk

DRAWN = 60
"""Nodes drawn at most."""

ENDS = 4
"""Thunks kept at either end of a chain whose middle is left out."""

EDGES = 4
"""Edges drawn at most, for each node."""

Kind = Literal["pure", "effectful", "known", "more"]


@frozen
class Node:
    """A box of the drawing.

    Attributes:
        name: the operation's name.
        detail: its own parameters in a few words, or what is known of it.
        about: what a tooltip says, a line each.
        kind: what it is: a thunk whose value is known, one still pending (effectful or pure), or several.
    """

    name: str
    detail: str
    about: tuple[str, ...]
    kind: Kind


@frozen
class Edge:
    """A line from the node numbered ``source`` to the one numbered ``target``.

    Attributes:
        order: it says only "after", and carries no value.
    """

    source: int
    target: int
    order: bool


@frozen
class View:
    """A graph cut down to what a person can look at.

    Attributes:
        nodes: inputs before their dependents; an edge names them by number.
        edges: those between nodes that are drawn.
        thunks: how many thunks the graph has.
        unseen: how many edges between the drawn nodes are not drawn.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    thunks: int
    unseen: int


def view_of(graph: DiGraph, limit: int = DRAWN) -> View:
    """What of ``graph`` is drawn with at most ``limit`` nodes. Linear in the graph, without recursion."""
    groups = _groups(graph, limit)
    place = {key: number for number, group in enumerate(groups) for key in group}
    edges = _edges(graph, place)
    shown = edges[: EDGES * limit]
    nodes = tuple(_node(graph, group) for group in groups)
    return View(nodes, tuple(shown), len(place), len(edges) - len(shown))


def _groups(graph: DiGraph, limit: int) -> list[list[str]]:
    """The graph's keys, inputs first, in groups that are drawn as one node each."""
    order = list(nx.dfs_postorder_nodes(graph.reverse(copy=False)))
    if len(order) <= limit:
        return [[key] for key in order]
    groups = list(_without_middles(graph, order))
    if len(groups) <= limit:
        return groups
    tail = len(groups) - (limit - 1) // 2
    head = limit - 1 - (limit - 1) // 2
    middle = [key for group in groups[head:tail] for key in group]
    return [*groups[:head], middle, *groups[tail:]]


def _without_middles(graph: DiGraph, order: Iterable[str]) -> Iterator[list[str]]:
    """The keys one by one, but the middle of a long chain as one group."""
    for run in _runs(graph, order):
        if len(run) <= 2 * ENDS + 1:
            yield from ([key] for key in run)
            continue
        yield from ([key] for key in run[:ENDS])
        yield run[ENDS:-ENDS]
        yield from ([key] for key in run[-ENDS:])


def _runs(graph: DiGraph, order: Iterable[str]) -> Iterator[list[str]]:
    """The keys in chains, where each has one input, the one before it, and one dependent."""
    run: list[str] = []
    for key in order:
        if run and not _carries_on(graph, run[-1], key):
            yield run
            run = []
        run.append(key)
    yield run


def _carries_on(graph: DiGraph, before: str, key: str) -> bool:
    return (
        graph.out_degree(before) == 1
        and graph.in_degree(key) == 1
        and graph.out_degree(key) <= 1
        and graph.has_edge(before, key)
    )


def _edges(graph: DiGraph, place: Mapping[str, int]) -> list[Edge]:
    """The edges between groups; one that is only order as soon as nothing else joins the two."""
    found: dict[tuple[int, int], bool] = {}
    for before, after, data in graph.edges(data=True):
        ends = place[before], place[after]
        if ends[0] != ends[1]:
            found[ends] = found.get(ends, True) and bool(data.get("order"))
    return [Edge(*ends, order=order) for ends, order in sorted(found.items())]


def _node(graph: DiGraph, group: list[str]) -> Node:
    if len(group) > 1:
        return _more(graph, group)
    data = graph.nodes[group[0]]
    thunk = data.get("thunk")
    if not isinstance(thunk, Thunk):
        return Node(str(group[0]), "", (), "pure")
    known = str(data.get("known", ""))
    kind: Kind = "known" if known else "effectful" if thunk.effectful else "pure"
    return Node(str(thunk.name), known or detail_of(thunk), tuple(_about(thunk, known)), kind)


def _more(graph: DiGraph, group: list[str]) -> Node:
    thunks = (graph.nodes[key].get("thunk") for key in group)
    names = Counter(str(t.name) if isinstance(t, Thunk) else "other" for t in thunks)
    about = tuple(f"{number:,} \N{MULTIPLICATION SIGN} {name}" for name, number in names.most_common(8))
    return Node(f"{counted(len(group), 'thunk')} more", ", ".join(names), about, "more")


def _about(thunk: Thunk[Any], known: str) -> Iterator[str]:
    yield repr(thunk)
    yield f"key {thunk.key}"
    if thunk.origin is not None:
        yield f"composed at {thunk.origin}"
    if known:
        yield f"known: {known}"

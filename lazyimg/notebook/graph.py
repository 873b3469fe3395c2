"""A graph of thunks that shows itself."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

from attrs import frozen

from lazyimg.notebook.dot import dot_of
from lazyimg.notebook.lanes import text_of_view
from lazyimg.notebook.style import block, legend, line
from lazyimg.notebook.svg import svg_of
from lazyimg.notebook.text import counted
from lazyimg.notebook.view import DRAWN, View, view_of
from lazyimg.thunk.graph import DiGraph, build
from lazyimg.thunk.thunk import Thunk

LINES = 40
"""Lines of a graph that is printed."""


class Graph(DiGraph):
    """The thunks reachable from some roots, as a ``networkx.DiGraph`` that draws itself.

    Nodes are keys with the attribute ``thunk``; a node may have the attribute ``known``, a text that says
    what is known of the thunk's value already. Edges run from input to dependent, and ``order`` is true for
    those that say only "after". Looking at it forces nothing, and costs no more than going through it once.
    """

    @classmethod
    def of(cls, *thunks: Thunk[Any], known: Mapping[str, str] | None = None) -> Self:
        """The graph of ``thunks`` and of everything they need. Composes only: nothing is evaluated.

        Args:
            thunks: the roots.
            known: by key, what is known of a thunk's value already.
        """
        graph = build(reversed(thunks), cls(), held=True)
        for key, text in (known or {}).items():
            if key in graph:
                graph.nodes[key]["known"] = text
        return graph

    def to_text(self, limit: int = LINES) -> str:
        """The drawing for a terminal: a line a thunk, inputs above, of at most ``limit`` thunks."""
        view = view_of(self, limit)
        return f"{self._summary()}\n{text_of_view(view)}" if view.nodes else self._summary()

    def to_svg(self, limit: int = DRAWN) -> str:
        """The drawing as one ``<svg>`` element; its looks are in the HTML around it."""
        return svg_of(view_of(self, limit))

    def to_dot(self, limit: int = 1000) -> str:
        """The drawing in Graphviz's language, of at most ``limit`` nodes."""
        return dot_of(view_of(self, limit))

    def __repr__(self) -> str:
        return self.to_text()

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return block(line(self._summary(), "soft"), drawing(view_of(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle: all thunks at once, or each would be written with everything below it."""
        nodes = [
            (key, {k: v for k, v in data.items() if k != "thunk"}) for key, data in self.nodes(data=True)
        ]
        thunks = _Thunks(tuple(data["thunk"] for _, data in self.nodes(data=True) if "thunk" in data))
        return _restored, (type(self), thunks, nodes, list(self.in_edges(data=True)), dict(self.graph))

    def _summary(self) -> str:
        return f"{counted(len(self), 'thunk')}, {counted(self.number_of_edges(), 'edge')}"


@frozen
class _Thunks(Thunk[None]):
    """The thunks of a graph, pickled together."""

    thunks: tuple[Thunk[Any], ...]


def _restored(
    cls: type[Graph],
    thunks: _Thunks,
    nodes: Iterable[tuple[str, dict[str, Any]]],
    edges: Iterable[tuple[str, str, dict[str, Any]]],
    about: Mapping[str, Any],
) -> Graph:
    """The graph that `Graph.__reduce__` took apart."""
    graph = cls(**about)
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    for thunk in thunks.thunks:
        graph.nodes[thunk.key]["thunk"] = thunk
    return graph


def drawing(view: View) -> str:
    """A view as HTML, without the looks around it: the picture, and what its colours mean."""
    if not view.nodes:
        return ""
    more = line(f"{counted(view.unseen, 'edge')} not drawn", "soft") if view.unseen else ""
    kinds = {str(node.kind) for node in view.nodes}
    explained = legend(kinds, order=any(edge.order for edge in view.edges))
    return f'<div class="lazyimg-scroll">{svg_of(view)}</div>{more}{explained}'

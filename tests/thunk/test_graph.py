"""The graph of some roots: nodes are keys, edges run from input to dependent."""

from typing import Any

import networkx as nx
import pytest
from attrs import field, frozen

from lazyimg.errors import GraphCycle
from lazyimg.thunk.graph import build, grow, order_first, path_to_root, sources, thunk_of, topological
from lazyimg.thunk.thunk import ORDER, Early, Thunk


@frozen
class Node(Thunk[int]):
    number: int
    needs: tuple[Any, ...] = ()
    before: tuple[Any, ...] = field(default=(), metadata=ORDER)


def graph_of(*roots: Thunk[Any]) -> "nx.DiGraph[str]":
    return build(roots, nx.DiGraph())


def test_nodes_are_keys_that_carry_their_thunks() -> None:
    """Each thunk below the roots is one node, however many hold it."""
    leaf = Node(0)
    left, right = Node(1, (leaf,)), Node(2, (leaf,))
    graph = graph_of(Node(3, (left, right)), left)
    assert set(graph) == {t.key for t in (leaf, left, right, Node(3, (left, right)))}
    assert thunk_of(graph, leaf.key) is leaf
    assert graph.has_edge(leaf.key, left.key)
    assert sources(graph) == [leaf.key]


def test_edges_say_whether_they_carry_a_value() -> None:
    """What only comes before is an order edge; an edge that is both carries a value."""
    a, b, c = Node(0), Node(1), Node(2)
    root = Node(3, (a, c), before=(b, c))
    graph = graph_of(root)
    assert [graph.edges[t.key, root.key]["order"] for t in (a, b, c)] == [False, True, False]
    assert not any(data["early"] for _, _, data in graph.edges(data=True))


def test_the_edge_to_an_early_value_is_early() -> None:
    """An early value does not wait for the end of its producer."""
    producer = Node(0)
    early: Early[int] = Early(producer)
    graph = graph_of(Node(1, (early,)))
    assert graph.edges[producer.key, early.key] == {"order": False, "early": True}
    assert not graph.edges[early.key, Node(1, (early,)).key]["early"]


def test_growing_tells_what_is_new() -> None:
    """What the graph has already is not added again, nor gone through."""
    leaf = Node(0)
    graph = graph_of(leaf)
    assert set(grow([Node(1, (leaf,))], graph)) == {Node(1, (leaf,)).key}
    assert grow([leaf], graph) == []


def test_what_comes_first_comes_before_every_other_start() -> None:
    """Order edges run from each to all that start from nothing, and to none of themselves."""
    one, two = Node(1), Node(2)
    root = Node(9, (Node(3), Node(4, (Node(5),)), one, two))
    graph = graph_of(root)
    order_first(graph, [one, two])
    later = {Node(3).key, Node(5).key}
    assert set(graph.successors(one.key)) - {root.key} == later
    assert set(sources(graph)) == {one.key, two.key}
    assert set(topological(graph)[:2]) == {one.key, two.key}


def test_order_edges_change_no_key() -> None:
    """The graph has the order, the thunks do not know of it."""
    root = Node(1, (Node(2),))
    before = root.key
    graph = graph_of(root, Node(3))
    order_first(graph, [Node(3)])
    assert root.key == before


def test_a_topological_order_has_inputs_first_and_is_always_the_same() -> None:
    """The same graph gives the same list."""
    layer = [Node(n) for n in range(20)]
    root = Node(100, (*layer, Node(50, tuple(layer[:3]))))
    order = topological(graph_of(root))
    assert order == topological(graph_of(root))
    assert order[-1] == root.key
    assert len(order) == 22


def test_a_cycle_is_refused_by_name() -> None:
    """An order that contradicts itself is a GraphCycle that names the thunks in it."""
    first = Node(1)
    root = Node(2, (first,))
    graph = graph_of(root)
    graph.add_edge(root.key, first.key, order=True, early=False)
    with pytest.raises(GraphCycle, match="Node -> Node"):
        topological(graph)


def test_a_path_leads_along_values_to_a_root() -> None:
    """Order edges are no reason why a thunk is needed."""
    leaf = Node(0)
    middle = Node(1, (leaf,))
    root = Node(2, (middle,))
    graph = graph_of(root, Node(3, before=(leaf,)))
    assert list(path_to_root(graph, leaf.key)) == [leaf, middle, root]


def test_a_path_goes_on_from_what_a_thunk_takes_the_place_of() -> None:
    """A thunk that nobody holds, but that stands for another, leads on to that one's root."""
    old, new = Node(0), Node(7)
    root = Node(1, (old,))
    graph = graph_of(root, new)
    assert list(path_to_root(graph, new.key, {new.key: [old.key]})) == [new, old, root]


def test_a_path_in_a_circle_ends() -> None:
    """Even in a graph that is refused later, a path comes to its end."""
    one, two = Node(1), Node(2)
    graph = graph_of(one, two)
    graph.add_edge(one.key, two.key, order=False)
    graph.add_edge(two.key, one.key, order=False)
    assert list(path_to_root(graph, one.key)) == [one, two]


def test_a_chain_and_a_diamond_of_great_depth_have_graphs() -> None:
    """A chain of 10,000 and a diamond of 60 levels are built and ordered without recursion."""
    chain, diamond = Node(0), Node(0)
    for number in range(10_000):
        chain = Node(number, (chain,))
    for number in range(60):
        diamond = Node(number, (diamond, diamond))
    assert len(topological(graph_of(chain))) == 10_001
    assert len(topological(graph_of(diamond))) == 61

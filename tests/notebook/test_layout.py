"""Places for the nodes of a view."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lazyimg.notebook.layout import JOINTS, layout_of
from lazyimg.notebook.view import Edge, Node, View

SIZE, GAP = 100.0, 10.0


def view(count: int, *edges: tuple[int, int], order: bool = False) -> View:
    nodes = tuple(Node(f"{n}", "", (), "pure") for n in range(count))
    return View(nodes, tuple(Edge(*ends, order=order) for ends in sorted(edges)), count, 0)


def test_nothing_has_no_places() -> None:
    """An empty view is laid out as nothing."""
    layout = layout_of(view(0), SIZE, GAP)
    assert (layout.layer, layout.across, layout.routes) == ((), (), ())


def test_a_chain_is_a_straight_column() -> None:
    """Each below the other, all at one place across."""
    layout = layout_of(view(4, (0, 1), (1, 2), (2, 3)), SIZE, GAP)
    assert layout.layer == (0, 1, 2, 3)
    assert set(layout.across) == {0.0}


def test_a_recipe_is_a_straight_column_with_its_layers_beside_it() -> None:
    """The way through first inputs is one line; each further input stands right above its dependent."""
    edges = [(0, 2), (1, 2), (2, 4), (3, 4), (4, 6), (5, 6)]
    layout = layout_of(view(7, *edges), SIZE, GAP)
    assert len({round(layout.across[n]) for n in (0, 2, 4, 6)}) == 1
    assert [layout.layer[n] for n in (0, 2, 4, 6)] == [0, 1, 2, 3]
    assert [layout.layer[n] for n in (1, 3, 5)] == [0, 1, 2]


def test_what_gathers_many_stands_in_their_middle() -> None:
    """Of many equal inputs none is the main one."""
    layout = layout_of(view(6, *((n, 5) for n in range(5))), SIZE, GAP)
    assert layout.across[5] == sum(layout.across[:5]) / 5


def test_a_long_line_gets_a_joint_in_each_layer_it_passes() -> None:
    """A line does not run through boxes: it passes beside them, straight."""
    layout = layout_of(view(4, (0, 1), (1, 2), (2, 3), (0, 3)), SIZE, GAP)
    long = layout.routes[[0, 1, 2, 3].index(1)]
    assert [layer for layer, _ in long] == [1, 2]
    ((_, first), (_, second)) = long
    assert abs(first - second) < 1
    assert all(abs(first - layout.across[n]) >= SIZE / 2 for n in (1, 2))


def test_order_edges_make_layers_too() -> None:
    """What only comes before stands above."""
    assert layout_of(view(2, (0, 1), order=True), SIZE, GAP).layer == (0, 1)


def test_lines_that_cross_are_untangled() -> None:
    """Two pairs given crosswise are sorted so that their lines do not meet."""
    layout = layout_of(view(4, (0, 3), (1, 2)), SIZE, GAP)
    assert (layout.across[0] < layout.across[1]) == (layout.across[3] < layout.across[2])


def test_an_edge_that_leads_back_is_no_reason_to_fail() -> None:
    """A user's own graph may have a cycle; it is drawn all the same."""
    layout = layout_of(view(3, (0, 1), (1, 2), (2, 0)), SIZE, GAP)
    assert layout.layer == (0, 1, 2)


def test_too_many_joints_are_left_out() -> None:
    """Where long lines are many they go straight from end to end."""
    count = 60
    edges = [(n, n + 1) for n in range(count - 1)] + [(n, m) for n in range(10) for m in range(30, 60)]
    layout = layout_of(view(count, *set(edges)), SIZE, GAP)
    assert sum(map(len, layout.routes)) == 0 < JOINTS


@settings(max_examples=60, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda ends: ends[0] < ends[1])))
def test_any_graph_is_laid_out_in_order_and_apart(ends: set[tuple[int, int]]) -> None:
    """Every edge leads down, and no two boxes of a layer touch; the same view, the same places."""
    drawn = view(15, *ends)
    layout = layout_of(drawn, SIZE, GAP)
    assert all(layout.layer[edge.source] < layout.layer[edge.target] for edge in drawn.edges)
    for layer in set(layout.layer):
        places = sorted(a for a, where in zip(layout.across, layout.layer, strict=True) if where == layer)
        assert all(right - left >= SIZE + GAP - 1e-3 for left, right in pairwise(places))
    assert min(layout.across) == 0
    assert layout == layout_of(drawn, SIZE, GAP)

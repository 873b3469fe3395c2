"""A graph that shows itself: whole when small, by its ends when large, and never by forcing."""

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazyimg.notebook.graph import LINES, Graph
from lazyimg.notebook.view import DRAWN, view_of
from lazyimg.thunk.thunk import Thunk

Parsed = Callable[[str], ET.Element]
Step = Callable[..., Any]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def write(step: Step, effect: Step) -> Graph:
    """A write of an image of two layers to one registry."""
    session = effect("session")
    base = effect("base", before=(session,))
    layers = [effect(f"layer {n}", before=(session,)) for n in (1, 2)]
    image = step("label", (step("append", (step("append", (base, layers[0])), layers[1])),))
    return Graph.of(effect("write", (image, session)), known={base.key: "sha256:0123"})


def chain(step: Step, length: int) -> Any:
    thunk = step("0")
    for number in range(1, length):
        thunk = step(f"{number}", (thunk,))
    return thunk


def texts(root: ET.Element, kind: str) -> list[str]:
    return [e.text or "" for e in root.iter(f"{SVG}text") if e.get("class") == f"lazyimg-{kind}"]


def groups(root: ET.Element) -> list[str]:
    return [(e.get("class") or "").removeprefix("lazyimg-") for e in root.iter(f"{SVG}g")]


# --- as a networkx graph -----------------------------------------------------------------------------


def test_it_is_a_networkx_graph_of_thunks(step: Step) -> None:
    """Nodes are keys, edges run from input to dependent, and networkx's own functions work."""
    leaf = step("leaf")
    root = step("root", (leaf,))
    graph = Graph.of(root)
    assert isinstance(graph, nx.DiGraph)
    assert list(nx.topological_sort(graph)) == [leaf.key, root.key]
    assert nx.ancestors(graph, root.key) == {leaf.key}
    assert graph.nodes[leaf.key]["thunk"] is leaf


def test_what_is_made_of_it_shows_itself_too(write: Graph) -> None:
    """Copies, parts and the reverse are graphs of the same kind; an undirected one is networkx's own."""
    some = list(write)[:3]
    for made in (write.copy(), write.subgraph(some), write.reverse(), nx.DiGraph.copy(write)):
        assert type(made) is Graph
        assert "thunks" in str(made)
        assert "<svg" in made._repr_html_()
    assert len(write.to_undirected()) == len(write)


def test_what_is_known_of_thunks_that_it_has_not_is_left_out(step: Step) -> None:
    """A run may know more than one graph holds."""
    graph = Graph.of(step("a"), known={"no such key": "x"})
    assert len(graph) == 1


def test_it_is_pickled_and_copied_whole(write: Graph) -> None:
    """Thunks, what is known, edges and their order come back."""
    for back in (pickle.loads(pickle.dumps(write)), copy.copy(write), copy.deepcopy(write)):  # noqa: S301
        assert type(back) is Graph
        assert nx.utils.graphs_equal(back, write)
        assert str(back) == str(write)


def test_a_large_one_is_pickled_in_one_pass(step: Step) -> None:
    """Each of ten thousand thunks is written once, not with all that is below it each time."""
    graph = Graph.of(chain(step, 10_000))
    graph.graph["title"] = "mine"
    graph.add_node("own")
    data = pickle.dumps(graph)
    assert len(data) < 5_000_000
    back = pickle.loads(data)  # noqa: S301 - our own bytes
    assert (len(back), back.graph) == (10_001, {"title": "mine"})


# --- as text -----------------------------------------------------------------------------------------


def test_text_has_a_line_a_thunk_inputs_above_and_lanes_that_join_them(write: Graph) -> None:
    """Values run down in lanes; what says only after is joined by a broken line."""
    assert str(write).splitlines() == [
        "8 thunks, 10 edges",
        "◆      Step  session",
        "├╌✓    Step  sha256:0123",
        "├╌┼╌◆  Step  layer 1",
        "│ ●─┘  Step  append",
        "├╌┼╌◆  Step  layer 2",
        "│ ●─┘  Step  append",
        "│ ●    Step  label",
        "◆─┘    Step  write",
    ]
    assert repr(write) == str(write)


def test_an_input_that_is_used_again_keeps_its_lane(step: Step) -> None:
    """A shared thunk is joined from the side by all but the last that takes it."""
    shared, other = step("shared"), step("other")
    first = step("first", (shared, other))
    graph = Graph.of(step("root", (first, step("second", (shared, other)), step("third", (other,)))))
    assert str(graph).splitlines()[1:] == [
        "●      Step  shared",
        "│ ●    Step  other",
        "├─┼─●  Step  first",
        "●─┤ │  Step  second",
        "│ ● │  Step  third",
        "●─┴─┘  Step  root",
    ]


def test_an_empty_graph_says_so(parsed: Parsed) -> None:
    """No nodes, no drawing, no error."""
    graph = Graph()
    assert str(graph) == "0 thunks, 0 edges"
    assert parsed(graph._repr_html_()) is not None
    assert "digraph" in graph.to_dot()
    assert parsed(graph.to_svg()) is not None


@pytest.mark.parametrize("length", [DRAWN + 1, 10_000])
def test_the_middle_of_a_long_chain_is_a_number(step: Step, parsed: Parsed, length: int) -> None:
    """The first and the last few are drawn, and how many are between them is said."""
    graph = Graph.of(chain(step, length))
    lines = str(graph).splitlines()
    assert len(lines) == 10
    assert f"⋮  {length - 8:,} thunks more" in lines[5]
    assert lines[-1].endswith(f"{length - 1}")
    root = parsed(graph._repr_html_())
    assert groups(root).count("more") == 1
    assert len(groups(root)) == 9
    assert len(graph._repr_html_()) < 15_000


def test_a_long_recipe_with_layers_is_drawn_by_its_ends(step: Step, parsed: Parsed) -> None:
    """Ten thousand appends, each with a layer of its own: the first and the last ones are seen."""
    image = step("base")
    for number in range(10_000):
        image = step(f"append {number}", (image, step(f"layer {number}")))
    graph = Graph.of(image)
    html = graph._repr_html_()
    shown = texts(parsed(html), "detail")
    assert len(shown) == DRAWN
    assert {"base", "append 0", "append 9999", "layer 9999"} <= set(shown)
    assert len(html) < 60_000
    assert len(str(graph).splitlines()) == LINES + 1


@pytest.mark.parametrize("shape", ["fan in", "dense", "diamond"])
def test_whatever_its_shape_a_large_graph_gives_a_small_drawing(
    step: Step, parsed: Parsed, shape: str
) -> None:
    """Five thousand inputs of one thunk, every thunk an input of every later one, and 60 levels of two."""
    if shape == "fan in":
        root = step("root", tuple(step(f"{n}") for n in range(5_000)))
    elif shape == "dense":
        made: list[Any] = []
        for number in range(200):
            made.append(step(f"{number}", tuple(made)))
        root = made[-1]
    else:
        root = step("leaf")
        for number in range(60):
            root = step(f"{number}", (step(f"left {number}", (root,)), step(f"right {number}", (root,))))
    graph = Graph.of(root)
    html = graph._repr_html_()
    assert len(groups(parsed(html))) <= DRAWN
    assert len(html) < 150_000
    assert len(str(graph)) < 20_000
    assert len(graph.to_dot(limit=100)) < 40_000


def test_edges_that_are_not_drawn_are_counted(step: Step) -> None:
    """A graph with more edges than a person could follow says how many there are."""
    made: list[Any] = []
    for number in range(40):
        made.append(step(f"{number}", tuple(made)))
    graph = Graph.of(made[-1])
    unseen = 40 * 39 // 2 - 4 * DRAWN
    assert f"{unseen} edges not drawn" in graph._repr_html_()
    assert f"... and {40 * 39 // 2 - 4 * LINES} edges more" in str(graph)


# --- as HTML -----------------------------------------------------------------------------------------


def test_boxes_have_name_and_parameters_and_tell_more_when_pointed_at(write: Graph, parsed: Parsed) -> None:
    """Each thunk is a box with a title that has its repr, key and origin."""
    root = parsed(write._repr_html_())
    assert texts(root, "name") == ["Step"] * 8
    assert sorted(texts(root, "detail")) == sorted(
        ["session", "sha256:0123", "layer 1", "layer 2", "append", "append", "label", "write"]
    )
    titles = [e.text or "" for e in root.iter(f"{SVG}title")]
    for title, key in zip(sorted(titles), sorted(write, key=lambda k: repr(thunk(write, k))), strict=True):
        assert f"key {key}" in title
        assert re.search(r"composed at .*test_graph\.py:\d+", title)
    assert any("known: sha256:0123" in title for title in titles)


def thunk(graph: Graph, key: str) -> Thunk[Any]:
    found: Thunk[Any] = graph.nodes[key]["thunk"]
    return found


def test_kinds_and_edges_look_different_and_are_explained(write: Graph, parsed: Parsed) -> None:
    """Pure, effectful and known thunks, values and order: each with its class, and in the legend."""
    root = parsed(write._repr_html_())
    assert sorted(set(groups(root))) == ["effectful", "known", "pure"]
    lines = [e.get("class") for e in root.iter(f"{SVG}path")]
    assert (lines.count("lazyimg-value"), lines.count("lazyimg-order")) == (7, 3)
    explained = " ".join("".join(e.itertext()) for e in root.iter("span"))
    assert explained == "computed touches the world known already only after"


def test_a_legend_explains_only_what_is_there(step: Step) -> None:
    """A graph of pure thunks has nothing that touches the world."""
    html = Graph.of(step("a"))._repr_html_()
    assert "computed" in html
    assert "touches the world" not in html
    assert "only after" not in html


def test_a_wide_graph_is_drawn_from_left_to_right(step: Step, parsed: Parsed) -> None:
    """Twenty inputs beside each other would not fit a page: they stand below each other instead."""
    (svg,) = parsed(Graph.of(step("root", tuple(step(f"{n}") for n in range(20))))._repr_html_()).iter(
        f"{SVG}svg"
    )
    width, height = (int(svg.get(name) or 0) for name in ("width", "height"))
    assert width < 600 < height


def test_a_drawing_stays_inside_its_frame(write: Graph, parsed: Parsed) -> None:
    """No box and no line leaves the picture."""
    (svg,) = parsed(write._repr_html_()).iter(f"{SVG}svg")
    width, height = (int(svg.get(name) or 0) for name in ("width", "height"))
    for box in svg.iter(f"{SVG}g"):
        x, y = map(int, re.findall(r"-?\d+", box.get("transform") or ""))
        assert 0 <= x <= width - 208
        assert 0 <= y <= height - 46
    for path in svg.iter(f"{SVG}path"):
        numbers = list(map(int, re.findall(r"-?\d+", path.get("d") or "")))
        assert all(0 <= x <= width for x in numbers[::2])
        assert all(0 <= y <= height for y in numbers[1::2])


def test_a_users_own_nodes_and_cycles_are_drawn(parsed: Parsed) -> None:
    """Whatever is added with networkx's functions is drawn by its name, in any direction."""
    graph = Graph()
    graph.add_edge("one", "<two>")
    graph.add_edge("<two>", "one")
    graph.add_edge("one", "one")
    root = parsed(graph._repr_html_())
    assert sorted(texts(root, "name")) == ["<two>", "one"]
    assert "one" in str(graph)
    big = Graph()
    nx.add_cycle(big, map(str, range(500)))
    assert len(groups(parsed(big._repr_html_()))) <= DRAWN
    assert "other" in big._repr_html_()


def test_looking_forces_nothing_and_touches_nothing(
    step: Step, effect: Step, untouched: Callable[[], Any]
) -> None:
    """Every way of looking leaves files alone and thunks pending, though parameters name files."""
    root = step("root", (effect("/etc/passwd"), chain(step, 200)))
    Graph.of(root)._repr_html_()  # what is imported on first use is there
    with untouched():
        graph = Graph.of(root)
        assert str(graph)
        assert repr(graph)
        assert graph._repr_html_()
        assert graph.to_dot()
        assert graph.to_svg()


HOSTILE = [
    "</title></svg><script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "\x1b]0;owned\x07\x1b[2J",
    "\u202egnp.exe",
    "a\nb\\l\r",
    "\udc80",
    "x" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_gets_out_of_its_place(step: Step, parsed: Parsed, text: str) -> None:
    """Names, parameters, options, origins and known texts cannot become markup or move a cursor."""
    leaf = step(text, options={text: text}, called=text)
    graph = Graph.of(step("root", (leaf,)), known={leaf.key: text})
    graph.add_node(text)
    html, line, dot = graph._repr_html_(), str(graph), graph.to_dot()
    assert len(groups(parsed(html))) == 3
    assert len(line.splitlines()) == 4
    assert line.isprintable() or set(line) - {"\n"} == {c for c in line if c.isprintable()}
    assert len(html) + len(line) + len(dot) < 30_000
    assert len(re.findall(r"^  \d+ \[", dot, re.MULTILINE)) == 3


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec=None), max_size=50), st.dictionaries(st.text(), st.text(), max_size=3))
def test_any_text_is_drawn(text: str, options: dict[str, str]) -> None:
    """Whatever a file or a label is called, drawings are well formed."""
    graph = Graph()
    graph.add_edge(text, text + "x")
    graph.graph.update(options)
    assert ET.fromstring(graph._repr_html_()) is not None  # noqa: S314 - our own text
    assert len(str(graph).splitlines()) == 3


# --- DOT ---------------------------------------------------------------------------------------------


def test_dot_has_the_same_nodes_and_edges(write: Graph) -> None:
    """Numbered nodes, inputs first, and dashed lines for order."""
    dot = write.to_dot()
    assert dot.startswith("digraph lazyimg {\n")
    assert dot.endswith("}\n")
    assert '  0 [label="Step\\nsession", color="#d9822b"];' in dot
    assert "  0 -> 1 [style=dashed];" in dot
    assert "  1 -> 3;" in dot
    assert dot.count(" -> ") == write.number_of_edges()


def test_dot_is_bounded_too(step: Step) -> None:
    """What is left out is a dashed node."""
    dot = Graph.of(chain(step, 10_000)).to_dot()
    assert dot.count("label=") == 9
    assert "style=dashed" in dot


# --- what is drawn -----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(2, 20),
    st.sets(st.tuples(st.integers(0, 60), st.integers(0, 60)).filter(lambda ends: ends[0] < ends[1])),
)
def test_any_view_is_bounded_complete_and_in_order(size: int, limit: int, ends: set[tuple[int, int]]) -> None:
    """No more nodes than asked for, all thunks counted, and no edge of a graph without cycles leads back."""
    graph = Graph()
    graph.add_nodes_from(map(str, range(size)))
    graph.add_edges_from((str(a), str(b)) for a, b in ends if b < size)
    view = view_of(graph, limit)
    assert len(view.nodes) <= max(limit, 2)
    assert view.thunks == size
    assert all(edge.source < edge.target for edge in view.edges)
    hidden = [int(re.sub(r"\D", "", node.name)) - 1 for node in view.nodes if node.kind == "more"]
    assert len(view.nodes) + sum(hidden) == size

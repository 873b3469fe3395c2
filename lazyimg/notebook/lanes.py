"""A view as text: one line a thunk, inputs above, and lanes at the left that carry values down."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from lazyimg.notebook.text import columns, counted, fit, padded
from lazyimg.notebook.view import View

NAME, DETAIL = 28, 64
"""Columns of a thunk's name and of its parameters."""

_DOTS = {"pure": "●", "effectful": "◆", "known": "✓", "more": "⋮"}
_LINE, _ORDER = "─", "╌"

# What joins a place with what is above, below, left and right of it.
_JOINTS = {
    (True, True, False, False): "│",
    (True, True, True, False): "┤",
    (True, True, False, True): "├",
    (True, True, True, True): "┼",
    (True, False, True, False): "┘",
    (True, False, False, True): "└",
    (True, False, True, True): "┴",
    (False, False, True, True): _LINE,
    (False, False, False, False): " ",
}


def text_of_view(view: View) -> str:
    """The drawing, a line a node.

    A lane runs down from each node to the last that takes its value; a node is joined to the lanes that it
    takes from. What says only "after" is joined by a broken line.
    """
    drawn = [row.rstrip() for row in _rows(view)]
    widest = max((len(row) for row in drawn), default=0)
    names = [fit(node.name, NAME) for node in view.nodes]
    longest = max((columns(name) for name in names), default=0)
    lines = [
        f"{row:{widest}}  {padded(name, longest)}  {fit(node.detail, DETAIL)}".rstrip()
        for row, name, node in zip(drawn, names, view.nodes, strict=True)
    ]
    more = [f"... and {counted(view.unseen, 'edge')} more"] if view.unseen else []
    return "\n".join([*lines, *more])


@frozen
class _Row:
    """One node among the lanes.

    Attributes:
        dot: what the node is drawn as.
        here: the lane that it stands in.
        lanes: for each lane, whether it comes from above and whether it goes on below.
        joined: the other lanes that the node takes from; true for those that say only "after".
    """

    dot: str
    here: int
    lanes: tuple[tuple[bool, bool], ...]
    joined: Mapping[int, bool]

    def __str__(self) -> str:
        return "".join(self._mark(lane) + self._between(lane) for lane in range(len(self.lanes)))

    def _mark(self, lane: int) -> str:
        if lane == self.here:
            return self.dot
        above, below = self.lanes[lane]
        left, right = bool(self._through(lane - 1)), bool(self._through(lane))
        return _JOINTS[above, below, left, right] if above else self._between(lane)

    def _through(self, lane: int) -> list[bool]:
        """The kinds of what runs from ``lane`` to the next: to this node, from beyond."""
        if lane >= self.here:
            return [order for other, order in self.joined.items() if other > lane]
        return [order for other, order in self.joined.items() if other <= lane]

    def _between(self, lane: int) -> str:
        through = self._through(lane)
        return " " if not through else _ORDER if all(through) else _LINE


def _rows(view: View) -> Iterator[str]:
    last = {edge.source: edge.target for edge in view.edges}  # edges are sorted: the last target stays
    inputs: list[dict[int, bool]] = [{} for _ in view.nodes]
    for edge in view.edges:
        if edge.source < edge.target:
            inputs[edge.target][edge.source] = edge.order
    lanes: list[int | None] = []
    for number, node in enumerate(view.nodes):
        ends = {source for source in inputs[number] if last[source] == number}
        here = _place_for(lanes, ends)
        above = [*lanes, None] if here == len(lanes) else lanes
        marks = tuple((lane is not None, lane is not None and lane not in ends) for lane in above)
        joined = {i: inputs[number][n] for i, n in enumerate(above) if n in inputs[number] and i != here}
        yield str(_Row(_DOTS[node.kind], here, marks, joined))
        lanes = [None if lane in ends else lane for lane in above]
        lanes[here] = number if last.get(number, number) > number else None
        while lanes and lanes[-1] is None:
            lanes.pop()


def _place_for(lanes: Sequence[int | None], ends: set[int]) -> int:
    """A node takes the first lane that ends in it, else a free one, else one more."""
    for index, lane in enumerate(lanes):
        if lane in ends:
            return index
    return lanes.index(None) if None in lanes else len(lanes)

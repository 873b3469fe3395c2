"""A view as SVG: boxes in layers, solid lines for values, dashed ones for order.

No identifiers and no references in it, so that any number of drawings live on one page.
"""

from collections.abc import Iterable, Iterator

from attrs import frozen

from lazyimg.notebook.layout import Layout, layout_of
from lazyimg.notebook.text import escaped, fit
from lazyimg.notebook.view import Node, View

WIDTH, HEIGHT = 208, 46
"""A box, in pixels."""

GAP = 22
"""Pixels between boxes of a layer."""

BETWEEN_ROWS, BETWEEN_COLUMNS = 36, 64
"""Pixels between layers, where they lie below each other and where they stand side by side."""

MARGIN = 10
PAGE = 1000
"""Pixels across that a drawing from top to bottom may take before one from left to right is tried."""

NAME, DETAIL = 24, 29
"""Columns of text in a box, of its two lines."""


@frozen
class Point:
    """A place in the picture, in pixels."""

    x: float
    y: float


@frozen
class Axes:
    """How a layout becomes a picture: which way it runs, and how much room things take.

    Attributes:
        sideways: from left to right; else from top to bottom.
    """

    sideways: bool

    @property
    def size(self) -> int:
        """Pixels that a box takes across the direction of the drawing."""
        return HEIGHT if self.sideways else WIDTH

    @property
    def length(self) -> int:
        """Pixels that a box takes along it."""
        return WIDTH if self.sideways else HEIGHT

    @property
    def step(self) -> int:
        """Pixels from one layer to the next."""
        return self.length + (BETWEEN_COLUMNS if self.sideways else BETWEEN_ROWS)

    def point(self, along: float, across: float) -> Point:
        """The place of abstract coordinates in the picture."""
        along, across = along + MARGIN, across + MARGIN + self.size / 2
        return Point(along, across) if self.sideways else Point(across, along)

    def curve(self, start: Point, end: Point) -> str:
        """A smooth line on to ``end``, leaving ``start`` and arriving in the drawing's direction."""
        if self.sideways:
            middle = (start.x + end.x) / 2
            return f"C{middle:.0f} {start.y:.0f} {middle:.0f} {end.y:.0f} {end.x:.0f} {end.y:.0f}"
        middle = (start.y + end.y) / 2
        return f"C{start.x:.0f} {middle:.0f} {end.x:.0f} {middle:.0f} {end.x:.0f} {end.y:.0f}"

    def head(self, tip: Point) -> str:
        """An arrow's head that points at ``tip``."""
        x, y = round(tip.x), round(tip.y)
        if self.sideways:
            return f"M{x - 7} {y - 4}L{x} {y}L{x - 7} {y + 4}"
        return f"M{x - 4} {y - 7}L{x} {y}L{x + 4} {y - 7}"


def svg_of(view: View) -> str:
    """The drawing as one ``<svg>`` element, whose classes `lazyimg.notebook.style` colours."""
    axes, layout = _arranged(view)
    corners = [axes.point(d * axes.step + axes.length, a + axes.size / 2) for d, a in _places(layout)]
    width = max((c.x for c in corners), default=0) + MARGIN
    height = max((c.y for c in corners), default=0) + MARGIN
    label = escaped(f"a graph of {view.thunks} thunks")
    parts = [*_lines(view, layout, axes), *_boxes(view.nodes, layout, axes)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lazyimg-graph" role="img" aria-label="{label}" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
        f"{''.join(parts)}</svg>"
    )


def _arranged(view: View) -> tuple[Axes, Layout]:
    """From top to bottom, unless that is too wide for a page and the other way is narrower."""
    down = Axes(sideways=False)
    layout = layout_of(view, down.size, GAP)
    wide = max(layout.across, default=0.0) + WIDTH
    aside = Axes(sideways=True)
    if wide <= PAGE or wide <= (max(layout.layer) + 1) * aside.step:
        return down, layout
    return aside, layout_of(view, aside.size, GAP / 2)


def _places(layout: Layout) -> Iterator[tuple[int, float]]:
    """The layer and place of everything that takes room."""
    yield from zip(layout.layer, layout.across, strict=True)
    for route in layout.routes:
        yield from route


def _boxes(nodes: Iterable[Node], layout: Layout, axes: Axes) -> Iterator[str]:
    for node, layer, across in zip(nodes, layout.layer, layout.across, strict=True):
        middle = axes.point(layer * axes.step + axes.length / 2, across)
        yield _box(node, round(middle.x - WIDTH / 2), round(middle.y - HEIGHT / 2))


def _box(node: Node, x: int, y: int) -> str:
    about = escaped_lines(node.about)
    name, detail = escaped(fit(node.name, NAME)), escaped(fit(node.detail, DETAIL))
    lower = f'<text class="lazyimg-detail" x="14" y="36">{detail}</text>' if detail else ""
    bar = "" if node.kind == "more" else f'<rect class="lazyimg-bar" width="4" height="{HEIGHT}" rx="2"/>'
    return (
        f'<g class="lazyimg-{node.kind}" transform="translate({x} {y})"><title>{about}</title>'
        f'<rect class="lazyimg-box" width="{WIDTH}" height="{HEIGHT}" rx="5"/>{bar}'
        f'<text class="lazyimg-name" x="14" y="{20 if detail else 28}">{name}</text>{lower}</g>'
    )


def escaped_lines(lines: Iterable[str], limit: int = 300) -> str:
    """Texts made harmless and joined, each on a line of its own."""
    return "\n".join(escaped(fit(line, limit)) for line in lines)


def _lines(view: View, layout: Layout, axes: Axes) -> Iterator[str]:
    for edge, route in zip(view.edges, layout.routes, strict=True):
        start = axes.point(layout.layer[edge.source] * axes.step + axes.length, layout.across[edge.source])
        tip = axes.point(layout.layer[edge.target] * axes.step, layout.across[edge.target])
        path = "".join(_path(start, route, tip, axes))
        kind = "order" if edge.order else "value"
        yield f'<path class="lazyimg-{kind}" d="{path}"/><path class="lazyimg-head" d="{axes.head(tip)}"/>'


def _path(start: Point, route: Iterable[tuple[int, float]], tip: Point, axes: Axes) -> Iterator[str]:
    """Curves between layers, and straight pieces through them."""
    yield f"M{start.x:.0f} {start.y:.0f}"
    for layer, across in route:
        entry = axes.point(layer * axes.step, across)
        exit_ = axes.point(layer * axes.step + axes.length, across)
        yield f"{axes.curve(start, entry)}L{exit_.x:.0f} {exit_.y:.0f}"
        start = exit_
    yield axes.curve(start, tip)

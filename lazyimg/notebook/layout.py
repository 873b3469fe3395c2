"""Places for the nodes of a view: layers of equal depth, few crossings, straight lines where they fit.

The old recipe of layered drawings, small: each node as near above its dependents as it can be; a line that
crosses layers gets a joint in each; the nodes of a layer are sorted by where their neighbours are; and
places are the nearest to the neighbours' middle that keep the order and a distance. A node wants most to be
in line with its main input, and a line to be straight, so that a long recipe is a column with its layers
beside it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from attrs import frozen

from lazyimg.notebook.view import Edge, View

SWEEPS = 8
"""Times that the layers are gone through, down and up, to sort and to place."""

JOINTS = 600
"""Joints at most; with more, lines go straight from end to end."""

MAIN, JOINED = 1e6, 1e3
"""How much more than others a node and its main input, and two joints of a line, want to be in line."""

FEW = 3
"""Inputs of a node, of which the first is the main one if none has a longer way behind it."""

LANE = 0.5
"""The distance between two lines that pass a layer, in parts of that between two nodes."""


@frozen
class Layout:
    """Where everything is, in an abstract plane: layers by number, and a place across.

    Attributes:
        layer: each node's layer, from 0; sources have the low ones.
        across: the middle of each node, in the unit of ``size`` and ``gap``.
        routes: for each edge, the joints it goes through: pairs of layer and place across.
    """

    layer: tuple[int, ...]
    across: tuple[float, ...]
    routes: tuple[tuple[tuple[int, float], ...], ...]


def layout_of(view: View, size: float, gap: float) -> Layout:
    """Places for the nodes of ``view``, each ``size`` wide across, ``gap`` apart."""
    depth = _depths(view)
    chains = _chains(view, depth)
    net = _Net(depth, chains, _main_inputs(view), len(view.nodes))
    net.sort()
    across = net.place(size, gap)
    left = min(across[: len(view.nodes)], default=0.0)
    moved = [place - left for place in across]
    routes = tuple(tuple((net.depth[j], moved[j]) for j in chain[1:-1]) for chain in chains)
    return Layout(tuple(depth), tuple(moved[: len(view.nodes)]), routes)


def _depths(view: View) -> list[int]:
    """Each node's layer: right above the first of its dependents."""
    height = [0] * len(view.nodes)
    for edge in sorted(view.edges, key=lambda edge: -edge.source):
        if edge.source < edge.target:
            height[edge.source] = max(height[edge.source], height[edge.target] + 1)
    top = max(height, default=0)
    return [top - value for value in height]


def _chains(view: View, depth: list[int]) -> list[list[int]]:
    """Each edge as the nodes it joins with the joints between; joints are numbered after the nodes."""
    wanted = sum(max(0, _span(edge, depth) - 1) for edge in view.edges)
    following = len(view.nodes)
    chains = []
    for edge in view.edges:
        joints = max(0, _span(edge, depth) - 1) if wanted <= JOINTS else 0
        chains.append([edge.source, *range(following, following + joints), edge.target])
        following += joints
    return chains


def _main_inputs(view: View) -> list[bool]:
    """For each edge, whether it comes from its target's main input: the one with the longest way behind it.

    Of a few equally long ones the first is the main one; of many, none.
    """
    into: dict[int, list[int]] = defaultdict(list)
    for index, edge in enumerate(view.edges):
        if not edge.order and edge.source < edge.target:
            into[edge.target].append(index)
    reach = [0] * len(view.nodes)
    chosen = set()
    for target, edges in sorted(into.items()):
        ways = [reach[view.edges[index].source] for index in edges]
        reach[target] = max(ways) + 1
        if len(edges) <= FEW or ways.count(max(ways)) == 1:
            chosen.add(edges[ways.index(max(ways))])
    return [index in chosen for index in range(len(view.edges))]


def _span(edge: Edge, depth: list[int]) -> int:
    return depth[edge.target] - depth[edge.source]


class _Net:
    """Nodes and joints in their layers, and who is joined to whom."""

    def __init__(
        self, depth: Sequence[int], chains: Iterable[Sequence[int]], main: Iterable[bool], nodes: int
    ) -> None:
        self.depth = list(depth)
        self.nodes = nodes
        self.up: dict[int, list[tuple[int, float]]] = defaultdict(list)
        self.down: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for chain, is_main in zip(chains, main, strict=True):
            self.depth.extend(self.depth[chain[0]] + step for step in range(1, len(chain) - 1))
            for before, after in pairwise(chain):
                weight = MAIN if is_main else JOINED if before >= nodes <= after else 1.0
                self.down[before].append((after, weight))
                self.up[after].append((before, weight))
        self.layers: list[list[int]] = [[] for _ in range(max(self.depth, default=-1) + 1)]
        for item, layer in enumerate(self.depth):
            self.layers[layer].append(item)

    def sort(self) -> None:
        """Sort each layer by the mean rank of its neighbours in the layer before, down and up."""
        rank = {item: float(index) for layer in self.layers for index, item in enumerate(layer)}
        for sweep in range(SWEEPS):
            layers, beside = self._sweep(sweep)
            for layer in layers:
                layer.sort(key=lambda item: _middle(beside[item], rank, item))
                rank.update((item, float(index)) for index, item in enumerate(layer))

    def place(self, size: float, gap: float) -> list[float]:
        """A place across for every node and joint."""
        across = dict.fromkeys(range(len(self.depth)), 0.0)
        offsets = [self._offsets(layer, size, gap) for layer in self.layers]
        for layer, distances in zip(self.layers, offsets, strict=True):
            across.update(zip(layer, distances, strict=True))
        for sweep in range(SWEEPS):
            layers, beside = self._sweep(sweep)
            for layer, distances in zip(layers, offsets[:: 1 if sweep % 2 == 0 else -1], strict=True):
                wanted = [_middle(beside[item], across, item) for item in layer]
                weights = [sum((weight for _, weight in beside[item]), 1.0) for item in layer]
                across.update(zip(layer, _apart(wanted, distances, weights), strict=True))
        return [across[item] for item in range(len(self.depth))]

    def _sweep(self, number: int) -> tuple[list[list[int]], dict[int, list[tuple[int, float]]]]:
        return (self.layers, self.up) if number % 2 == 0 else (self.layers[::-1], self.down)

    def _offsets(self, layer: Sequence[int], size: float, gap: float) -> list[float]:
        """The places of a layer's items packed as near to each other as may be."""
        half = {item: size / 2 if item < self.nodes else 0.0 for item in layer}
        found = [0.0] * len(layer[:1])
        for left, right in pairwise(layer):
            lane = LANE if left >= self.nodes <= right else 1.0
            found.append(found[-1] + half[left] + half[right] + gap * lane)
        return found


def _middle(beside: Sequence[tuple[int, float]], places: Mapping[int, float], item: int) -> float:
    """The mean place of those neighbours that an item most wants to be in line with, or its own."""
    most = max((weight for _, weight in beside), default=0.0)
    wanted = [places[n] for n, weight in beside if weight == most] or [places[item]]
    return sum(wanted) / len(wanted)


def _apart(wanted: Sequence[float], offsets: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The places nearest to ``wanted`` that keep the order and the distances of ``offsets``."""
    level = _rising([want - offset for want, offset in zip(wanted, offsets, strict=True)], weights)
    return [value + offset for value, offset in zip(level, offsets, strict=True)]


def _rising(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing sequence with the least weighted squared distance to ``values``."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            pool = _joined(pools.pop(), pool)
        pools.append(pool)
    return [level for level, _, count in pools for _ in range(count)]


def _joined(left: tuple[float, float, int], right: tuple[float, float, int]) -> tuple[float, float, int]:
    weight = left[1] + right[1]
    return (left[0] * left[1] + right[0] * right[1]) / weight, weight, left[2] + right[2]

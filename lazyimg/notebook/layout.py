"""Places for the nodes of a view: layers of equal depth, few crossings, straight lines where they fit.

The old recipe of layered drawings, small: each node as near above its dependents as it can be; a line that
crosses layers gets a joint in each; the nodes of a layer are sorted by where their neighbours are; and
places are the nearest to the neighbours' middle that keep the order and a distance.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from attrs import frozen

from lazyimg.notebook.view import Edge, View

SWEEPS = 8
"""Times that the layers are gone through, down and up, to sort and to place."""

JOINTS = 600
"""Joints at most; with more, lines go straight from end to end."""

STRAIGHT = 8.0
"""How much more a joint wants to be in line than a node does."""


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
    net = _Net(depth, chains, size, gap, len(view.nodes))
    net.sort()
    across = net.place()
    left = min((place for place in across[: len(view.nodes)]), default=0.0)
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


def _span(edge: Edge, depth: list[int]) -> int:
    return depth[edge.target] - depth[edge.source]


class _Net:
    """Nodes and joints in their layers, and who is joined to whom."""

    def __init__(
        self, depth: Sequence[int], chains: Iterable[Sequence[int]], size: float, gap: float, nodes: int
    ) -> None:
        self.depth = list(depth)
        self.size, self.gap, self.nodes = size, gap, nodes
        self.up: dict[int, list[int]] = defaultdict(list)
        self.down: dict[int, list[int]] = defaultdict(list)
        for chain in chains:
            self.depth.extend(self.depth[chain[0]] + step for step in range(1, len(chain) - 1))
            for before, after in pairwise(chain):
                self.down[before].append(after)
                self.up[after].append(before)
        self.layers: list[list[int]] = [[] for _ in range(max(self.depth, default=-1) + 1)]
        for item, layer in enumerate(self.depth):
            self.layers[layer].append(item)

    def sort(self) -> None:
        """Sort each layer by the mean rank of its neighbours in the layer before, down and up."""
        rank = {item: float(index) for layer in self.layers for index, item in enumerate(layer)}
        for sweep in range(SWEEPS):
            layers, beside = self._sweep(sweep)
            for layer in layers:
                layer.sort(key=lambda item: _mean([rank[n] for n in beside[item]], rank[item]))
                rank.update((item, float(index)) for index, item in enumerate(layer))

    def place(self) -> list[float]:
        """A place across for every node and joint."""
        across = [0.0] * len(self.depth)
        for layer in self.layers:
            for index, item in enumerate(layer):
                across[item] = index * (self.size + self.gap)
        for sweep in range(SWEEPS):
            layers, beside = self._sweep(sweep)
            for layer in layers:
                wanted = [_mean([across[n] for n in beside[item]], across[item]) for item in layer]
                for item, place in zip(layer, self._apart(layer, wanted), strict=True):
                    across[item] = place
        return across

    def _sweep(self, number: int) -> tuple[list[list[int]], dict[int, list[int]]]:
        return (self.layers, self.up) if number % 2 == 0 else (self.layers[::-1], self.down)

    def _apart(self, layer: Sequence[int], wanted: Sequence[float]) -> list[float]:
        """The places nearest to ``wanted`` that keep the order of the layer and the distances in it."""
        offsets = [0.0]
        for left, right in pairwise(layer):
            offsets.append(offsets[-1] + (self._half(left) + self._half(right)) + self.gap)
        weights = [1.0 if item < self.nodes else STRAIGHT for item in layer]
        level = _rising([want - offset for want, offset in zip(wanted, offsets, strict=True)], weights)
        return [value + offset for value, offset in zip(level, offsets, strict=True)]

    def _half(self, item: int) -> float:
        return self.size / 2 if item < self.nodes else 0.0


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


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

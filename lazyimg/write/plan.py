"""A write before it is forced: its graph, and its steps in their order. Touches nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from lazyimg.state.image_state import ImageState
from lazyimg.thunk.origin import Origin
from lazyimg.thunk.thunk import Thunk, brief
from lazyimg.write.composing import Composed, compose, target_of
from lazyimg.write.target import Target

if TYPE_CHECKING:
    from lazyimg.notebook.graph import Graph
    from lazyimg.notebook.table import Table


@frozen
class Step:
    """One step of a write.

    Attributes:
        name: the operation.
        what: what it does, in a line, with its parameters.
        origin: where the user composed it; None for steps of the write itself.
    """

    name: str
    what: str
    origin: Origin | None = None


@frozen(eq=False)
class Plan:
    """What a write will do, in order: sessions, documents, bytes, and last the tags.

    What is not known before documents are read (which layers a base has, what a target has already) is one
    step each, and says so.
    """

    composed: Composed

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in an order in which they can run."""
        return tuple(_steps(self.composed))

    def graph(self) -> "Graph":
        """The graph of the write, sessions before all that starts from nothing."""
        from lazyimg.notebook.graph import Graph  # noqa: PLC0415 - networkx on use
        from lazyimg.thunk.graph import order_first  # noqa: PLC0415 - with it

        graph = Graph.of(self.composed.root)
        order_first(graph, self.composed.sessions)
        return graph

    def __str__(self) -> str:
        return self._table().to_text()

    def _repr_html_(self) -> str:
        return self._table()._repr_html_() + self.graph()._repr_html_()

    def _table(self) -> "Table":
        from lazyimg.notebook.table import Table  # noqa: PLC0415 - drawn on demand

        rows = [
            (str(number), step.name, step.what, str(step.origin or ""))
            for number, step in enumerate(self.steps, 1)
        ]
        targets = [str(target) for _, targets in self.composed.routes for target in targets]
        return Table(f"plan: write to {', '.join(targets)}", ("", "step", "what", "composed at"), tuple(rows))


def plan(image: Thunk[ImageState], targets: Sequence[Target | str], tags: Sequence[str]) -> Plan:
    """The plan of one image's write; see `lazyimg.Image.plan`."""
    return plan_all({target_of(target, tags): image for target in targets})


def plan_all(images: Mapping[Any, Thunk[ImageState]]) -> Plan:
    """The plan of a write of several images, as `lazyimg.write` takes them."""
    return Plan(compose((image, (target_of(target),)) for target, image in images.items()))


def _steps(composed: Composed) -> Iterator[Step]:
    from lazyimg.thunk.graph import DiGraph, build, order_first, thunk_of, topological  # noqa: PLC0415

    graph = build([composed.root], DiGraph())
    order_first(graph, composed.sessions)
    thunks = [thunk_of(graph, key) for key in topological(graph)]
    yield from (_step(thunk) for thunk in thunks if thunk != composed.root)
    yield from _bytes(thunks)
    for _, targets in composed.routes:
        for target in targets:
            names = ", ".join(target.names) or "its digest"
            yield Step("Publish", f"put the manifest at {target} as {names}, when all is in place")


def _step(thunk: Thunk[Any]) -> Step:
    shown = (f"{name}={brief(value)}" for name, value in thunk.parameters.items() if not _is_input(value))
    return Step(thunk.name, f"{_summary(thunk)} {' '.join(shown)}".strip(), thunk.origin)


def _is_input(value: Any) -> bool:
    return isinstance(value, Thunk) or (isinstance(value, tuple) and any(map(_is_input, value)))


def _summary(thunk: Thunk[Any]) -> str:
    return (type(thunk).__doc__ or "").partition("\n")[0]


def _bytes(thunks: Iterable[Thunk[Any]]) -> Iterator[Step]:
    """The steps of the second stage, as far as they are known before documents are."""
    thunks = list(thunks)
    for thunk in thunks:
        if getattr(thunk, "reads", None) is not None:
            yield Step("Consume", f"the layers of {thunk!r}: in place, mounted, or copied", thunk.origin)
    for thunk in thunks:
        if _is_layer(thunk):
            yield Step("Consume", f"read {thunk!r} once: hash, compress, hash, send", thunk.origin)
    yield Step("PutConfig", "send the config, if it was edited, as soon as the last layer was read")


def _is_layer(thunk: Thunk[Any]) -> bool:
    return getattr(thunk, "is_layer", False) is True

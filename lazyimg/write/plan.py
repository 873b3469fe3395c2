"""A write before it is forced: its graph, and its steps in their order. Touches nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from lazyimg.notebook.words import detail_of
from lazyimg.state.index_state import State
from lazyimg.thunk.origin import Origin
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.composing import Composed, compose, target_of, targets_of
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


@frozen(eq=False, repr=False)
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

    def __repr__(self) -> str:
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


def plan(
    image: Thunk[State], targets: Sequence[Target | str], tags: Sequence[str], if_tag: str | None = None
) -> Plan:
    """The plan of one image's write; see `lazyimg.Image.plan`."""
    return Plan(compose([(image, targets_of(targets, tags, if_tag))]))


def plan_all(images: Mapping[Any, Thunk[State]]) -> Plan:
    """The plan of a write of several images, as `lazyimg.write` takes them."""
    return Plan(compose((image, (target_of(target),)) for target, image in images.items()))


def _steps(composed: Composed) -> Iterator[Step]:
    from lazyimg.thunk.graph import DiGraph, build, order_first, thunk_of, topological  # noqa: PLC0415

    graph = build([composed.root], DiGraph())
    order_first(graph, composed.sessions)
    thunks = [thunk_of(graph, key) for key in topological(graph)]
    yield from (Step(thunk.name, sentence(thunk), thunk.origin) for thunk in thunks if thunk != composed.root)
    yield from _bytes(thunks)
    for _, targets in composed.routes:
        for target in targets:
            names = ", ".join(target.names) or "its digest"
            condition = getattr(target, "if_tag", None)
            only = "" if condition is None else f" and if_tag={condition} holds"
            yield Step("Publish", f"Put the manifest at {target.site} as {names}, when all is in place{only}")


def sentence(thunk: Thunk[Any]) -> str:
    """What a thunk does, in a line: its own words, else its parameters, else its class's docstring.

    >>> from lazyimg.image.image import Image
    >>> sentence(Image.from_registry("python:3.12", platform="linux/arm64"))
    'GET the manifest of docker.io/library/python:3.12 for linux/arm64'
    >>> sentence(Image.empty().annotate({"title": "app"}))
    "title='app'"
    >>> sentence(Image.empty().append())
    'Put layers on top'
    """
    describe = getattr(thunk, "describe", None)
    if callable(describe):
        return str(describe())
    return detail_of(thunk) or (type(thunk).__doc__ or thunk.name).partition("\n")[0].rstrip(".")


def _bytes(thunks: Iterable[Thunk[Any]]) -> Iterator[Step]:
    """The steps of the second stage, as far as they are known before documents are."""
    thunks = list(thunks)
    for thunk in thunks:
        if (reads := getattr(thunk, "reads", None)) is not None:
            yield Step("Consume", f"Find, mount or copy the layers of {reads}", thunk.origin)
    for thunk in thunks:
        if getattr(thunk, "is_local", False) is True:
            yield Step("Consume", f"Read {detail_of(thunk)} once, and send it meanwhile", thunk.origin)
    yield Step("PutConfig", "Send the config, if it was edited, as soon as the last layer was read")

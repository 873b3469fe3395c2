"""Forcing a thunk with nothing of images around it."""

from collections.abc import Callable, Iterable
from typing import Any

import networkx as nx
import pytest

from lazyimg.thunk.events import Observer, silent
from lazyimg.thunk.graph import build, order_first
from lazyimg.thunk.scheduler import Scheduler
from lazyimg.thunk.thunk import Thunk

Force = Callable[..., Any]


def _force(
    root: Thunk[Any],
    *,
    jobs: int = 4,
    observer: Observer = silent,
    first: Iterable[Thunk[Any]] = (),
    runtime: Any = None,
) -> Any:
    graph: nx.DiGraph[str] = build([root, *first], nx.DiGraph())
    order_first(graph, first)
    return Scheduler(graph, runtime=runtime, jobs=jobs, observer=observer).force(root)


@pytest.fixture
def force() -> Force:
    """Build the graph of a thunk and force it."""
    return _force

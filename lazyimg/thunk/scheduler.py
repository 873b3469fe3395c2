"""Forces a graph of thunks: each at most once, inputs first, whatever is independent side by side.

The calling thread runs the loop: it alone touches the graph, evaluates the pure thunks, calls the
observer, and sees Ctrl-C. Effectful thunks go to workers, and only once all they need is known, so that
waiting holds no worker and one worker is always enough. An evaluation that returns a thunk is *expanded*:
the new thunk's graph joins this one and its value takes the old one's place.
"""

import heapq
import queue
import threading
import time
from collections import deque
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from lazyimg.errors import Cancelled, GraphCycle
from lazyimg.thunk.events import Ended, Event, Expanded, Failed, Observer, Started, Told, silent
from lazyimg.thunk.graph import DiGraph, grow, path_to_root, thunk_of, topological
from lazyimg.thunk.once import SLICE
from lazyimg.thunk.run import Run, as_before, inside
from lazyimg.thunk.thunk import Early, Thunk
from lazyimg.thunk.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterable

GRACE = 5.0
"""Seconds that evaluations under way have to end by themselves, once one of them has failed."""

INTERRUPTED_GRACE = 1.0
"""The same after Ctrl-C: the user is waiting."""

NOTED = 12
"""Thunks named at most in an error's notes."""


class Scheduler:
    """One forcing of one graph.

    Args:
        graph: as `lazyimg.thunk.graph.build` makes it, possibly with more order edges. It grows by what
            evaluations expand to.
        runtime: given to every evaluation as ``run.runtime``.
        jobs: how many effectful thunks are evaluated at once.
        observer: called on this thread with every event.
    """

    def __init__(
        self, graph: DiGraph, *, runtime: Any = None, jobs: int = 4, observer: Observer = silent
    ) -> None:
        if jobs < 1:
            raise ValueError(f"jobs={jobs}: at least one thunk must be evaluated at a time")
        self._graph = graph
        self._jobs = jobs
        self._observer = observer
        self._workers = Workers()
        self._inbox: queue.SimpleQueue[tuple[str, str, Any]] = queue.SimpleQueue()
        self._values: dict[str, Any] = {}
        self._missing: dict[str, int] = {}
        self._pure: deque[str] = deque()
        self._ready: list[tuple[int, int, str]] = []
        self._turn = count()
        self._running: dict[str, float] = {}
        self._light: set[str] = set()
        self._replaces: dict[str, list[str]] = {}
        self._replaced: dict[str, str] = {}
        self._thread: int | None = None
        self.run = Run(runtime, self._values, self._post)

    def force(self, root: Thunk[Any]) -> Any:
        """The value of ``root``; of the graph, what it needs is evaluated and no more.

        The run ends when the value is known: whatever is still under way then is told to end.

        Raises:
            BaseException: what the first failing evaluation raised, with the path of thunks that led to
                it as notes; or KeyboardInterrupt. Either way nothing more is started, and whatever was
                under way has been told to end and given some time for it.
            GraphCycle: the thunks depend on themselves.
        """
        topological(self._graph)
        self._thread = threading.get_ident()
        try:
            with as_before():
                self._admit(self._needed(root.key))
                self._loop(root.key)
        except BaseException as error:
            self.run.cancel()
            self._drain(INTERRUPTED_GRACE if isinstance(error, KeyboardInterrupt) else GRACE)
            raise
        finally:
            self._workers.dismiss()
            self.run.cancel()
        return self._values[root.key]

    def _loop(self, root: str) -> None:
        while root not in self._values:
            if self._pure:
                self._evaluate_here(self._pure.popleft())
            while self._ready and len(self._running) - len(self._light) < self._jobs:
                self._hand_over(heapq.heappop(self._ready)[2])
            if root not in self._values:
                self._receive(wait=not self._pure)

    def _needed(self, key: str) -> list[str]:
        """The thunk ``key`` and everything before it, inputs first, but for what was admitted already."""
        found: dict[str, None] = {}
        stack = [key]
        while stack:
            current = stack.pop()
            if current not in found and current not in self._missing:
                found[current] = None
                stack.extend(self._graph.predecessors(current))
        return list(reversed(found))

    def _admit(self, new: list[str]) -> None:
        """Count what each new thunk waits for, and queue those that wait for nothing."""
        for key in new:
            edges: Iterable[tuple[str, str, bool]] = self._graph.in_edges(key, "early")
            self._missing[key] = sum(before not in self._values for before, _, early in edges if not early)
        for key in new:
            self._queue_if_ready(key)

    def _queue_if_ready(self, key: str) -> None:
        thunk = thunk_of(self._graph, key)
        if self._missing[key] or isinstance(thunk, Early):
            return
        if thunk.light:
            self._light.add(key)
            self._hand_over(key)
        elif thunk.effectful:
            heapq.heappush(self._ready, (-thunk.urgency, next(self._turn), key))
        else:
            self._pure.append(key)

    def _evaluate_here(self, key: str) -> None:
        thunk = self._begin(key)
        try:
            with inside():
                value = thunk.evaluate(self.run)
        except BaseException as error:
            self._fail(key, error)
            raise
        self._end(key, value)

    def _hand_over(self, key: str) -> None:
        thunk = self._begin(key)
        self._workers.submit(partial(self._work, thunk), len(self._running) - 1)

    def _work(self, thunk: Thunk[Any]) -> None:
        try:
            with inside():
                value = thunk.evaluate(self.run)
        except BaseException as error:  # noqa: BLE001 - handed whole to the calling thread, which raises it
            self._inbox.put(("failed", thunk.key, error))
        else:
            self._inbox.put(("ended", thunk.key, value))

    def _receive(self, *, wait: bool) -> None:
        """Take in what workers sent; wait a slice for it where there is nothing else to do."""
        if wait and not (self._running or self._ready or not self._inbox.empty()):
            raise AssertionError(f"nothing runs and the root has no value: {self._unpublished()}")
        try:
            kind, key, payload = self._inbox.get(timeout=SLICE) if wait else self._inbox.get_nowait()
        except queue.Empty:
            return
        self._take(kind, key, payload)

    def _unpublished(self) -> str:
        waiting = (key for key in self._missing if key not in self._values)
        early = [t for t in (thunk_of(self._graph, key) for key in waiting) if isinstance(t, Early)]
        return ", ".join(f"{t!r} was never published by its producer" for t in early[:NOTED])

    def _post(self, kind: str, key: str, payload: Any) -> None:
        """Take in at once what a pure thunk says, on this thread; queue what workers say."""
        if threading.get_ident() == self._thread:
            self._take(kind, key, payload)
        else:
            self._inbox.put((kind, key, payload))

    def _take(self, kind: str, key: str, payload: Any) -> None:
        if kind == "ended":
            self._end(key, payload)
        elif kind == "early":
            self._known(key, payload)
        elif kind == "told":
            self._emit(Told(key, thunk_of(self._graph, key).name, *payload))
        else:
            self._fail(key, payload)
            raise payload

    def _begin(self, key: str) -> Thunk[Any]:
        thunk = thunk_of(self._graph, key)
        self._emit(Started(key, thunk.name))
        self._running[key] = time.monotonic()
        return thunk

    def _end(self, key: str, value: Any) -> None:
        began = self._running.pop(key)
        self._light.discard(key)
        if isinstance(value, Thunk):
            self._expand(key, value)
            return
        self._emit(Ended(key, thunk_of(self._graph, key).name, time.monotonic() - began))
        self._known(key, value)

    def _known(self, key: str, value: Any) -> None:
        """Remember a value, of a thunk and of those it took the place of, and free what waited."""
        settled = [key]
        while settled:
            key = settled.pop()
            if key in self._values:
                continue
            self._values[key] = value
            settled.extend(self._replaces.pop(key, ()))
            edges: Iterable[tuple[str, str, bool]] = self._graph.out_edges(key, "early")
            for _, later, early in edges:
                if not early and later in self._missing:
                    self._missing[later] -= 1
                    self._queue_if_ready(later)

    def _expand(self, key: str, by: Thunk[Any]) -> None:
        """Let ``by`` take the place of the thunk ``key``."""
        grow([by], self._graph)
        if self._waits_for(by.key, key):
            error = GraphCycle(f"{thunk_of(self._graph, key)!r} was expanded to {by!r}, which depends on it")
            self._fail(key, error)
            raise error
        self._emit(Expanded(key, thunk_of(self._graph, key).name, by.key))
        if by.key in self._values:
            self._known(key, self._values[by.key])
        else:
            self._replaces.setdefault(by.key, []).append(key)
            self._replaced[key] = by.key
        self._admit(self._needed(by.key))

    def _waits_for(self, key: str, other: str) -> bool:
        """Whether the thunk ``key`` needs ``other``, which has no value yet."""
        seen, stack = set[str](), [key]
        while stack:
            current = stack.pop()
            if current == other:
                return True
            if current not in seen and current not in self._values:
                seen.add(current)
                stack.extend(self._graph.predecessors(current))
                stack.extend([self._replaced[current]] if current in self._replaced else [])
        return False

    def _fail(self, key: str, error: BaseException) -> None:
        self._running.pop(key, None)
        self._emit(Failed(key, thunk_of(self._graph, key).name, error))
        if not isinstance(error, Cancelled):
            self._note(key, error)

    def _note(self, key: str, error: BaseException) -> None:
        """Tell in notes which thunk failed, and along which thunks it was needed."""
        whole = path_to_root(self._graph, key, self._replaces)
        path = [thunk for thunk in whole if thunk.origin or thunk.key == key]
        for thunk in path[:NOTED]:
            where = f", composed at {thunk.origin}" if thunk.origin else ""
            error.add_note(f"{'while forcing' if thunk.key == key else 'needed by'} {thunk!r}{where}")
        if len(path) > NOTED:
            error.add_note(f"... and {len(path) - NOTED} more thunks up to the root")

    def _drain(self, grace: float) -> None:
        """Give evaluations under way some time to end; what they say now changes nothing."""
        deadline = time.monotonic() + grace
        while self._running and time.monotonic() < deadline:
            try:
                kind, key, _ = self._inbox.get(timeout=SLICE)
            except queue.Empty:
                continue
            if kind in ("ended", "failed"):
                self._running.pop(key, None)

    def _emit(self, event: Event) -> None:
        self._observer(event)

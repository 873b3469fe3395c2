"""Forcing a graph: each thunk once, inputs first, and the same values whatever the number of jobs."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import networkx as nx
import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from lazyimg.errors import Cancelled, ForcedInside, GraphCycle
from lazyimg.thunk.events import Ended, Event, Expanded, Failed, Started, Told
from lazyimg.thunk.graph import build
from lazyimg.thunk.key import Opaque
from lazyimg.thunk.run import Run, is_inside
from lazyimg.thunk.scheduler import Scheduler
from lazyimg.thunk.thunk import ORDER, Thunk

Force = Callable[..., Any]
Work = Callable[..., Any]


def opaque(work: Work) -> Opaque[Work]:
    return Opaque(work)


@frozen
class Pure(Thunk[Any]):
    """Evaluates ``work(run, *values of needs)``."""

    name_: str
    work: Opaque[Work] = field(converter=opaque, repr=False)
    needs: tuple[Thunk[Any], ...] = ()
    before: tuple[Thunk[Any], ...] = field(default=(), metadata=ORDER)
    urgent: int = 0

    def evaluate(self, run: Run) -> Any:
        return self.work.value(run, *map(run.value, self.needs))

    @property
    def urgency(self) -> int:
        return self.urgent


@frozen
class Effect(Pure):
    """The same on a worker."""

    effectful = True


both = pytest.mark.parametrize("cls", [Pure, Effect], ids=["pure", "effectful"])


def constant(value: Any) -> Callable[..., Any]:
    return lambda *_: value


def total(run: Run, *values: int) -> int:
    assert not run.is_cancelled
    return 1 + sum(values)


@both
def test_the_value_of_a_thunk_comes_from_its_inputs(cls: type[Pure], force: Force) -> None:
    """Inputs are evaluated first, and their values are given to who needs them."""
    one, two = cls("one", constant(1)), cls("two", constant(2))
    assert force(cls("sum", lambda _, a, b: (a, b), (one, two))) == (1, 2)


@both
def test_each_thunk_of_a_deep_diamond_is_evaluated_once(cls: type[Pure], force: Force) -> None:
    """Of 60 levels with 2^60 paths, 61 thunks are evaluated."""
    calls: list[str] = []

    def work(_: Run, *values: int) -> int:
        calls.append("")
        return 1 + sum(values)

    thunk = cls("leaf", work)
    for level in range(60):
        thunk = cls(f"level {level}", work, (thunk, thunk))
    assert force(thunk) == 2**61 - 1
    assert len(calls) == 61


def test_equal_thunks_made_apart_are_evaluated_once(force: Force) -> None:
    """What has one key is evaluated once in a run, though two objects stand for it."""
    calls: list[int] = []
    twins = tuple(Twin(Opaque(lambda _: calls.append(1), token="same")) for _ in range(2))
    assert twins[0] is not twins[1]
    force(Pure("root", constant(0), (Pure("holder", constant(0), twins[:1]), twins[1])))
    assert calls == [1]


@frozen
class Twin(Thunk[Any]):
    """Two of them are equal if their tokens are."""

    work: Opaque[Work]
    effectful = True

    def evaluate(self, run: Run) -> Any:
        return self.work.value(run)


def test_only_what_the_root_needs_is_evaluated() -> None:
    """Other roots of the same graph stay as they are."""
    calls: list[str] = []
    shared = Effect("shared", lambda _: calls.append("shared"))
    wanted = Pure("wanted", constant("value"), (shared,))
    other = Effect("other", lambda *_: calls.append("other"), (shared,))
    graph: nx.DiGraph[str] = build([other, wanted], nx.DiGraph())
    assert Scheduler(graph).force(wanted) == "value"
    assert calls == ["shared"]


def test_what_comes_before_is_needed(force: Force) -> None:
    """An order edge makes a thunk wait, though it gets no value."""
    calls: list[str] = []

    def slow(_: Run) -> None:
        time.sleep(0.02)
        calls.append("before")

    before = Effect("before", slow)
    force(Effect("after", lambda _: calls.append("after"), before=(before,)))
    assert calls == ["before", "after"]


@pytest.mark.parametrize("jobs", [1, 8])
def test_what_is_put_first_has_ended_before_anything_else_begins(jobs: int, force: Force) -> None:
    """The session is the first effect: by order edges of the graph, and nothing else."""
    calls: list[str] = []

    def slow(_: Run) -> None:
        time.sleep(0.02)
        calls.append("session")

    session = Effect("session", slow)
    leaves = tuple(Effect(f"leaf {n}", lambda _: calls.append("leaf")) for n in range(8))
    pure = tuple(Pure(f"pure {n}", lambda _: calls.append("pure")) for n in range(3))
    force(Pure("root", constant(0), (*leaves, *pure)), first=[session], jobs=jobs)
    assert calls[0] == "session"
    assert Counter(calls) == {"session": 1, "leaf": 8, "pure": 3}


def test_pure_thunks_are_evaluated_on_the_calling_thread_and_effects_on_daemons(force: Force) -> None:
    """The calling thread belongs to the loop; what touches the world belongs to workers."""
    threads: dict[str, threading.Thread] = {}

    def note(name: str) -> Callable[..., Any]:
        return lambda *_: threads.__setitem__(name, threading.current_thread())

    force(Pure("pure", note("pure"), (Effect("effect", note("effect")),)))
    assert threads["pure"] is threading.current_thread()
    assert threads["effect"].daemon
    assert threads["effect"].name.startswith("lazyimg-worker-")


def test_workers_end_with_the_run(force: Force) -> None:
    """No thread outlives a run whose evaluations have ended."""
    before = set(threading.enumerate())
    force(Pure("root", constant(0), tuple(Effect(f"{n}", total) for n in range(20))), jobs=8)
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_a_pure_graph_starts_no_thread(force: Force) -> None:
    """Where nothing touches the world, nothing but the calling thread works."""
    before = threading.active_count()
    seen: list[int] = []
    force(Pure("root", lambda *_: seen.append(threading.active_count()), (Pure("leaf", total),)))
    assert seen == [before]


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_effects_run_at_once_than_there_are_jobs(jobs: int, force: Force) -> None:
    """Of many that could all begin, as many as there are jobs meet, and never one more."""
    lock = threading.Lock()
    together = threading.Barrier(jobs)
    now: list[int] = [0]
    most: list[int] = [0]

    def work(_: Run) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        together.wait(10)
        with lock:
            now[0] -= 1

    force(Pure("root", constant(0), tuple(Effect(f"{n}", work) for n in range(21))), jobs=jobs)
    assert most[0] == jobs


def test_a_light_effect_starts_though_all_jobs_are_taken(force: Force) -> None:
    """It counts among no jobs: the only job waits here for what the light one does."""

    @frozen
    class Light(Effect):
        light = True

    went = threading.Event()
    heavy = Effect("heavy", lambda _: went.wait(10))
    light = Light("light", lambda _: went.set())
    assert force(Pure("root", lambda _, heavy, __: heavy, (heavy, light)), jobs=1) is True


def test_one_job_is_enough_for_a_graph_in_which_everything_waits(force: Force) -> None:
    """Waiting holds no worker: a chain beside many leaves ends with one job."""
    chain = Effect("leaf", total)
    for number in range(50):
        chain = Effect(f"link {number}", total, (chain, Effect(f"side {number}", total)))
    assert force(chain, jobs=1) == 102 - 1


def test_a_run_without_jobs_is_refused() -> None:
    """At least one thunk must be evaluated at a time."""
    with pytest.raises(ValueError, match="jobs=0"):
        Scheduler(nx.DiGraph(), jobs=0)


def test_the_most_urgent_of_those_that_are_ready_goes_first(force: Force) -> None:
    """With one job, urgency decides; among equals, the order of the fields."""
    calls: list[str] = []

    def leaf(name: str, urgent: int) -> Effect:
        return Effect(name, lambda _: calls.append(name), urgent=urgent)

    leaves = (leaf("a", 0), leaf("b", 0), leaf("stream", 5), leaf("c", 0), leaf("d", -1), leaf("e", 5))
    force(Pure("root", constant(0), leaves), jobs=1)
    assert calls == ["stream", "e", "a", "b", "c", "d"]


def test_the_runtime_is_handed_through(force: Force) -> None:
    """Every evaluation sees the object that the run was given."""
    runtime = object()
    assert force(Effect("root", lambda run: run.runtime), runtime=runtime) is runtime


def test_asking_for_what_is_no_input_is_refused(force: Force) -> None:
    """A value that was not declared may not be known yet: the error says to declare it."""
    hidden = Pure("hidden", total)
    with pytest.raises(ForcedInside, match=r"Pure.*declare it as an input"):
        force(Effect("root", lambda run: run.value(hidden)))


@both
def test_an_evaluation_knows_that_it_is_one(cls: type[Pure], force: Force) -> None:
    """Whoever would force inside an evaluation can notice it."""
    assert not is_inside()
    assert force(cls("root", lambda _: is_inside())) is True
    assert not is_inside()


def test_a_long_chain_is_forced_without_recursion(force: Force) -> None:
    """Ten thousand links, each of whose values waits for the last."""
    chain: Pure = Pure("leaf", total)
    for number in range(10_000):
        chain = Pure(f"{number}", total, (chain,))
    assert force(chain) == 10_001


def test_a_cycle_is_refused_before_anything_is_evaluated() -> None:
    """Thunks that depend on themselves are named, and none is touched."""
    calls: list[int] = []
    first = Effect("first", lambda _: calls.append(1))
    root = Effect("root", lambda *_: calls.append(2), (first,))
    graph: nx.DiGraph[str] = build([root], nx.DiGraph())
    graph.add_edge(root.key, first.key, order=True, early=False)
    with pytest.raises(GraphCycle, match="depend on themselves"):
        Scheduler(graph).force(root)
    assert calls == []


# --- expansion ---------------------------------------------------------------------------------------


@both
def test_a_thunk_that_an_evaluation_returns_takes_its_place(cls: type[Pure], force: Force) -> None:
    """The new thunk's graph joins this one, and its value is the old one's."""
    leaf = cls("leaf", constant(20))
    replaced = cls("old", lambda _: cls("new", lambda _, value: value + 1, (leaf,)))
    assert force(cls("root", lambda _, a, b: (a, b), (replaced, leaf))) == (21, 20)


def test_the_root_itself_can_be_replaced(force: Force) -> None:
    """A write is such a thunk: what it comes to is known only when documents are read."""
    assert force(Pure("root", lambda _: Effect("new", constant("value")))) == "value"


@both
def test_a_chain_of_expansions_ends_in_one_value(cls: type[Pure], force: Force) -> None:
    """Each returns the next, a thousand times; all have the last one's value."""

    def step(number: int) -> Pure:
        return cls(f"{number}", lambda _: step(number - 1) if number else "value")

    first = step(1_000)
    assert force(cls("root", lambda _, a, b: (a, b), (first, step(0)))) == ("value", "value")


def test_an_expansion_into_a_thunk_that_is_known_takes_its_value(force: Force) -> None:
    """What was evaluated already is not evaluated again."""
    calls: list[int] = []

    def work(_: Run) -> int:
        calls.append(1)
        return 5

    leaf = Effect("leaf", work)
    late = Pure("late", lambda *_: leaf, (leaf,))
    assert force(Pure("root", lambda _, *v: v, (late, leaf))) == (5, 5)
    assert calls == [1]


def test_an_expansion_into_a_thunk_that_is_pending_waits_for_it(force: Force) -> None:
    """Two that become the same thunk share its one evaluation."""
    calls: list[int] = []
    go = threading.Event()

    def wait(_: Run) -> int:
        go.wait(10)
        calls.append(1)
        return 5

    leaf = Effect("leaf", wait)

    def become(_: Run) -> Thunk[int]:
        go.set()
        return leaf

    one, two = Effect("one", become), Effect("two", become)
    assert force(Pure("root", lambda _, *v: v, (leaf, one, two))) == (5, 5, 5)
    assert calls == [1]


def test_an_expansion_into_a_thunk_that_only_another_root_needed() -> None:
    """What the graph has but nobody asked for is evaluated once somebody does."""
    leaf = Effect("leaf", constant(5))
    other = Pure("other", total, (leaf,))
    root = Pure("root", lambda _: Pure("new", total, (other,)))
    assert Scheduler(build([other, root], nx.DiGraph())).force(root) == 7


@both
def test_an_expansion_that_depends_on_what_it_replaces_is_refused(cls: type[Pure], force: Force) -> None:
    """Directly or far below, and with notes that say where it was composed."""
    old: list[Pure] = []
    old.append(cls("old", lambda _: cls("new", total, (cls("middle", total, (old[0],)),))))
    with pytest.raises(GraphCycle, match=r"was expanded to .* depends on it") as caught:
        force(cls("root", total, (old[0],)))
    assert any("while forcing" in note and "test_scheduler.py" in note for note in caught.value.__notes__)


def test_an_expansion_into_itself_is_refused(force: Force) -> None:
    """A thunk cannot take its own place."""
    old: list[Pure] = []
    old.append(Pure("old", lambda _: old[0]))
    with pytest.raises(GraphCycle):
        force(old[0])


def test_a_cycle_through_two_expansions_is_refused(force: Force) -> None:
    """One became a thunk that waits for the other, which becomes one that waits for the first."""
    nodes: dict[str, Pure] = {}
    nodes["b"] = Effect("b", lambda run: (run.runtime.wait(10), Pure("y", total, (nodes["a"],)))[1])
    nodes["a"] = Pure("a", lambda run: (Pure("x", total, (nodes["b"],)), run.runtime.set())[0])
    with pytest.raises(GraphCycle):
        force(Pure("root", total, (nodes["a"], nodes["b"])), runtime=threading.Event())


def test_an_expansion_into_many_inputs(force: Force) -> None:
    """A thousand new inputs at once are admitted, each evaluated once."""
    wide = Pure("old", lambda _: Pure("new", total, tuple(Pure(f"{n}", total) for n in range(1_000))))
    assert force(wide) == 1_001


# --- events ------------------------------------------------------------------------------------------


def test_events_are_told_in_order_and_on_the_calling_thread(force: Force) -> None:
    """Each thunk starts, tells of itself, and ends; its inputs have ended before it starts."""
    seen: list[Event] = []

    def observer(event: Event) -> None:
        assert threading.current_thread() is threading.main_thread()
        seen.append(event)

    def telling(run: Run) -> int:
        run.tell(leaf, "sent", bytes=3)
        return 1

    leaf = Effect("leaf", telling)
    root = Pure("root", total, (leaf,))
    force(root, observer=observer)
    assert [(type(event), event.key, event.name) for event in seen] == [
        (Started, leaf.key, "Effect"),
        (Told, leaf.key, "Effect"),
        (Ended, leaf.key, "Effect"),
        (Started, root.key, "Pure"),
        (Ended, root.key, "Pure"),
    ]
    assert isinstance(seen[1], Told)
    assert (seen[1].what, seen[1].detail) == ("sent", {"bytes": 3})
    assert all(event.seconds >= 0 for event in seen if isinstance(event, Ended))


def test_what_a_pure_thunk_tells_comes_before_its_end(force: Force) -> None:
    """Even of the root, whose end is the run's, nothing told is lost."""
    seen: list[Event] = []
    root: list[Pure] = []
    root.append(Pure("root", lambda run: run.tell(root[0], "step", number=1)))
    force(root[0], observer=seen.append)
    assert [type(event) for event in seen] == [Started, Told, Ended]


def test_an_expansion_is_an_event(force: Force) -> None:
    """It names what took the place."""
    seen: list[Event] = []
    new = Pure("new", constant(1))
    old = Effect("old", lambda _: new)
    force(old, observer=seen.append)
    assert [type(event) for event in seen] == [Started, Expanded, Started, Ended]
    assert isinstance(seen[1], Expanded)
    assert (seen[1].key, seen[1].by) == (old.key, new.key)


def test_a_failure_is_an_event(force: Force) -> None:
    """It carries the very error."""
    seen: list[Event] = []
    error = OSError("broke")

    def broken(_: Run) -> None:
        raise error

    with pytest.raises(OSError, match="broke"):
        force(Effect("root", broken), observer=seen.append)
    assert isinstance(seen[-1], Failed)
    assert seen[-1].error is error


def test_what_an_observer_raises_ends_the_run(force: Force) -> None:
    """An observer that cannot go on ends the run with its own error."""

    def observer(event: Event) -> None:
        if isinstance(event, Ended):
            raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError, match="nobody reads"):
        force(Effect("root", total), observer=observer)


def test_what_an_observer_raises_at_the_very_start_leaves_no_thread(force: Force) -> None:
    """A light effect begins before the loop does: a run that ends there dismisses its worker all the same."""

    @frozen
    class Light(Effect):
        light = True

    def observer(_: Event) -> None:
        raise BrokenPipeError("nobody reads")

    before = set(threading.enumerate())
    runs: list[Run] = []
    begun = Pure("root", constant(0), (Light("first", runs.append), Light("second", runs.append)))
    with pytest.raises(BrokenPipeError, match="nobody reads"):
        force(begun, observer=observer)
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive()


# --- any graph ---------------------------------------------------------------------------------------


@st.composite
def dags(draw: st.DrawFn) -> list[tuple[bool, list[int], list[int], bool]]:
    """Thunks by number: effectful or not, inputs and order among the earlier ones, expanding or not."""
    earlier = [
        st.lists(st.integers(0, max(0, n - 1)), max_size=4 if n else 0, unique=True) for n in range(12)
    ]
    size = draw(st.integers(1, 12))
    return [
        (draw(st.booleans()), draw(earlier[n]), draw(earlier[n]), draw(st.booleans())) for n in range(size)
    ]


def composed(shape: list[tuple[bool, list[int], list[int], bool]], calls: Counter[str]) -> Pure:
    made: list[Pure] = []
    for number, (effectful, needs, before, expands) in enumerate(shape):
        cls = Effect if effectful else Pure

        def work(
            _: Run, *values: Any, number: int = number, cls: type[Pure] = cls, more: bool = expands
        ) -> Any:
            calls[f"{number}"] += 1
            value = (number, *values)
            return cls(f"new {number}", constant(value)) if more else value

        made.append(cls(f"{number}", work, tuple(made[n] for n in needs), tuple(made[n] for n in before)))
    return Pure("root", lambda _, *values: values, tuple(made))


@settings(max_examples=60, deadline=None)
@given(dags())
def test_any_graph_gives_the_same_values_with_any_number_of_jobs(
    shape: list[tuple[bool, list[int], list[int], bool]],
) -> None:
    """With 1, 2 and 8 jobs the values are the same, and each thunk is evaluated once."""
    results = []
    for jobs in (1, 2, 8):
        calls: Counter[str] = Counter()
        root = composed(shape, calls)
        results.append(Scheduler(build([root], nx.DiGraph()), jobs=jobs).force(root))
        assert set(calls.values()) == {1}
        assert len(calls) == len(shape)
    assert results[0] == results[1] == results[2]


def test_a_run_that_ended_is_cancelled(force: Force) -> None:
    """Whatever still holds the run afterwards is told to end."""
    runs: list[Run] = []
    force(Pure("root", runs.append))
    assert runs[0].is_cancelled
    with pytest.raises(Cancelled):
        runs[0].check()

"""A failure ends the run: the first error comes out, with the way that led to it, and the others are told."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from attrs import field, frozen

from lazyimg.errors import Cancelled
from lazyimg.thunk import scheduler
from lazyimg.thunk.events import Event, Failed, Started
from lazyimg.thunk.key import Opaque
from lazyimg.thunk.run import Run, _Depth, is_inside
from lazyimg.thunk.thunk import Thunk

Force = Callable[..., Any]
Work = Callable[..., Any]


def opaque(work: Work) -> Opaque[Work]:
    return Opaque(work)


@frozen
class Pure(Thunk[Any]):
    name_: str
    work: Opaque[Work] = field(converter=opaque)
    needs: tuple[Thunk[Any], ...] = ()

    def evaluate(self, run: Run) -> Any:
        return self.work.value(run)


@frozen
class Effect(Pure):
    effectful = True


both = pytest.mark.parametrize("cls", [Pure, Effect], ids=["pure", "effectful"])


def failing(error: BaseException) -> Callable[[Run], None]:
    def work(_: Run) -> None:
        raise error

    return work


def nothing(_: Run) -> None:
    """Give no value but None."""


@both
def test_the_very_error_of_an_evaluation_comes_out(cls: type[Pure], force: Force) -> None:
    """Not a wrapped one, nor a copy."""
    error = OSError("broke")
    with pytest.raises(OSError, match="broke") as caught:
        force(Pure("root", nothing, (cls("leaf", failing(error)),)))
    assert caught.value is error


@both
def test_an_error_carries_the_path_of_thunks_and_their_origins(cls: type[Pure], force: Force) -> None:
    """From the thunk that failed to the root, each with the line that composed it."""
    leaf = cls("leaf", failing(OSError("broke")))
    middle = Pure("middle", nothing, (leaf,))
    root = Pure("root", nothing, (middle,))
    with pytest.raises(OSError, match="broke") as caught:
        force(root)
    assert caught.value.__notes__ == [
        f"while forcing {leaf!r}, composed at {leaf.origin}",
        f"needed by {middle!r}, composed at {middle.origin}",
        f"needed by {root!r}, composed at {root.origin}",
    ]
    assert "test_failure.py:" in caught.value.__notes__[0]


def test_the_notes_of_an_error_are_bounded(force: Force) -> None:
    """Of a path of ten thousand, the first are named and the others counted."""
    thunk = Pure("leaf", failing(OSError("broke")))
    for number in range(10_000):
        thunk = Pure(f"{number}", nothing, (thunk,))
    with pytest.raises(OSError, match="broke") as caught:
        force(thunk)
    assert len(caught.value.__notes__) == scheduler.NOTED + 1
    assert caught.value.__notes__[-1] == f"... and {10_001 - scheduler.NOTED} more thunks up to the root"


def test_the_notes_go_on_from_what_a_thunk_took_the_place_of(force: Force) -> None:
    """A thunk that an evaluation made has no line of the user's: the one it stands for has."""
    old = Effect("old", lambda _: Effect("new", failing(OSError("broke"))))
    root = Pure("root", nothing, (old,))
    with pytest.raises(OSError, match="broke") as caught:
        force(root)
    first, *others = caught.value.__notes__
    assert first.startswith("while forcing Effect(name_='new'")
    assert others == [
        f"needed by {old!r}, composed at {old.origin}",
        f"needed by {root!r}, composed at {root.origin}",
    ]


def test_thunks_without_origin_are_passed_over_but_for_the_one_that_failed(force: Force) -> None:
    """What the package made by itself says nothing to the user."""
    leaf = Effect("leaf", failing(OSError("broke")))
    middle = Pure("middle", nothing, (leaf,))
    for made in (leaf, middle):
        object.__setattr__(made, "origin", None)
    root = Pure("root", nothing, (middle,))
    with pytest.raises(OSError, match="broke") as caught:
        force(root)
    assert caught.value.__notes__ == [
        f"while forcing {leaf!r}",
        f"needed by {root!r}, composed at {root.origin}",
    ]


def test_nothing_is_started_after_a_failure(force: Force) -> None:
    """With one job, those that wait behind the failing one never begin."""
    seen: list[Event] = []
    leaves = (Effect("bad", failing(OSError("broke"))), *(Effect(f"{n}", nothing) for n in range(5)))
    with pytest.raises(OSError, match="broke"):
        force(Pure("root", nothing, leaves), jobs=1, observer=seen.append)
    assert [type(event) for event in seen] == [Started, Failed]


def test_a_failure_cancels_what_is_under_way_and_waits_for_it(force: Force) -> None:
    """An evaluation that looks at `Run.check` ends, and has ended when the error comes out."""
    begun, ended = threading.Event(), threading.Event()

    def long(run: Run) -> None:
        begun.set()
        try:
            while True:
                run.check()
                time.sleep(0.005)
        finally:
            ended.set()

    def bad(_: Run) -> None:
        assert begun.wait(10)
        raise OSError("broke")

    with pytest.raises(OSError, match="broke"):
        force(Pure("root", nothing, (Effect("long", long), Effect("bad", bad))))
    assert ended.is_set()


def test_the_first_error_wins(force: Force) -> None:
    """What others raise while they are ended is not what comes out."""
    begun = threading.Event()

    def second(run: Run) -> None:
        begun.set()
        while not run.is_cancelled:
            time.sleep(0.005)
        raise KeyError("second")

    def first(_: Run) -> None:
        assert begun.wait(10)
        raise OSError("first")

    seen: list[Event] = []
    with pytest.raises(OSError, match="first"):
        force(Pure("root", nothing, (Effect("second", second), Effect("first", first))), observer=seen.append)
    assert [str(event.error) for event in seen if isinstance(event, Failed)] == ["first"]


def test_what_is_told_while_a_run_is_ended_is_not_heard(force: Force) -> None:
    """After the failure nothing more is an event, and what tells is waited for all the same."""
    begun, ended = threading.Event(), threading.Event()
    talking: list[Effect] = []

    def talk(run: Run) -> None:
        begun.set()
        while not run.is_cancelled:
            time.sleep(0.005)
        run.tell(talking[0], "cleared up")
        ended.set()

    def bad(_: Run) -> None:
        assert begun.wait(10)
        raise OSError("broke")

    talking.append(Effect("talking", talk))
    seen: list[Event] = []
    with pytest.raises(OSError, match="broke"):
        force(Pure("root", nothing, (talking[0], Effect("bad", bad))), observer=seen.append)
    assert ended.is_set()
    assert [type(event) for event in seen] == [Started, Started, Failed]


def test_what_was_known_when_another_failed_is_not_waited_for(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose other evaluations end at once ends at once, long before its grace."""
    monkeypatch.setattr(scheduler, "GRACE", 60.0)
    go = threading.Barrier(3)

    def bad(_: Run) -> None:
        go.wait(10)
        raise OSError("broke")

    leaves = (Effect("a", lambda _: go.wait(10)), Effect("b", lambda _: go.wait(10)), Effect("bad", bad))
    with pytest.raises(OSError, match="broke"):
        force(Pure("root", nothing, leaves))


def test_an_evaluation_that_is_stuck_does_not_keep_the_error(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond its grace nobody waits for it: the error comes out while it is stuck still."""
    monkeypatch.setattr(scheduler, "GRACE", 0.2)
    begun, release = threading.Event(), threading.Event()

    def stuck(_: Run) -> None:
        begun.set()
        release.wait(60)

    def bad(_: Run) -> None:
        assert begun.wait(10)
        raise OSError("broke")

    threads = set(threading.enumerate())
    with pytest.raises(OSError, match="broke"):
        force(Pure("root", nothing, (Effect("stuck", stuck), Effect("bad", bad))))
    left = [thread for thread in threading.enumerate() if thread not in threads and thread.is_alive()]
    assert left
    assert all(thread.daemon for thread in left)
    release.set()
    for thread in left:
        thread.join(10)


def test_cancelled_is_no_failure_to_explain(force: Force) -> None:
    """What ends because it was told to gets no notes."""
    with pytest.raises(Cancelled) as caught:
        force(Effect("root", failing(Cancelled("told to end"))))
    assert not hasattr(caught.value, "__notes__")


@both
def test_a_keyboard_interrupt_of_an_evaluation_comes_out(cls: type[Pure], force: Force) -> None:
    """It is no error like others, but it ends the run like them."""
    with pytest.raises(KeyboardInterrupt):
        force(cls("root", failing(KeyboardInterrupt())))


INTERRUPTED = """
    import sys, threading, time
    import networkx as nx
    from attrs import frozen
    from lazyimg.thunk.graph import build
    from lazyimg.thunk.scheduler import Scheduler
    from lazyimg.thunk.thunk import Thunk

    begun, ended = threading.Event(), threading.Event()

    @frozen
    class Stuck(Thunk):
        effectful = True

        def evaluate(self, run):
            begun.wait(60)
            print("reading", flush=True)
            time.sleep(600)

    @frozen
    class Careful(Thunk):
        effectful = True

        def evaluate(self, run):
            begun.set()
            try:
                while True:
                    run.check()
                    time.sleep(0.01)
            finally:
                ended.set()

    @frozen
    class Root(Thunk):
        needs: tuple

        def evaluate(self, run):
            return "never"

    root = Root((Careful(), Stuck()))
    try:
        Scheduler(build([root], nx.DiGraph())).force(root)
    except KeyboardInterrupt:
        print("interrupted", ended.is_set(), flush=True)
"""


def test_ctrl_c_ends_a_run_though_an_evaluation_is_stuck() -> None:
    """The main thread sees the signal, the others are told, and the interpreter exits by itself."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert output == "interrupted True\n"
    assert process.returncode == 0


def test_ctrl_c_just_as_an_evaluation_is_entered(force: Force, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread does not count as evaluating for ever after, which would refuse all further forcing."""

    class Interrupted(_Depth):
        def __enter__(self) -> None:
            super().__enter__()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "inside", lambda: Interrupted(1))
        with pytest.raises(KeyboardInterrupt):
            force(Pure("root", nothing))
    assert not is_inside()


def test_a_second_run_works_after_a_failure(force: Force) -> None:
    """A run leaves nothing behind that another could stumble on."""
    with pytest.raises(OSError, match="broke"):
        force(Effect("bad", failing(OSError("broke"))))
    assert force(Effect("good", lambda _: 1)) == 1

"""Threads that evaluate what they are handed, and start only when there is more to do."""

import threading
from typing import Any

from lazyimg.thunk.run import inside, is_inside
from lazyimg.thunk.workers import Workers


def test_a_worker_starts_when_there_is_work_for_one_more() -> None:
    """One task after another keeps one thread, tasks side by side get one each."""
    workers = Workers()
    names: list[str] = []

    def task(done: threading.Event, hold: threading.Event | None = None) -> Any:
        def work() -> None:
            if hold is not None:
                hold.wait(10)
            names.append(threading.current_thread().name)
            done.set()

        return work

    for _ in range(3):
        done = threading.Event()
        workers.submit(task(done), running=0)
        assert done.wait(10)
    assert set(names) == {"lazyimg-worker-1"}
    hold = threading.Event()
    events = [threading.Event() for _ in range(3)]
    for running, event in enumerate(events):
        workers.submit(task(event, hold), running)
    hold.set()
    assert all(event.wait(10) for event in events)
    assert set(names) <= {f"lazyimg-worker-{number}" for number in (1, 2, 3)}
    workers.dismiss()


def test_dismissed_workers_end() -> None:
    """Idle ones at once, busy ones when their task has ended."""
    workers = Workers()
    threads: list[threading.Thread] = []
    begun, go = threading.Event(), threading.Event()

    def task() -> None:
        threads.append(threading.current_thread())
        begun.set()
        go.wait(10)

    workers.submit(task, running=0)
    workers.dismiss()
    assert begun.wait(10)
    assert threads[0].is_alive()
    go.set()
    threads[0].join(10)
    assert not threads[0].is_alive()


def test_being_inside_nests() -> None:
    """Who leaves an inner evaluation is still inside the outer one."""
    with inside():
        with inside():
            assert is_inside()
        assert is_inside()
    assert not is_inside()

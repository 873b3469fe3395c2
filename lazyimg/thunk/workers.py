"""Daemon threads that evaluate what the scheduler hands them."""

import queue
import threading
from collections.abc import Callable

Task = Callable[[], None]


class Workers:
    """Daemon threads, started when there is work for one more.

    They are daemons, and nothing joins them: a source stuck in ``read()`` holds its thread for ever, and
    must keep neither the caller nor the interpreter from going on.
    """

    __slots__ = ("_started", "_tasks")

    def __init__(self) -> None:
        self._started = 0
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()

    def submit(self, task: Task, running: int) -> None:
        """Hand over ``task``; ``running`` others are being worked on."""
        if self._started <= running:
            self._started += 1
            threading.Thread(target=self._work, name=f"lazyimg-worker-{self._started}", daemon=True).start()
        self._tasks.put(task)

    def dismiss(self) -> None:
        """Let every idle worker end, and each other when its task has ended."""
        self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
        self._tasks.put(None)  # for the next of them

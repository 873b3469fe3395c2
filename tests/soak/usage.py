"""What a process holds: memory, descriptors, threads, as the kernel counts them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Self

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERY = 0.2
"""Seconds between two samples."""


@frozen
class Usage:
    """One look at a process: resident memory in bytes, open descriptors, threads."""

    memory: int
    descriptors: int
    threads: int

    def __str__(self) -> str:
        return f"{self.memory >> 20} MiB, {self.descriptors} descriptors, {self.threads} threads"


def usage_of(process: int | str = "self") -> Usage:
    """Look at a process, by its id.

    Raises:
        OSError: there is none.
    """
    path = Path("/proc") / str(process)
    lines = (line.partition(":") for line in (path / "status").read_text().splitlines())
    status = {name: value.split() for name, _, value in lines}
    descriptors = sum(1 for _ in (path / "fd").iterdir())
    if "VmRSS" not in status:
        raise ProcessLookupError(f"process {process} has ended")
    return Usage(int(status["VmRSS"][0]) << 10, descriptors, int(status["Threads"][0]))


def quarters(samples: Sequence[int]) -> tuple[int, int, int, int]:
    """Return the mean of each quarter of some samples.

    >>> quarters([1, 1, 2, 2, 3, 3, 4, 6])
    (1, 2, 3, 5)
    """
    size = len(samples) // 4
    first, second, third = (int(fmean(samples[i * size : (i + 1) * size] or [0])) for i in range(3))
    return first, second, third, int(fmean(samples[3 * size :] or [0]))


@frozen
class Watch:
    """Samples processes in a thread of its own, while a block runs.

    Args:
        processes: returns the id of each process to look at, by name; one that has ended is left out.
    """

    processes: Callable[[], dict[str, int | str]]
    seen: dict[str, list[Usage]] = field(factory=dict)
    _stop: threading.Event = field(factory=threading.Event, repr=False)
    _threads: list[threading.Thread] = field(factory=list, repr=False)

    def __enter__(self) -> Self:
        self._threads.append(threading.Thread(target=self._sample, name="soak-watch"))
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._threads.pop().join()

    def _sample(self) -> None:
        while not self._stop.wait(EVERY):
            for name, process in self.processes().items():
                try:
                    self.seen.setdefault(name, []).append(usage_of(process))
                except OSError:
                    continue

    def memory(self, name: str) -> list[int]:
        """Return the samples of a process's memory, in bytes."""
        return [usage.memory for usage in self.seen.get(name, [])]


def settled(claim: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait until something is so, and tell whether it came to be."""
    end = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True

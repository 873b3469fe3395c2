"""A soak: many small pushes by many threads through one engine, into a registry that is killed amid them."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from soak import checks
from soak.pushes import Outcome, Pushes
from soak.served import Served
from soak.usage import Usage, Watch, quarters, settled, usage_of

import lazyimg as li

if TYPE_CHECKING:
    from lazyimg.registry.transport.wire import RequestRecord

OUTAGES = (0.0, 5.0)
"""Seconds that the registry stays down after a kill, in turn: none, and more than retries go on for."""

MARGIN, ROOM = 1.15, 24 << 20
"""By which factor, and by how many bytes more, memory of the last quarter may be over that of the second."""

SAMPLE = 12
"""How many pushes skopeo copies."""


@frozen
class Settings:
    """How much is done, by how many threads, with how many kills, worked out from which seed."""

    pushes: int = 300
    threads: int = 8
    kills: int = 2
    seed: int = 0
    jobs: int = 4


@define(eq=False)
class Requests:
    """Counts requests by their status; 0 is no answer. Several threads tell it."""

    statuses: Counter[int] = field(factory=Counter)
    _lock: threading.Lock = field(factory=threading.Lock)

    def __call__(self, record: RequestRecord) -> None:
        """Count one."""
        with self._lock:
            self.statuses[record.status] += 1


@frozen
class Report:
    """What came of a soak.

    Attributes:
        settings: what was asked for.
        outcomes: of each push and pull.
        seconds: how long the pushes took, and how long the checks.
        statuses: requests by status; 0 had no answer.
        before: what this process held before the engine's first request.
        after: what it holds when the engine is closed.
        memory: of this process, in the quarters of the time, in bytes.
        server: what the registry held, each time it was killed, and at its end.
        idle: what a registry holds when started, and what the last one did when all connections were closed.
        left: files in the staging directory after each kill, and at the end.
        problems: all that is wrong.
    """

    settings: Settings
    outcomes: list[Outcome]
    seconds: tuple[float, float]
    statuses: Counter[int]
    before: Usage
    after: Usage
    memory: tuple[int, int, int, int]
    server: list[Usage]
    idle: tuple[Usage, Usage]
    left: list[int]
    problems: list[str]

    def count(self, how: str) -> int:
        """Return how many pushes or pulls had an outcome."""
        return sum(one.how == how for one in self.outcomes)

    def figures(self) -> dict[str, Any]:
        """Return what tests look at, as JSON has it."""
        return {
            "written": self.count("written"),
            "pulled": self.count("pulled"),
            "failed": self.count("failed"),
            "unanswered": self.statuses[0],
            "kills": len(self.left) - 1,
            "staged": self.left[-1],
            "problems": self.problems,
        }

    def __str__(self) -> str:
        kinds = Counter(one.kind for one in self.outcomes)
        errors = Counter(one.error.partition(":")[0] for one in self.outcomes if one.how == "failed")
        took, checked = self.seconds
        lines = {
            "soak": str(self.settings),
            "kinds": ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()),
            "outcomes": f"{self.count('written')} pushed, {self.count('pulled')} pulled, "
            f"{self.count('failed')} failed {dict(errors)}",
            "time": f"{took:.0f} s, {len(self.outcomes) / took:.1f} a second; {checked:.0f} s of checks",
            "requests": f"{self.statuses.total()}: {dict(sorted(self.statuses.items()))} (0: no answer)",
            "memory": " -> ".join(f"{size >> 20} MiB" for size in self.memory) + " (by quarters)",
            "client": f"before {self.before}; after {self.after}",
            "server": "; ".join(map(str, self.server)),
            "idle": " -> ".join(map(str, self.idle)),
            "left staged": str(self.left),
            "problems": "\n  ".join([str(len(self.problems)), *self.problems[:40]]),
        }
        return "\n".join(f"{name}: {text}" for name, text in lines.items())


@define(eq=False)
class Soak:
    """One soak, with what it needs."""

    settings: Settings
    directory: Path
    requests: Requests = field(factory=Requests)
    _numbers: count[int] = field(factory=count)
    _done: int = 0
    _server: list[Usage] = field(factory=list)

    def run(self) -> Report:
        """Do it all: pushes and kills, then the checks, against a registry that was started once more."""
        with Served(self.directory / "registry") as served:
            return self._run(served)

    def _run(self, served: Served) -> Report:
        engine = li.Engine(self.settings.jobs, on_request=self.requests)
        pushes = Pushes(served.host, engine, self.settings.seed)
        self._warm(pushes)
        before, fresh = usage_of(), served.usage()
        names = {thread.name for thread in threading.enumerate()}
        start = time.monotonic()
        with Watch(lambda: {"client": "self"}) as watch:
            self._push(pushes, served)
        took = time.monotonic() - start
        engine.close()
        problems = self._leaks(before, names)
        self._server.append(served.usage())
        settled(lambda: served.usage().descriptors <= fresh.descriptors)
        idle = served.usage()
        if idle.descriptors > fresh.descriptors:
            problems.append(
                f"the registry keeps descriptors: {fresh} when started, {idle} without connections"
            )
        served.kill()
        served.start()
        problems += [f"{path} outlived a restart" for path in served.staged()]
        problems += self._checked(served, pushes.outcomes)
        memory = quarters(watch.memory("client"))
        if memory[3] > MARGIN * memory[1] + ROOM:
            problems.append(f"memory grows: {memory}")
        return Report(
            self.settings,
            pushes.outcomes,
            (took, time.monotonic() - start - took),
            self.requests.statuses,
            before,
            usage_of(),
            memory,
            self._server,
            (fresh, idle),
            served.left,
            problems,
        )

    def _warm(self, pushes: Pushes) -> None:
        """Load what is loaded on use, and close what that opened."""
        for number in range(-20, 0):
            pushes.do(number)
        pushes.engine.close()
        settled(lambda: threading.active_count() == 1)
        gc.collect()

    def _push(self, pushes: Pushes, served: Served) -> None:
        killer = threading.Thread(target=self._kill, args=(served,), name="soak-kills")
        threads = [
            threading.Thread(target=self._work, args=(pushes, served), name=f"soak-{i}")
            for i in range(self.settings.threads)
        ]
        for thread in (killer, *threads):
            thread.start()
        for thread in (*threads, killer):
            thread.join()

    def _work(self, pushes: Pushes, served: Served) -> None:
        """Push; who failed goes on when the registry is there again, so that an outage fails one a thread."""
        while (number := next(self._numbers)) < self.settings.pushes:
            served.up.wait()
            pushes.do(number)
            self._done += 1  # for the kills, which need no exact number

    def _kill(self, served: Served) -> None:
        rng = random.Random(self.settings.seed)  # noqa: S311 - the same each time is the point
        for i in range(self.settings.kills):
            goal = self.settings.pushes * (i + 1) // (self.settings.kills + 1)
            while self._done < goal:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.3))
            self._server.append(served.usage())
            served.kill()
            time.sleep(OUTAGES[i % len(OUTAGES)])
            served.start()

    def _leaks(self, before: Usage, names: set[str]) -> list[str]:
        """Return what this process still holds that it did not hold before."""
        gc.collect()

        def is_as_before() -> bool:
            now = usage_of()
            return now.descriptors <= before.descriptors and now.threads <= before.threads

        if settled(is_as_before):
            return []
        left = [thread.name for thread in threading.enumerate() if thread.name not in names]
        return [f"descriptors or threads are left: {before} before, {usage_of()} after; {left}"]

    def _checked(self, served: Served, outcomes: list[Outcome]) -> list[str]:
        written = [one for one in outcomes if one.how == "written"]
        sample = random.Random(self.settings.seed).sample(written, min(SAMPLE, len(written)))  # noqa: S311
        found = [
            *checks.failures(outcomes),
            *checks.pulled(outcomes),
            *checks.pushed(served.host, outcomes),
            *checks.on_disk(served.directory),
        ]
        if checks.has_skopeo():
            found += checks.copied_by_skopeo(served.host, sample, self.directory / "skopeo")
        return found

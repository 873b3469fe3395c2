"""What a soak does: small pushes of every kind, and some pulls, each made from its number and a seed."""

from __future__ import annotations

import io
import random
import re
import tarfile
import threading
import time
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field, frozen

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazyimg.write.result import Result

REPOSITORIES = 8
CONTESTED = ("latest-0", "latest-1", "latest-2")
"""Tags of each repository that several threads move."""

SHARED = 24
"""How many layers there are that pushes share."""

LARGEST = 24 << 10
"""The most bytes that a layer is made of."""

_TAG = re.compile(r"; tag (\S+): (not moved|moved|unknown)$")

How = Literal["written", "pulled", "failed"]


@frozen
class Outcome:
    """What became of one push or pull.

    Attributes:
        number: which.
        kind: of which kind it was.
        how: what became of it.
        repository: where it went; or came from.
        tag: the tag it moved, or read.
        digest: of what was written or read; empty if it failed.
        began: when, by the monotonic clock.
        ended: when.
        sent: how many bodies were sent, those sent again included.
        tag_state: what the error of a failed one says of the tag.
        error: the class of what it failed with, and its words.
        is_ours: whether that says that the registry was not reached, in lazyimg's own words.
    """

    number: int
    kind: str
    how: How
    repository: str
    tag: str
    digest: str
    began: float
    ended: float
    sent: int = 0
    tag_state: str = ""
    error: str = ""
    is_ours: bool = True


@frozen
class Task:
    """One write, ready to be forced."""

    image: li.Image | li.Index
    repository: str
    tag: str


@define(eq=False)
class Pushes:
    """Does one after the other; safe to be used by several threads.

    Args:
        host: the registry.
        engine: what all go through.
        seed: from which all is made; what is built on earlier pushes depends on which were done by then.
    """

    host: str
    engine: li.Engine
    seed: int
    outcomes: list[Outcome] = field(factory=list)
    _written: list[Outcome] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def do(self, number: int) -> None:
        """Do one, and remember what became of it."""
        rng = random.Random(f"{self.seed}/{number}")  # noqa: S311 - the same each time is the point
        kind = rng.choices([*KINDS], weights=[weight for weight, _ in KINDS.values()])[0]
        if kind in {*BUILT, "pull"} and not self._written:
            kind = "fresh"
        outcome = self._pulled(number, rng) if kind == "pull" else self._pushed(number, kind, rng)
        with self._lock:
            self.outcomes.append(outcome)
            if outcome.how == "written" and outcome.tag not in CONTESTED and outcome.kind != "index":
                self._written.append(outcome)

    def _pushed(self, number: int, kind: str, rng: random.Random) -> Outcome:
        task = KINDS[kind][1](self, rng, number)

        def push() -> tuple[str, int]:
            result: Result = task.image.write(f"{self.host}/{task.repository}:{task.tag}", engine=self.engine)
            return str(result.digest), result.targets[0].attempts

        return _done(number, kind, (task.repository, task.tag), "written", push)

    def _pulled(self, number: int, rng: random.Random) -> Outcome:
        source = self.earlier(rng)

        def pull() -> tuple[str, int]:
            image = self.image_of(source)
            for entry in image.files(engine=self.engine).values():
                if entry.kind == "file":
                    entry.read()
            return str(image.digest(engine=self.engine)), 0

        return _done(number, "pull", (source.repository, source.tag), "pulled", pull)

    def earlier(self, rng: random.Random) -> Outcome:
        """Return a push that succeeded, to a tag of its own."""
        with self._lock:
            return self._written[rng.randrange(len(self._written))]

    def image_of(self, pushed: Outcome) -> li.Image:
        """Return what was pushed, as it is in the registry."""
        return li.Image.from_registry(f"{self.host}/{pushed.repository}:{pushed.tag}")


def _done(
    number: int, kind: str, where: tuple[str, str], how: How, work: Callable[[], tuple[str, int]]
) -> Outcome:
    """Do some work, and say what became of it."""
    began = time.monotonic()
    try:
        digest, sent = work()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the soak's to judge
        state = next((m[2] for m in map(_TAG.search, getattr(error, "__notes__", ())) if m), "")
        said = f"{type(error).__name__}: {error}"
        is_ours = isinstance(error, li.LazyImgError) and isinstance(error, ConnectionError)
        return Outcome(
            number, kind, "failed", *where, "", began, time.monotonic(), 0, state, said, is_ours=is_ours
        )
    return Outcome(number, kind, how, *where, digest, began, time.monotonic(), sent)


# --- the kinds ---------------------------------------------------------------------------------------


def _repository(rng: random.Random) -> str:
    return f"team-{rng.randrange(REPOSITORIES)}/app"


def _noise(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(1, LARGEST))


def _layer(rng: random.Random, name: str) -> li.Layer:
    return li.Layer.from_files({f"/srv/{name}": _noise(rng), "/etc/motd": name.encode()})


def _shared_layer(rng: random.Random) -> li.Layer:
    which = rng.randrange(SHARED)
    return _layer(random.Random(which), f"shared-{which}")  # noqa: S311 - the same each time is the point


def _fresh(_pushes: Pushes, rng: random.Random, number: int) -> Task:
    layers = [_layer(rng, f"{number}-{i}") for i in range(rng.randrange(1, 4))]
    return Task(li.Image.empty().append(*layers), _repository(rng), f"t{number}")


def _sharing(_pushes: Pushes, rng: random.Random, number: int) -> Task:
    layers = [_shared_layer(rng), _shared_layer(rng), _layer(rng, str(number))]
    return Task(li.Image.empty().append(*layers), _repository(rng), f"t{number}")


def _streamed(_pushes: Pushes, rng: random.Random, number: int) -> Task:
    held = io.BytesIO()
    data = _noise(rng)
    with tarfile.open(fileobj=held, mode="w") as tar:
        entry = tarfile.TarInfo(f"srv/stream-{number}")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    held.seek(0)
    image = li.Image.empty().append(li.Layer.from_stream(held), _shared_layer(rng))
    return Task(image, _repository(rng), f"t{number}")


def _configured(pushes: Pushes, rng: random.Random, number: int) -> Task:
    source = pushes.earlier(rng)
    image = pushes.image_of(source).configure(env={"NUMBER": str(number)}, labels={"a": "b"})
    return Task(image, source.repository, f"t{number}")


def _annotated(pushes: Pushes, rng: random.Random, number: int) -> Task:
    source = pushes.earlier(rng)
    return Task(pushes.image_of(source).annotate({"number": str(number)}), source.repository, f"t{number}")


def _copied(pushes: Pushes, rng: random.Random, number: int) -> Task:
    return Task(pushes.image_of(pushes.earlier(rng)), _repository(rng), f"t{number}")


def _indexed(_pushes: Pushes, rng: random.Random, number: int) -> Task:
    one = li.Image.empty("linux/amd64").append(_shared_layer(rng), _layer(rng, f"{number}-amd64"))
    two = li.Image.empty("linux/arm64").append(_shared_layer(rng))
    return Task(li.Index.empty().add(one).add(two), _repository(rng), f"t{number}")


def _retagged(_pushes: Pushes, rng: random.Random, number: int) -> Task:
    image = li.Image.empty().append(_shared_layer(rng)).configure(labels={"number": str(number)})
    return Task(image, _repository(rng), rng.choice(CONTESTED))


KINDS: dict[str, tuple[int, Callable[[Pushes, random.Random, int], Any]]] = {
    "fresh": (30, _fresh),
    "sharing": (15, _sharing),
    "stream": (10, _streamed),
    "configure": (9, _configured),
    "annotate": (8, _annotated),
    "copy": (8, _copied),
    "index": (6, _indexed),
    "retag": (8, _retagged),
    "pull": (6, _fresh),
}
"""How often each kind comes, of 100, and what it composes."""

BUILT = frozenset({"configure", "annotate", "copy"})
"""Kinds that are built on what was pushed before."""

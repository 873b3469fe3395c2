"""What is done while a fault waits, and what is judged when it is over."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen
from matrix.backends import Faulty
from matrix.cells import Outcome
from matrix.straight import Straight
from matrix.subject import Bench
from support.images import sha256

import lazyimg as li
from lazyimg.registry.keychains.keychain import Anonymous
from lazyimg.registry.retry import Retries
from lazyimg.registry.transport.wire import Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix.cells import Cell

MOST_REQUESTS = 60
"""What one write may ask: less than 20 times if nothing fails; it has 15 retries, of a few requests each."""

MOST_OPENED = 5

IMPATIENT = li.Host(
    timeout=Timeouts(connect=2, silence=1.5, total=5),
    retries=Retries(count=3, first=0.02, longest=0.05, patience=2),
)
"""A silence that is soon enough noticed, with time left for another try on a machine that is busy."""

TOLD = re.compile(r"tag v1: (not moved|moved|unknown)")
"""What an error says of the tag."""

PATIENCE = 3.0
"""Seconds that a registry, and a thread, have to notice that all is over."""


@define(eq=False)
class Counted:
    """A tar that is opened as often as it is asked, and counted.

    Attributes:
        opened: how often.
        read: bytes that were read in all.
    """

    data: bytes = field(repr=False)
    opened: int = 0
    read: int = 0

    def open(self) -> CountedReader:
        """Open it."""
        self.opened += 1
        return CountedReader(self)


@define(eq=False)
class CountedReader:
    """The tar, open."""

    counted: Counted
    _at: int = 0

    def readinto(self, buffer: memoryview) -> int:
        """Give the next bytes."""
        part = self.counted.data[self._at : self._at + min(len(buffer), 16 << 10)]
        buffer[: len(part)] = part
        self._at += len(part)
        self.counted.read += len(part)
        return len(part)

    def close(self) -> None:
        """Close it."""


@frozen
class Stage:
    """Where a scenario plays.

    Attributes:
        bench: the images, and a registry that is without faults.
        backend: the registry with them.
        repository: a fresh one.
        directory: a fresh one.
    """

    bench: Bench
    backend: Faulty
    repository: str
    directory: Path
    source: Counted

    @property
    def here(self) -> str:
        """The image that is written to the faulty registry."""
        return f"{self.backend.host}/{self.repository}:v1"

    @property
    def base(self) -> str:
        """The image that is read from it."""
        return f"{self.backend.host}/{self.repository}-base:v1"

    @property
    def layout(self) -> Path:
        """The layout that is pulled into."""
        return self.directory / "pulled"

    def image(self) -> li.Image:
        """The image, from a tar that can be opened again."""
        return li.Image.empty().append(li.Layer.from_opener(self.source.open, key="tar"))


def push_file(stage: Stage) -> li.Result:
    return stage.image().write(stage.here)


def push_stream(stage: Stage) -> li.Result:
    return li.Image.empty().append(li.Layer.from_stream(stage.source.open())).write(stage.here)


def push_unkept(stage: Stage) -> li.Result:
    layer = li.Layer.from_stream(stage.source.open(), spool=False)
    return li.Image.empty().append(layer).write(stage.here)


def push_index(stage: Stage) -> li.Result:
    return li.Index.empty().add(stage.image()).write(stage.here)


def push_if_old(stage: Stage) -> li.Result:
    return stage.image().write(stage.here, if_tag=stage.bench.old.digest)


def push_layout(stage: Stage) -> li.Result:
    return li.Image.from_layout(stage.bench.layout, "v1").write(stage.here)


def mount(stage: Stage) -> li.Result:
    return li.Image.from_registry(stage.base).write(stage.here)


def pull(stage: Stage) -> li.Result:
    return li.Image.from_registry(stage.base).write(li.OCILayout(stage.layout, tag="v1"))


def pin(stage: Stage) -> li.Result:
    return li.Image.from_registry(stage.base).pin().write(li.OCILayout(stage.layout, tag="v1"))


def copy(stage: Stage) -> li.Result:
    return li.Image.from_registry(stage.base).write(f"{stage.bench.clean.host}/{stage.repository}:v1")


SCENARIOS: dict[str, Callable[[Stage], li.Result]] = {
    "push a file": push_file,
    "push a stream": push_stream,
    "push a stream, no copy kept": push_unkept,
    "push an index": push_index,
    "push if the tag is old": push_if_old,
    "push from a layout": push_layout,
    "mount": mount,
    "pull": pull,
    "pin and pull": pin,
    "copy": copy,
}

PULLS = frozenset({"pull", "pin and pull"})
READS_BASE = PULLS | {"mount", "copy"}


@frozen
class Verdict:
    """What came of a cell.

    Attributes:
        outcome: the image is whole, or there was an error.
        error: the error, for the report.
        problems: what must not be; empty for a good end.
    """

    outcome: Outcome
    error: BaseException | None
    problems: list[str]


def play(cell: Cell, stage: Stage) -> Verdict:
    """Do what the cell says, and judge."""
    prepare(cell, stage)
    path = stage.bench.image.filled(cell.step.path)
    stage.backend.arm(cell.kind.script(cell.step, path, stage.bench.image.size_of(cell.step.part)))
    error: BaseException | None = None
    with li.Engine(jobs=2, hosts={stage.backend.host: IMPATIENT}, keychain=Anonymous()):
        try:
            SCENARIOS[cell.step.scenario](stage)
        except li.LazyImgError as raised:
            error = raised
    requests = stage.backend.requests
    befallen = stage.backend.disarm()
    problems = [] if befallen else ["the fault did not befall"]
    if len(requests) > MOST_REQUESTS:
        problems.append(f"{len(requests)} requests")
    problems += [*at_the_source(cell, stage), *left_behind(cell, stage)]
    problems += whole(cell, stage) if error is None else refused(cell, stage, error)
    return Verdict("whole" if error is None else "error", error, [*problems, *(requests if problems else [])])


def prepare(cell: Cell, stage: Stage) -> None:
    """Put the old image under the name that is to move, and the new one where it is read from."""
    stage.backend.arm([])
    scenario, bench = cell.step.scenario, stage.bench
    with Straight(stage.backend.straight) as straight:
        if scenario in READS_BASE:
            straight.put_image(f"{stage.repository}-base", "v1", bench.image)
        if scenario not in PULLS | {"copy"}:
            straight.put_image(stage.repository, "v1", bench.old)
    if scenario == "copy":
        with Straight(bench.clean.host) as straight:
            straight.put_image(stage.repository, "v1", bench.old)
    if scenario in PULLS:
        bench.old.lay_down(stage.layout, "v1")


def at_the_source(cell: Cell, stage: Stage) -> list[str]:
    """Say what is wrong with how the source was read: a stream once at most, a file a few times."""
    if cell.step.scenario.startswith("push a stream") and stage.source.read > len(stage.source.data):
        return [f"{stage.source.read} bytes were read of a stream of {len(stage.source.data)}"]
    return [f"the source was opened {stage.source.opened} times"] if stage.source.opened > MOST_OPENED else []


def left_behind(cell: Cell, stage: Stage) -> list[str]:
    """Say what runs, or is begun, still."""
    found = []
    until = time.monotonic() + PATIENCE
    while (begun := stage.backend.begun(stage.repository)) and time.monotonic() < until:
        if cell.may_leave_uploads:
            break
        time.sleep(0.02)
    if begun and not cell.may_leave_uploads:
        found.append(f"{begun} uploads are begun still")
    while (threads := running()) and time.monotonic() < until:
        time.sleep(0.01)
    return [*found, *(f"thread {name} runs still" for name in threads)]


def running() -> list[str]:
    """Name the threads of lazyimg's that run, those of registries left out."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("lazyimg-") and not name.startswith("lazyimg-registry")]


def whole(cell: Cell, stage: Stage) -> list[str]:
    """Say what is wrong with an image that was said to be written."""
    wanted = stage.bench.index_digest if cell.step.scenario == "push an index" else stage.bench.image.digest
    found = said(cell, stage)
    problems = [] if found == wanted else [f"the tag says {found}, not {wanted}"]
    if cell.step.scenario in PULLS:
        return problems + missing_of_layout(stage)
    with Straight(target_of(cell, stage)) as straight:
        return problems + straight.problems(stage.repository, "v1")


def refused(cell: Cell, stage: Stage, error: BaseException) -> list[str]:
    """Say what is wrong after an error: words, a name that has moved, or that is said to be elsewhere."""
    problems = [] if len(str(error)) > 20 else [f"an error without words: {error!r}"]
    found = said(cell, stage)
    old = stage.bench.old.digest
    if found != old and not cell.may_have_moved:
        problems.append(f"the tag has moved to {found}")
    told = TOLD.search("\n".join(getattr(error, "__notes__", ())))
    if told is None and cell.step.scenario != "pin and pull":  # which fails before it is a write
        problems.append("the error does not say where the tag is")
    if told is not None and told[1] != "unknown" and (told[1] == "moved") != (found != old):
        problems.append(f"the tag is said to be {told[1]}, and says {found}")
    if cell.step.scenario in PULLS:
        problems += unfinished(stage.layout)
    return problems


def target_of(cell: Cell, stage: Stage) -> str:
    """Return the host of the registry that is written to."""
    return stage.bench.clean.host if cell.step.scenario == "copy" else stage.backend.straight


def said(cell: Cell, stage: Stage) -> str | None:
    """Return what the name says now."""
    if cell.step.scenario in PULLS:
        entries = json.loads((stage.layout / "index.json").read_text())["manifests"]
        named = {
            entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in entries
        }
        found: str | None = named.get("v1")
        return found
    with Straight(target_of(cell, stage)) as straight:
        return straight.tag(stage.repository, "v1")


def missing_of_layout(stage: Stage) -> list[str]:
    """Say which blobs of the image are not there."""
    image, blobs = stage.bench.image, stage.layout / "blobs/sha256"
    wanted = [sha256(data).removeprefix("sha256:") for data in (image.manifest, image.config, image.layer)]
    return [f"no blob {name}" for name in wanted if not (blobs / name).exists()] + unfinished(stage.layout)


def unfinished(layout: Path) -> list[str]:
    """Say which files of a layout are not what they are named."""
    found = []
    for path in layout.rglob("*"):
        name = str(path.relative_to(layout))
        if path.is_dir() or name in ("index.json", "oci-layout") or name.startswith(".lazyimg-"):
            continue
        is_blob = path.parent == layout / "blobs/sha256"
        if not is_blob or sha256(path.read_bytes()) != f"sha256:{path.name}":
            found.append(f"a file {name}")
    return found

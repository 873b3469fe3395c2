"""What breaks besides the line: sources that change, disks that cannot be written, streams without end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.bodies import some_bytes
from support.clock import ends_within
from support.pages import ROOT

import lazyimg as li
from lazyimg.errors import RegistryTimeout, SourceError
from lazyimg.registry.transport.wire import Timeouts
from lazyimg.server.actions import Status
from lazyimg.server.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.images import Pushing

    from lazyimg.server.request import Request

SIZE = 64 << 20
"""The bytes of a file that is longer than all that is read ahead of what was sent."""

SECOND = 1_000_000_000


def cut_short(path: Path) -> None:
    """Take the end of a file away."""
    os.truncate(path, SIZE - (1 << 20))


def grow(path: Path) -> None:
    """Put more behind a file's end."""
    with path.open("ab") as file:
        file.write(bytes(1 << 20))


def rewrite(path: Path) -> None:
    """Change a byte of a file, whose size stays."""
    with path.open("r+b") as file:
        file.seek(-600, os.SEEK_END)
        file.write(b"!")
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + SECOND))


def wait_until_read(path: Path) -> None:
    """Wait until this process has read of a file, and knows what it was: its request leaves earlier."""
    end = time.monotonic() + 30
    while path not in being_read():
        assert time.monotonic() < end
        time.sleep(0.005)


def being_read() -> set[Path]:
    """Give the files that this process has open, and has read the beginning of."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            info = Path("/proc/self/fdinfo", each.name).read_text(encoding="ascii")
            if int(info.partition("pos:")[2].split()[0]):
                found.add(each.readlink())
    return found


@pytest.mark.parametrize("change", [cut_short, grow, rewrite])
def test_a_file_that_changes_while_it_is_sent(
    app: Pushing, registry: li.Registry, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """The file is named, the upload cancelled, no manifest sent; the old tag says what it said."""
    old = li.Image.empty().write(f"{app.host}/app:1").digest
    path = tmp_path / "layer.tar"
    path.write_bytes(some_bytes(SIZE))
    registry.clear()

    def interfere(request: Request) -> None:
        if request.method == "PATCH":
            wait_until_read(path)
            change(path)

    registry.hook = interfere
    with pytest.raises(SourceError, match=r"layer\.tar"):
        li.Image.empty().append(li.Layer.from_tar(path)).write(f"{app.host}/app:1")
    methods = [request.method for request in registry.requests]
    assert methods.count("DELETE") == methods.count("POST")
    assert not any("manifests" in request.path for request in registry.requests)
    assert li.Image.from_registry(f"{app.host}/app:1").digest() == old


class Endless:
    """A stream without an end, which counts what it gave."""

    def __init__(self) -> None:
        self.given = 0

    def readinto(self, buffer: Any) -> int:
        """Give more."""
        view = memoryview(buffer)[: 1 << 20]
        view[:] = os.urandom(len(view))
        self.given += len(view)
        return len(view)


def test_a_stream_without_end_is_let_go_of_when_another_source_fails(
    app: Pushing, registry: li.Registry
) -> None:
    """Nobody waits for its end: the error comes out, the upload is cancelled, nothing more is read."""
    is_sent = threading.Event()

    def note(request: Request) -> None:
        if request.method == "PATCH":
            is_sent.set()

    def fail() -> Any:
        is_sent.wait(30)
        raise RuntimeError("the other one")

    registry.hook = note
    stream = Endless()
    image = li.Image.empty().append(li.Layer.from_stream(stream), li.Layer.from_opener(fail))
    with li.Engine(jobs=2) as engine, pytest.raises(RuntimeError, match="the other one"):
        image.write(f"{app.host}/app:1", engine=engine)
    given = stream.given
    assert not any(each.name.startswith("lazyimg-worker") for each in threading.enumerate())
    assert stream.given == given
    methods = [request.method for request in registry.requests]
    assert methods.count("DELETE") == methods.count("POST")


def test_a_stream_without_end_is_let_go_of_when_one_of_its_targets_fails(
    app: Pushing, registry: li.Registry
) -> None:
    """What one registry refuses is not sent on to the others for ever."""
    image = li.Image.empty().append(li.Layer.from_stream(Endless()))
    with li.Registry() as other:
        other.faults.add(Fault(Status(403), "PATCH", times=None))
        with pytest.raises(PermissionError, match=other.host):
            image.write(f"{app.host}/app:1", f"{other.host}/app:1")
    methods = [request.method for request in registry.requests]
    assert methods.count("DELETE") == methods.count("POST")


@pytest.mark.parametrize(
    "limits",
    [Timeouts(connect=0.3, silence=50, total=60), Timeouts(connect=50, silence=50, total=0.3)],
    ids=["connecting", "all together"],
)
def test_a_host_that_takes_no_connection(limits: Timeouts) -> None:
    """A host that does not answer the first packet ends the write by whichever limit comes first."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # until the queue of the listener, who accepts nobody, is full
            each.settimeout(0)
            each.connect_ex(listener.getsockname())
        with (
            ends_within(10),
            li.Engine(hosts={host: li.Host(timeout=limits, retries=0)}) as engine,
            pytest.raises(RegistryTimeout, match="did not accept a connection in time"),
        ):
            li.Image.empty().write(f"{host}/app:1", engine=engine)
        for each in waiting:
            each.close()


WRITING = """
import os, sys
import lazyimg as li
from lazyimg.errors import LayoutUnwritable, ArchiveUnwritable

def targets(place):
    return li.OCILayout(place + "/layout", tag="1"), li.Archive(place + "/image.tar", tag="1")

image = li.Image.empty().append(li.Layer.from_files({"/new": b"new"}))
image.write(*targets(sys.argv[2]))  # loads what is loaded on use, while that may be read
if os.geteuid() == 0:  # to whom nothing is read only
    os.setgid(65534), os.setuid(65534)
for target in targets(sys.argv[1]):
    try:
        image.write(target)
    except (LayoutUnwritable, ArchiveUnwritable) as error:
        print(type(error).__name__, str(target).partition(":")[0] in str(error), "denied" in str(error))
"""


def test_a_layout_and_an_archive_that_may_only_be_read(tmp_path: Path) -> None:
    """The error names the place and the system's reason; what was there is there, to the byte."""
    with tempfile.TemporaryDirectory(prefix="lazyimg-readable-") as name:
        directory = Path(name)
        old = li.Image.empty().append(li.Layer.from_files({"/old": b"old"}))
        old.write(li.OCILayout(directory / "layout", tag="1"), li.Archive(directory / "image.tar", tag="1"))
        places = [directory, *(path for path in directory.rglob("*") if path.is_dir())]
        before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
        for path in (*places, *before):
            path.chmod(0o555 if path.is_dir() else 0o444)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/"}
        command = [sys.executable, "-c", WRITING, name, str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        for path in places:
            path.chmod(0o755)
        assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before
    assert done.stdout.splitlines() == ["LayoutUnwritable True True", "ArchiveUnwritable True True"], done

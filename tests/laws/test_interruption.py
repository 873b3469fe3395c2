"""Ctrl-C while a source is stuck: it comes out soon, uploads are given back first, the process goes on."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from laws import apart
from laws.readers import fifo
from laws.talk import begun_and_cancelled, is_manifest_put

import lazyimg as li

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from lazyimg.server.request import Request

SECONDS = 5.0

STUCK = """
import os, sys, threading, time
import lazyimg as li

kind, jobs, hosts = sys.argv[1], int(sys.argv[2]), sys.argv[4:]
pipe, _kept_open = os.pipe()

class InC:
    "Stuck in the system's own read."
    def readinto(self, buffer):
        return os.readv(pipe, [buffer])

class InPython:
    "Stuck in a lock of the interpreter."
    def readinto(self, buffer):
        threading.Event().wait()

class HalfWay:
    "Gives some bytes that do not compress, and is stuck then."
    given = 0
    def readinto(self, buffer):
        if self.given >= 6 << 20:
            return os.readv(pipe, [buffer])
        view = memoryview(buffer)[:1 << 20]
        view[:] = os.urandom(len(view))
        self.given += len(view)
        return len(view)

class Endless:
    "Gives bytes that do not compress, for ever."
    def readinto(self, buffer):
        view = memoryview(buffer)[:1 << 20]
        view[:] = os.urandom(len(view))
        return len(view)

def never():
    os.read(pipe, 1)

layers = {
    "read in C": lambda: li.Layer.from_stream(InC()),
    "read in Python": lambda: li.Layer.from_stream(InPython()),
    "half way": lambda: li.Layer.from_stream(HalfWay()),
    "endless": lambda: li.Layer.from_stream(Endless(), spool=False),
    "opening": lambda: li.Layer.from_opener(never),
    "a FIFO": lambda: li.Layer.from_tar(sys.argv[3]),
}
layer = layers[kind]()
image = li.Image.empty().append(li.Layer.from_files({"/small": b"small"}), layer)
engine = li.Engine(jobs=jobs)

try:
    image.write(*(f"{host}/app:1" for host in hosts), engine=engine)
except KeyboardInterrupt as error:
    print("interrupted", flush=True)
    sys.stdin.readline()
    print(" ".join(error.__notes__), flush=True)
after = li.Image.empty().append(li.Layer.from_files({"/after": b"after"}))
result = after.write(f"{hosts[0]}/after:1", engine=engine)
print("written", result.digest, flush=True)
engine.close()
"""


class Patched:
    """A hook that tells when a number of layers are on their way."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = threading.Lock()
        self.all = threading.Event()

    def __call__(self, request: Request) -> None:
        if request.method == "PATCH" and request.path.startswith("/v2/app/"):
            with self._lock:
                self._left -= 1
            if self._left <= 0:
                self.all.set()


def next_line(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line or process.poll() is None, process.stderr and process.stderr.read()
    return line


@pytest.mark.parametrize(
    ("kind", "jobs"),
    [
        ("read in C", 4),
        ("read in C", 1),
        ("read in Python", 4),
        ("half way", 4),
        ("endless", 4),
        ("opening", 4),
        ("a FIFO", 4),
    ],
)
def test_ctrl_c_while_a_source_is_stuck(new_registry: Any, tmp_path: Path, kind: str, jobs: int) -> None:
    """Within 5 s, each begun upload deleted before, no manifest; the next write works, and so does exit."""
    registries = [new_registry() for _ in range(2)]
    hooks = [Patched(1 if jobs == 1 else 2) for _ in registries]
    for registry, hook in zip(registries, hooks, strict=True):
        registry.hook = hook
    path = fifo(tmp_path / "pipe")

    with apart.start(STUCK, kind, jobs, path, *(registry.host for registry in registries)) as process:
        assert process.stdin is not None
        assert all(hook.all.wait(20) for hook in hooks)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert next_line(process) == "interrupted"
        took = time.monotonic() - began
        ended = [[(r.method, r.path, r.status) for r in registry.requests] for registry in registries]
        process.stdin.write("go on\n")
        process.stdin.flush()
        notes = next_line(process)
        assert next_line(process).startswith("written sha256:")
        assert process.wait(20) == 0

    assert took < SECONDS
    for requests in ended:
        begun = [path for method, path, status in requests if (method, status) == ("POST", 202)]
        finished = [path for method, path, status in requests if (method, status) == ("PUT", 201)]
        cancelled = {path for method, path, status in requests if method == "DELETE" and status == 204}
        assert len(cancelled) == len(begun) - len(finished) > 0
        assert cancelled.isdisjoint(finished)
        assert not any(method == "PUT" and "/manifests/" in path for method, path, _ in requests)
    assert notes.count("tag 1: not moved") == 2
    assert sum(is_manifest_put(request) for request in registries[0].requests) == 1


ASKING = """
import sys, threading, lazyimg as li
layer = li.Layer.from_stream(object.__new__(type("Never", (), {"read": None})))
try:
    print("asking", flush=True)
    layer.digest(timeout=60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_while_waiting_for_an_identity() -> None:
    """Who waits for a stream that nobody consumes is let out by Ctrl-C, too."""
    with apart.start(ASKING) as process:
        assert next_line(process) == "asking"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert next_line(process) == "interrupted"
        assert time.monotonic() - began < SECONDS
        assert process.wait(20) == 0


def test_an_error_while_another_source_is_stuck_comes_out_too(registry: li.Registry) -> None:
    """A source stuck in read() does not hold back the error of another for more than a moment's grace."""
    gate = threading.Event()
    stuck = threading.Event()

    class Stuck:
        def read(self, _: int) -> bytes:
            stuck.set()
            gate.wait(30)
            return b""

    def broken() -> Any:
        assert stuck.wait(10)
        raise ZeroDivisionError

    image = li.Image.empty().append(li.Layer.from_stream(Stuck()), li.Layer.from_opener(broken))
    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        image.write(f"{registry.host}/app:1")
    took = time.monotonic() - began
    gate.set()

    assert took < 15
    begun, cancelled = begun_and_cancelled(registry)
    assert begun == cancelled == 2

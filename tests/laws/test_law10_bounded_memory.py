"""Law 10: peak memory does not grow with the size of layers, and few jobs are always enough."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from laws import apart
from laws.readers import PATIENCE, Aside, Counted, noise, tar_of

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
SMALL, MIDDLE, LARGE = 16 * MIB, 256 * MIB, 1024 * MIB
ALLOWED = 60 * MIB

REGISTRIES = """
import sys, lazyimg as li
with li.Registry(sys.argv[1]) as one, li.Registry(sys.argv[2]) as two:
    print(one.host, two.host, flush=True)
    sys.stdin.read()
"""

PUSH = """
import random, resource, sys, lazyimg as li
kind, size, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]

class Noise:
    "A readable of bytes that do not compress, made as they are read."
    noise = random.Random(1).randbytes(1 << 20)
    given = 0
    def readinto(self, buffer):
        at = self.given % len(self.noise)
        length = min(len(buffer), len(self.noise) - at, size - self.given)
        buffer[:length] = self.noise[at:at + length]
        self.given += length
        return length

layers = {
    "a sparse file": lambda: li.Layer.from_tar(sys.argv[4]),
    "an opener": lambda: li.Layer.from_opener(Noise),
    "a stream": lambda: li.Layer.from_stream(Noise()),
    "uncompressed": lambda: li.Layer.from_opener(Noise, compression=li.Uncompressed()),
    "in chunks": lambda: li.Layer.from_stream(Noise(), compression=li.Uncompressed(), spool=False),
}
chunks = {target.partition("/")[0]: li.Host(chunk_size=4 << 20)} if kind == "in chunks" else {}
li.Image.empty().append(layers[kind]()).write(target, engine=li.Engine(hosts=chunks))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

COPY = """
import resource, sys, lazyimg as li
li.Image.from_registry(sys.argv[1]).write(
    sys.argv[2], li.OCILayout(sys.argv[3]), li.Archive(f"{sys.argv[3]}.tar")
)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Give two registries in another process, on disk."""
    directories = [tmp_path_factory.mktemp("registry") for _ in range(2)]
    with apart.start(REGISTRIES, *directories) as process:
        assert process.stdout is not None
        one, two = process.stdout.readline().split()
        yield one, two


def peak(code: str, *arguments: object) -> int:
    """Return the peak of the resident memory of a process that runs code, in bytes."""
    return int(apart.run(code, *arguments, timeout=100)) * 1024


def sparse(path: Path, size: int) -> Path:
    """Make a file of zeros that takes no space."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["a sparse file", "an opener", "a stream"])
def test_pushing_a_gibibyte_takes_no_more_memory_than_a_little(
    hosts: tuple[str, str], tmp_path: Path, kind: str
) -> None:
    """The peak with a 1 GiB layer is within 60 MiB of the peak with a 16 MiB one."""
    small, large = (
        peak(PUSH, kind, size, f"{hosts[0]}/push:{size}", sparse(tmp_path / f"{size}", size))
        for size in (SMALL, LARGE)
    )

    assert large - small < ALLOWED, f"{small / MIB:.0f} MiB, then {large / MIB:.0f} MiB"


def test_pushing_in_chunks_takes_no_more_memory_than_a_little(hosts: tuple[str, str]) -> None:
    """Of a stream that goes up in chunks, one of them is in memory."""
    small, large = (peak(PUSH, "in chunks", size, f"{hosts[0]}/chunks:{size}") for size in (SMALL, MIDDLE))

    assert large - small < ALLOWED, f"{small / MIB:.0f} MiB, then {large / MIB:.0f} MiB"


@pytest.mark.slow
def test_copying_a_lot_takes_no_more_memory_than_a_little(hosts: tuple[str, str], tmp_path: Path) -> None:
    """The same for a layer on its way from one registry to another, a layout and an archive."""
    peaks = []
    for size in (SMALL, MIDDLE):
        source = f"{hosts[0]}/copy:{size}"
        peak(PUSH, "uncompressed", size, source)
        peaks.append(peak(COPY, source, f"{hosts[1]}/copy:{size}", tmp_path / f"out-{size}"))

    assert peaks[1] - peaks[0] < ALLOWED, f"{peaks[0] / MIB:.0f} MiB, then {peaks[1] / MIB:.0f} MiB"


@pytest.mark.parametrize("jobs", [1, 2])
def test_six_streams_with_one_job_end(registry: li.Registry, jobs: int) -> None:
    """Six pipes, each with a writer of its own, go through one job: waiting holds no job."""
    tars = [tar_of({"a": noise(MIB, seed)}) for seed in range(6)]
    pipes = [os.pipe() for _ in tars]
    writers = [
        Aside(lambda end=end, tar=tar: feed(end, tar)) for (_, end), tar in zip(pipes, tars, strict=True)
    ]
    files = [os.fdopen(end, "rb", buffering=0) for end, _ in pipes]
    layers = [li.Layer.from_stream(file) for file in files]
    asking = [Aside(layer.digest) for layer in layers]

    def write() -> Any:
        with li.Engine(jobs=jobs) as engine:
            return li.Image.empty().append(*layers).write(f"{registry.host}/app:1", engine=engine)

    result = Aside(write).result()

    for part in (*writers, *asking):
        part.result()
    for file in files:
        file.close()
    assert result.bytes_read == sum(map(len, tars))
    assert [one.digest for one in li.Image.from_registry(f"{registry.host}/app:1").manifest().layers] == [
        one.value for one in asking
    ]


def feed(end: int, tar: bytes) -> None:
    """Write a tar into a pipe."""
    with os.fdopen(end, "wb") as pipe:
        pipe.write(tar)


def test_one_job_writes_everything_to_everywhere(new_registry: Any, push_base: Any, tmp_path: Path) -> None:
    """Sessions, bases, streams, files, configs and tags of several images and targets go through one job."""
    a, b = new_registry(), new_registry()
    push_base(a.host, "base", layers=4)
    base = li.Image.from_registry(f"{a.host}/base:1")
    layers = [li.Layer.from_stream(Counted(tar_of({"a": noise(1000, n)}))) for n in range(3)]
    first = base.append(*layers).configure(user="1").with_subject(base)
    second = base.append(layers[0], li.Layer.from_files({"/a": b"b"})).annotate({"a": "b"})

    def write() -> Any:
        targets = {f"{a.host}/app:1": first, f"{b.host}/app:1": second, li.OCILayout(tmp_path / "out"): first}
        with li.Engine(jobs=1):
            return li.write(targets)

    assert len(Aside(write).result()) == 3


def test_memory_of_blocks_is_bounded_by_the_slowest_target(new_registry: Any) -> None:
    """A target that takes nothing holds the reading back: the source is not read far ahead of it."""
    slow = new_registry()
    arrived, gate = threading.Event(), threading.Event()

    def hold(request: Any) -> None:
        if request.method == "PATCH":
            arrived.set()
            gate.wait(PATIENCE)

    slow.hook = hold
    stream = Counted(noise(120 * MIB))
    layer = li.Layer.from_stream(stream, compression=li.Uncompressed())
    written = Aside(lambda: li.Image.empty().append(layer).write(f"{slow.host}/app:1"))
    assert arrived.wait(10)
    settled = read_until_it_rests(stream)
    gate.set()
    written.result()

    assert settled < 60 * MIB
    assert stream.given == 120 * MIB


def read_until_it_rests(stream: Counted) -> int:
    """Return how much a stream has given when it gives no more."""
    rest, given = threading.Event(), -1
    while given != stream.given:
        given = stream.given
        rest.wait(0.3)
    return given

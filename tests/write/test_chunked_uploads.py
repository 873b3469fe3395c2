"""An image arrives whole at registries that take of an upload no more, or no less; sources are read once."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from support.bodies import some_bytes

import lazyimg as li
from lazyimg.registry.retry import Retries
from lazyimg.server.faults import ExpireTokens, Fault, LoseUpload, Reset, Status, Truncate, rate_limit
from lazyimg.server.limits import UploadLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 12 << 20


class Source:
    """A tar that does not compress, opened as often as it is asked, and counted."""

    def __init__(self, number: int) -> None:
        self.opened = 0
        self.data = some_bytes(SIZE, seed=number)

    def open(self) -> io.BytesIO:
        self.opened += 1
        return io.BytesIO(self.data)


LIMITS = [
    UploadLimits(body=1 << 20),
    UploadLimits(body=3 << 20, chunk=2 << 20),
    UploadLimits(chunk=5 << 20),
    UploadLimits(last_in_put=True),
    UploadLimits(body=3 << 20, last_in_put=True),
    UploadLimits(patch=False),
]


@pytest.fixture(
    params=LIMITS, ids=["1 MiB", "2 to 3 MiB", "5 MiB at least", "last in PUT", "both", "no PATCH"]
)
def limited(request: pytest.FixtureRequest) -> Iterator[li.Registry]:
    """Give a registry with limits."""
    with li.Registry(limits=request.param) as running:
        yield running


def test_any_limit(limited: li.Registry) -> None:
    """Layers that can be read again and those that cannot arrive, and read back are what they were."""
    source = Source(1)
    layers = [
        li.Layer.from_opener(source.open, compression=li.Uncompressed()),
        li.Layer.from_stream(io.BytesIO(some_bytes(SIZE, seed=2)), compression=li.Uncompressed()),
        li.Layer.from_files({"/etc/motd": b"hello"}),
    ]
    with li.Engine(jobs=2, retries=1):
        image = li.Image.empty().append(*layers)
        result = image.write(f"{limited.host}/app:1")
        assert len(result.uploaded) == 5
        li.Image.from_registry(f"{limited.host}/app:1").validate()
        assert source.opened <= 3


def test_what_was_learned_spares_the_next_write() -> None:
    """Once the limit is known, each source is read once, and each byte sent once."""
    with li.Registry(limits=UploadLimits(body=1 << 20)) as own, li.Engine(jobs=1):
        li.Image.empty().append(li.Layer.from_opener(Source(1).open)).write(f"{own.host}/app:1")
        own.clear()
        source = Source(2)
        layer = li.Layer.from_opener(source.open, compression=li.Uncompressed())
        result = li.Image.empty().append(layer).write(f"{own.host}/app:2")
        assert source.opened == 1
        assert SIZE < result.bytes_sent < SIZE + 10_000
        assert own.traffic().refused == 0
        patches = [request for request in own.requests if request.method == "PATCH"]
    assert [patch.bytes_in for patch in patches] == [1 << 20] * 12


def test_a_stream_is_read_once_whatever_breaks(registry: li.Registry) -> None:
    """Chunks that break are sent again from memory; of a stream without a copy, too."""
    registry.faults.add(
        Fault(Reset(), "PATCH", received=500_000, times=3), Fault(Reset(), "PATCH", handled=True)
    )
    stream = li.Layer.from_stream(io.BytesIO(some_bytes(SIZE)), spool=False, compression=li.Uncompressed())
    with li.Engine(jobs=1):
        result = li.Image.empty().append(stream).write(f"{registry.host}/app:1")
        li.Image.from_registry(f"{registry.host}/app:1").validate()
    assert result.bytes_sent > SIZE
    assert [request.method for request in registry.requests].count("PATCH") > SIZE // (4 << 20)


CHUNK = 1 << 20
FAULTS = [
    *(Fault(Reset(), "PATCH", received=at, skip=1) for at in (0, 1, CHUNK // 2, CHUNK - 1, CHUNK)),
    Fault(Reset(), "PATCH", handled=True, skip=3),
    Fault(Reset(), "PUT", "*/uploads/*", received=0),
    Fault(Reset(), "PUT", "*/uploads/*", received=1000, times=2),
    Fault(Reset(), "PUT", "*/uploads/*", handled=True, times=2),
    Fault(Truncate(), "PATCH", handled=True),
    *(Fault(Status(status), method) for status in (500, 503) for method in ("PATCH", "PUT", "POST")),
    Fault(Status(502), "PATCH", handled=True, times=2),
    Fault(Status(416), "PATCH", skip=2),
    Fault(rate_limit(retry_after=0), "PATCH", times=3),
    Fault(ExpireTokens(), "PATCH", received=CHUNK // 2, skip=2),
    Fault(ExpireTokens(), "PUT", received=0),
    Fault(LoseUpload(), "PATCH", skip=3),
    Fault(LoseUpload(), "PUT", times=1),
    Fault(LoseUpload(), "PATCH", received=10, skip=1),
]


@pytest.mark.parametrize("last", [False, True], ids=["closed empty", "closed with the last"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.action}-{fault.method}-{fault.point}")
def test_a_fault_amid_chunks(fault: Fault, *, last: bool) -> None:
    """Whatever goes wrong with a chunk, the image is whole and read back as it was written."""
    layer = li.Layer.from_opener(lambda: io.BytesIO(some_bytes(5 * CHUNK + 7)), compression=li.Uncompressed())
    with li.Registry(token=True, limits=UploadLimits(last_in_put=last)) as own:
        settings = li.Host(chunk_size=CHUNK, retries=Retries(first=0.001))
        with li.Engine(jobs=1, hosts={own.host: settings}):
            li.Image.empty().append(li.Layer.from_bytes(bytes(3 * CHUNK))).write(f"{own.host}/before:1")
            own.faults.add(fault)
            li.Image.empty().append(layer).write(f"{own.host}/app:1")
            assert [befallen for befallen, _ in own.faults.befallen] or fault.received == 1000
            own.faults.clear()
            li.Image.from_registry(f"{own.host}/app:1").validate()

"""A part of a blob is asked for as a range, and is that part, or an error, whatever is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import some_bytes
from support.http_server import Exchange, HttpServer

import lazyimg as li
from lazyimg.errors import ContentMismatch, InvalidSetting
from lazyimg.oci.digest import Digest
from lazyimg.registry.client import Client
from lazyimg.registry.keychains.keychain import Anonymous
from lazyimg.server.faults import Fault, Truncate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.docker_registry import DockerRegistry

DATA = some_bytes(300_000)
DIGEST = Digest.of(DATA)
LAST = len(DATA)


@pytest.fixture(scope="module")
def holder() -> Iterator[Client]:
    """Give a client of an embedded registry that has the blob."""
    with li.Registry() as registry, Client(registry.host, keychain=Anonymous()) as client:
        client.begin_upload("me/app").put(DATA, DIGEST)
        yield client


@given(offset=st.integers(0, LAST), length=st.integers(0, LAST), is_told=st.booleans())
def test_any_part(holder: Client, offset: int, length: int, *, is_told: bool) -> None:
    """It is those bytes, whether the whole's size is known or not; what is beyond the end is an error."""

    def part() -> bytes:
        return b"".join(holder.blob("me/app", DIGEST, LAST if is_told else None, offset, length=length))

    if length and offset + length > LAST:
        with pytest.raises(InvalidSetting if is_told else (ContentMismatch, li.errors.RegistryError)):
            part()
    else:
        assert part() == DATA[offset : offset + length]


def test_no_more_is_sent_than_is_asked_for() -> None:
    """A part of a large blob costs its own bytes, and the connection is used again."""
    with li.Registry() as registry, Client(registry.host, keychain=Anonymous()) as client:
        client.begin_upload("me/app").put(DATA, DIGEST)
        registry.clear()
        for offset in (0, 5, LAST - 7):
            assert b"".join(client.blob("me/app", DIGEST, LAST, offset, length=7)) == DATA[offset:][:7]
        assert [(request.status, request.bytes_out) for request in registry.requests] == [(206, 7)] * 3


def test_a_cut_part_is_gone_on_with() -> None:
    """The rest of the part is asked for, and no more."""
    with li.Registry() as registry, Client(registry.host, keychain=Anonymous()) as client:
        client.begin_upload("me/app").put(DATA, DIGEST)
        registry.faults.add(Fault(Truncate(), "GET", sent=70_000))
        assert b"".join(client.blob("me/app", DIGEST, LAST, 10, length=200_000)) == DATA[10:200_010]
        assert registry.requests[-1].bytes_out == 130_000


@pytest.mark.parametrize("length", [7, -1], ids=["of a known length", "of no said length"])
def test_a_registry_without_ranges(client: Callable[..., Client], length: int) -> None:
    """What was not asked for is left out, before and behind."""
    headers = {"Connection": "close"} if length < 0 else {}
    with HttpServer(lambda exchange: exchange.answer(200, DATA, headers=headers)) as server:
        assert b"".join(client(server.host).blob("me/app", DIGEST, LAST, 5, length=9)) == DATA[5:14]


@pytest.mark.parametrize("sent", ["bytes 5-12/*", "bytes 6-14/*", "nonsense"])
def test_another_range_than_was_asked_for(client: Callable[..., Client], sent: str) -> None:
    """Too few bytes, those from elsewhere and an answer without a place are errors."""

    def respond(exchange: Exchange) -> None:
        exchange.answer(206, DATA[5:13], headers={"Content-Range": sent})

    with HttpServer(respond) as server, pytest.raises(ContentMismatch):
        b"".join(client(server.host).blob("me/app", DIGEST, LAST, 5, length=9))


def test_parts_that_cannot_be(holder: Client) -> None:
    """They are refused when they are asked for, by name."""
    for wrong in ({"offset": -1}, {"length": -1}, {"length": 1.5}):
        with pytest.raises(InvalidSetting, match=f"{next(iter(wrong))}=.*: a whole number"):
            holder.blob("me/app", DIGEST, LAST, **wrong)  # type: ignore[arg-type]


def test_parts_beyond_the_end_are_no_fault_of_a_mirror() -> None:
    """They are refused before anybody is asked, and mirrors are asked for others."""
    with li.Registry() as home, li.Registry() as mirror:
        with Client(mirror.host, keychain=Anonymous()) as client:
            client.begin_upload("me/app").put(DATA, DIGEST)
        with li.Engine(mirrors={home.host: [mirror.host]}) as engine:
            parts = engine.client(home.host)
            with pytest.raises(InvalidSetting, match=f"end at byte {LAST + 3} of a blob of {LAST} bytes"):
                parts.blob("me/app", DIGEST, LAST, LAST - 5, length=8)
            with pytest.raises(InvalidSetting, match=f"offset end.* at byte {LAST + 1}"):
                parts.blob("me/app", DIGEST, LAST, LAST + 1)
            assert b"".join(parts.blob("me/app", DIGEST, LAST, LAST - 5, length=5)) == DATA[-5:]
        assert home.requests == []


def test_a_part_from_a_mirror() -> None:
    """It is read there, and where the mirror breaks off, the rest of it from the registry."""
    with li.Registry() as home, li.Registry() as mirror:
        for registry in (home, mirror):
            with Client(registry.host, keychain=Anonymous()) as client:
                client.begin_upload("me/app").put(DATA, DIGEST)
            registry.clear()
        with li.Engine(mirrors={home.host: [mirror.host]}, retries=0) as engine:
            parts = engine.client(home.host)
            assert b"".join(parts.blob("me/app", DIGEST, LAST, 3, length=9)) == DATA[3:12]
            assert home.requests == []
            mirror.faults.add(Fault(Truncate(), "GET", sent=150_000))
            with pytest.warns(li.errors.RegistryWarning, match="passed over"):
                assert b"".join(parts.blob("me/app", DIGEST, LAST, 3, length=200_000)) == DATA[3:200_003]
        assert sum(request.bytes_out for request in home.requests) in range(1, 200_000)


@pytest.mark.peer
def test_docker_registry(
    client: Callable[..., Client], docker_registry: DockerRegistry, repository: str
) -> None:
    """The reference implementation gives the same part."""
    registry = client(docker_registry.host)
    registry.begin_upload(repository).put(DATA, DIGEST)
    assert b"".join(registry.blob(repository, DIGEST, LAST, 100, length=1000)) == DATA[100:1100]

"""Servers that speak HTTP/2 as no good one does: that breaks a connection of theirs, and nothing more."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from h2.events import StreamEnded
from support.h2_server import H2Server, Peer
from support.programs import need

from lazyimg.errors import RegistryError, RegistryUnreachable, RegistryWarning
from lazyimg.registry.client import Client
from lazyimg.registry.transport.pools import Tls as Trust
from lazyimg.registry.transport.wire import Timeouts
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from h2.events import Event

Fields = list[tuple[bytes, bytes]]
DATA, HEADERS, SETTINGS, PING, CONTINUATION = 0, 1, 4, 6, 9
STATUS = (b":status", b"200")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Give a certificate of this machine that is its own authority."""
    need("openssl", "openssl")
    return Tls.self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def asked(made: Tls, _stack: ExitStack) -> Callable[[Callable[[Peer, int], None]], Client]:
    """Give a function that starts a server, which answers each request by a function, and a client of it."""

    def ask(answer: Callable[[Peer, int], None]) -> Client:
        def react(peer: Peer, event: Event) -> None:
            if isinstance(event, StreamEnded):
                answer(peer, event.stream_id or 0)

        server = _stack.enter_context(H2Server((made.certificate, made.key), react))
        settings: dict[str, Any] = {"tls": Trust(ca=made.certificate), "http2": True, "scheme": "https"}
        limits = Timeouts(connect=5, silence=0.6, total=1.2)
        return _stack.enter_context(Client(server.host, retries=0, timeout=limits, **settings))

    return ask


def head(fields: Fields) -> Callable[[Peer, int], None]:
    """Answer with headers that nobody checks before they leave."""

    def answer(peer: Peer, stream: int) -> None:
        peer.h2.config.validate_outbound_headers = False
        peer.h2.config.normalize_outbound_headers = False
        peer.h2.send_headers(stream, fields, end_stream=True)

    return answer


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Give a frame (RFC 9113, 4.1)."""
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def frames(make: Callable[[int], bytes], times: int = 1) -> Callable[[Peer, int], None]:
    """Answer with frames past all rules, over and over."""

    def answer(peer: Peer, stream: int) -> None:
        with contextlib.suppress(OSError):
            for _ in range(times):
                peer.socket.sendall(make(stream))

    return answer


HEADS: dict[str, Fields] = {
    "no status": [(b"content-length", b"0")],
    "a status in words": [(b":status", b"fine")],
    "an empty status": [(b":status", b"")],
    "a status beyond all": [(b":status", b"9" * 5000)],
    "a negative status": [(b":status", b"-200")],
    "other pseudo headers": [STATUS, (b":path", b"/"), (b":evil", b"1")],
    "a status at the end": [(b"x", b"1"), STATUS],
    "a line's end in a value": [STATUS, (b"warning", b'299 - "a\r\nb: c"'), (b"location", b"/\r\n\r\n")],
    "a line's end in a name": [STATUS, (b"a\r\nb", b"c")],
    "zero bytes": [STATUS, (b"a\0", b"\0")],
    "no name": [STATUS, (b"", b"x")],
    "letters of no encoding": [STATUS, (b"\xff\xfe", b"\xff\xfe\x9b31m")],
    "headers of HTTP/1.1": [STATUS, (b"transfer-encoding", b"chunked"), (b"connection", b"close")],
    "two lengths": [STATUS, (b"content-length", b"0"), (b"content-length", b"5")],
}


@pytest.mark.parametrize("what", HEADS)
def test_heads_that_are_none(asked: Callable[..., Client], what: str) -> None:
    """An answer without a status is none; whatever else is in a head is a value like any other."""
    registry = asked(head(HEADS[what]))
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RegistryWarning)
            try:
                registry.ping()
            except (RegistryUnreachable, RegistryError) as error:
                assert str(error).isprintable()  # noqa: PT017 - or it went well


FLOODS: dict[str, Callable[[Peer, int], None]] = {
    "pings": frames(lambda _: frame(PING, 0, 0, bytes(8)) * 1000, 500),
    "settings": frames(lambda _: frame(SETTINGS, 0, 0) * 1000, 300),
    "empty data": frames(lambda stream: frame(DATA, 0, stream) * 1000, 300),
    "headers that go on": frames(
        lambda stream: frame(HEADERS, 0, stream) + frame(CONTINUATION, 0, stream, b"\0" * 16000) * 200, 20
    ),
    "a head of one large header, again and again": head([STATUS, *[(b"x", b"y" * 4000)] * 4000]),
    "frames of no kind": frames(lambda stream: frame(99, 255, stream, b"x" * 1000) * 100, 300),
    "a frame that is too large": frames(lambda stream: frame(DATA, 0, stream, bytes(1 << 20))),
    "data of nobody": frames(lambda _: frame(DATA, 1, 7, b"x")),
    "junk": frames(lambda _: b"HTTP/1.1 200 OK\r\n\r\n" * 100),
    "early answers for ever": frames(lambda stream: frame(HEADERS, 4, stream, b"\x08\x03100") * 100, 300),
}


@pytest.mark.parametrize("what", FLOODS)
def test_floods_end(asked: Callable[..., Client], what: str) -> None:
    """A flood of frames that say nothing is no sign of life, and one that cannot be breaks the connection."""
    registry = asked(FLOODS[what])
    with pytest.raises((RegistryUnreachable, RegistryError)) as raised:
        registry.ping()
    assert str(raised.value).isprintable()


def test_a_record_that_drips_ends(asked: Callable[..., Client]) -> None:
    """Bytes of a TLS record that is never whole are no sign of life, whoever reads for all."""
    dripped: list[int] = []

    def drip(peer: Peer, _: int) -> None:
        with contextlib.suppress(OSError):
            socket.socket.send(peer.socket, b"\x17\x03\x03\x40\x00")
            for number in range(500):
                socket.socket.send(peer.socket, b"\0")
                dripped.append(number)
                time.sleep(0.02)

    registry = asked(drip)
    with pytest.raises(RegistryUnreachable):
        registry.ping()
    assert 0 < len(dripped) < 400

"""A body is not sent to its end to a registry that has refused it already."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import httpcore
import pytest
from support.bodies import ListedBody, some_bytes

import lazyimg as li
from lazyimg.errors import Denied, RegistryError
from lazyimg.oci.digest import Digest
from lazyimg.registry.client import Client
from lazyimg.registry.transport.early import Early
from lazyimg.registry.transport.pools import Tls
from lazyimg.server.faults import Fault, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.http_server import Exchange
    from support.keeping_registry import KeepingRegistry

pytestmark = pytest.mark.timeout(60)
MIB = 1 << 20
DATA = some_bytes(24 * MIB)


def body(is_answered: Callable[[], bool]) -> ListedBody:
    """Make a body that gives its third piece when the first two have been answered."""

    def wait(offset: int) -> None:
        end = time.monotonic() + 10
        while offset >= 2 * MIB and not is_answered() and time.monotonic() < end:
            time.sleep(0.005)
        if offset == 2 * MIB:
            time.sleep(0.1)  # from being noted to being sent

    return ListedBody(DATA, size=len(DATA), piece=MIB, before=wait)


@pytest.mark.parametrize("status", [400, 403, 500])
def test_server_that_reads_on_after_it_refused(
    client: Callable[..., Client], keeping: KeepingRegistry, status: int
) -> None:
    """The refusal is seen while the body is being sent, and the rest of it stays here."""
    answered = threading.Event()

    def refuse(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            exchange.answer(status)
            answered.set()
            exchange.read()
        return exchange.method == "PATCH"

    keeping.hook = refuse
    upload = client(keeping.host, retries=0).begin_upload("me/app")
    with pytest.raises(RegistryError, match=str(status)):
        upload.send(body(answered.is_set))
    assert upload.bytes_sent <= 3 * MIB


def test_server_that_does_not_read_on(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Where the connection is full the refusal is found when nothing more gets through."""
    over = threading.Event()

    def refuse(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            time.sleep(0.3)  # the connection is full by then
            exchange.answer(403)
            over.wait(20)
        return exchange.method == "PATCH"

    keeping.hook = refuse
    upload = client(keeping.host, retries=0, timeout=2).begin_upload("me/app")
    with pytest.raises(Denied):
        upload.send(ListedBody(DATA, size=len(DATA), piece=MIB))
    over.set()


def test_over_tls() -> None:
    """What TLS says of itself while a body is sent is no answer; a refusal is."""
    with li.Registry(tls=True) as registry:
        trust = Tls(ca=registry.settings["ca"])
        with Client(registry.host, scheme="https", tls=trust, retries=0) as client:
            upload = client.begin_upload("me/app")
            upload.send(body(lambda: True))
            upload.commit(Digest.of(DATA))
            registry.faults.add(Fault(Status(403), "PATCH", received=10))
            refused = client.begin_upload("me/app")
            with pytest.raises(Denied):
                refused.send(body(lambda: registry.requests[-1].ended is not None))
    assert upload.bytes_sent == len(DATA)
    assert refused.bytes_sent <= len(DATA) / 2


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
def test_what_is_no_answer_yet(client: Callable[..., Client], keeping: KeepingRegistry, said: bytes) -> None:
    """Interim responses do not end a body, in one piece or in two."""
    announced = threading.Event()

    def hint(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            exchange.write(said[:5])
            exchange.write(said[5:])
            announced.set()
        return False

    keeping.hook = hint
    upload = client(keeping.host).begin_upload("me/app")
    upload.send(body(announced.is_set))
    upload.commit(Digest.of(DATA))
    assert set(keeping.blobs) == {Digest.of(DATA)}
    assert upload.attempts == 1


class EndsLate(ListedBody):
    """A body whose last piece is followed by its end when it has been answered."""

    def __init__(self, data: bytes, answered: threading.Event) -> None:
        super().__init__(data)
        self._answered = answered

    def chunks(self, offset: int) -> Iterator[bytes | memoryview]:
        """Yield the bytes, and wait."""
        yield from super().chunks(offset)
        assert self._answered.wait(20)
        time.sleep(0.1)  # from being noted to being sent


def test_what_was_not_sent_whole_is_not_followed_by_another_request(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Where a body was refused when all but its end was sent, nothing else is said on the connection."""
    answered, over = threading.Event(), threading.Event()
    followed = bytearray()

    def read_on(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            left, body = MIB, exchange.body()
            while left:
                left -= len(next(body))
            exchange.answer(403)
            answered.set()
            followed.extend(exchange.rest())
            over.set()
        return exchange.method == "PATCH"

    keeping.hook = read_on
    registry = client(keeping.host, retries=0)
    with pytest.raises(Denied):
        registry.begin_upload("me/app").send(EndsLate(DATA[:MIB], answered))
    registry.begin_upload("me/app")
    assert over.wait(20)
    assert followed == b"\r\n"


class Wrapped(httpcore.NetworkStream):
    """A connection that holds another protocol than HTTP/1 right on its socket."""

    def __init__(self, sock: socket.socket, tls: object) -> None:
        self._info = {"socket": sock, "ssl_object": tls}

    def get_extra_info(self, info: str) -> object:
        """Return what is asked about the connection."""
        return self._info[info]


class Http2:
    """What TLS tells where HTTP/2 was agreed on."""

    def selected_alpn_protocol(self) -> str:
        """Return the protocol."""
        return "h2"


def test_other_protocols_are_left_alone() -> None:
    """Of HTTP/2 frames, and of TLS within TLS, nothing is taken from under who reads them."""
    ours, theirs = socket.socketpair()
    within = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="a")
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        for tls in (within, Http2()):
            early = Early(Wrapped(ours, tls))
            assert not early.is_refused()
            assert early.take() == b""
        assert Early(Wrapped(ours, None)).is_refused()

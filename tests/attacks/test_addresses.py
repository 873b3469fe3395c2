"""Which addresses a registry may name: judged by how they are written, and by what names resolve to."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.http_server import HttpServer

from lazyimg.oci.digest import Digest
from lazyimg.registry.transport.address import (
    RefusedAddress,
    Zone,
    check_server,
    is_allowed,
    zone_of,
    zone_of_name,
)
from lazyimg.registry.transport.network import Dialer

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazyimg.registry.client import Client

DIGEST = Digest.of(b"some data")


# --- the rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("127.0.0.1", Zone.LOOPBACK),
        ("127.9.9.9", Zone.LOOPBACK),
        ("::1", Zone.LOOPBACK),
        ("[::1]", Zone.LOOPBACK),
        ("0.0.0.0", Zone.LOOPBACK),  # noqa: S104 - dialled, it is this machine
        ("::", Zone.LOOPBACK),
        ("::ffff:127.0.0.1", Zone.LOOPBACK),
        ("169.254.169.254", Zone.LINK_LOCAL),
        ("fe80::1%eth0", Zone.LINK_LOCAL),
        ("::ffff:169.254.169.254", Zone.LINK_LOCAL),
        ("10.1.2.3", Zone.PRIVATE),
        ("192.168.1.1", Zone.PRIVATE),
        ("172.16.0.1", Zone.PRIVATE),
        ("100.64.0.1", Zone.PRIVATE),
        ("fd00::1", Zone.PRIVATE),
        ("224.0.0.1", Zone.PRIVATE),
        ("fec0::1", Zone.PRIVATE),
        ("64:ff9b:1::1", Zone.PRIVATE),
        ("64:ff9b::7f00:1", Zone.LOOPBACK),
        ("64:ff9b::a9fe:a9fe", Zone.LINK_LOCAL),
        ("64:ff9b::808:808", Zone.PUBLIC),
        ("2002:a9fe:a9fe::1", Zone.LINK_LOCAL),
        ("2002:c0a8:1::1", Zone.PRIVATE),
        ("::a9fe:a9fe", Zone.LINK_LOCAL),
        ("::ffff:0:127.0.0.1", Zone.LOOPBACK),
        ("2001:0:a9fe:a9fe::", Zone.PRIVATE),
        ("fd00:ec2::254", Zone.METADATA),
        ("100.100.100.200", Zone.METADATA),
        ("168.63.129.16", Zone.METADATA),
        ("192.0.0.192", Zone.METADATA),
        ("1.1.1.1", Zone.PUBLIC),
        ("2606:4700::1", Zone.PUBLIC),
        ("ghcr.io", None),
        ("", None),
        ("127.1", None),
    ],
)
def test_zones(address: str, zone: Zone | None) -> None:
    """Every address has its zone, however it is written."""
    assert zone_of(address) is zone


def test_zones_of_names() -> None:
    """Some names tell their zone without being looked up."""
    assert zone_of_name("LOCALHOST.") is Zone.LOOPBACK
    assert zone_of_name("a.localhost") is Zone.LOOPBACK
    assert zone_of_name("10.0.0.1") is Zone.PRIVATE
    assert zone_of_name("notlocalhost") is None


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("127.1", Zone.LOOPBACK),
        ("2130706433", Zone.LOOPBACK),
        ("0x7f000001", Zone.LOOPBACK),
        ("017700000001", Zone.LOOPBACK),
        ("0x7F.1", Zone.LOOPBACK),
        ("127.0.0.1.", Zone.LOOPBACK),
        ("0251.0376.0251.0376", Zone.LINK_LOCAL),
        ("2852039166", Zone.LINK_LOCAL),
        ("0xa.1", Zone.PRIVATE),
        ("134744072", Zone.PUBLIC),
        ("1.2.3.4.5", None),
        ("99999999999", None),
        ("7f000001", None),
    ],
)
def test_numbers_that_only_resolvers_read(name: str, zone: Zone | None) -> None:
    """Decimal, octal, hexadecimal and shortened addresses are judged as what they are dialled as."""
    assert zone_of_name(name) is zone


def test_who_may_name_whom() -> None:
    """Link-local and metadata never, public always, loopback and private only from the same."""
    for home in (*Zone, None):
        assert not is_allowed(Zone.LINK_LOCAL, home)
        assert not is_allowed(Zone.METADATA, home)
        assert is_allowed(Zone.PUBLIC, home)
        assert is_allowed(Zone.LOOPBACK, home) == (home is Zone.LOOPBACK)
        assert is_allowed(Zone.PRIVATE, home) == (home is Zone.PRIVATE)


@pytest.mark.parametrize(
    ("scheme", "host", "home_scheme", "allowed"),
    [
        ("https", "auth.example", "https", True),
        ("https", "auth.example", "http", True),
        ("http", "auth.example", "http", True),
        ("http", "auth.example", "https", False),
        ("ftp", "auth.example", "http", False),
        ("file", "", "http", False),
        ("https", "169.254.169.254", "https", False),
        ("https", "10.0.0.1", "https", False),
        ("https", "localhost", "https", False),
    ],
)
def test_servers_a_public_registry_may_name(
    scheme: str, host: str, home_scheme: str, *, allowed: bool
) -> None:
    """Only public servers, and never by plain http from a registry that speaks https."""
    expected = contextlib.nullcontext() if allowed else pytest.raises(RefusedAddress, match="the realm")
    with expected:
        check_server(scheme, host, home_scheme=home_scheme, home=Zone.PUBLIC, what="the realm")


@given(st.text(max_size=30))
def test_zones_are_total(text: str) -> None:
    """Any text has a zone or none."""
    zone_of_name(text)


# --- what names resolve to -------------------------------------------------------------------------------


class Names(Dialer):
    """A dialer that tells whom it would dial, of names that resolve to something else each time."""

    def dialled(self, host: str) -> list[str]:
        """Give the addresses that would be tried."""
        self._resolved.clear()
        return self._allowed(host, self._resolve(host, 443))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:169.254.169.254", "fd00:ec2::254"]
)
def test_name_that_resolves_where_it_should_not(
    resolving: Callable[[dict[str, list[str]]], dict[str, list[str]]], address: str
) -> None:
    """A public name is refused by any inner address that it resolves to."""
    dialer = Names("ghcr.io")
    for addresses in ([address], ["8.8.8.8", address]):
        resolving({"innocent.example": addresses, "ghcr.io": ["8.8.8.8"]})
        assert dialer.dialled("ghcr.io") == ["8.8.8.8"]
        with pytest.raises(RefusedAddress, match="it resolves to"):
            dialer.connect_tcp("innocent.example", 443, timeout=1)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1"])
def test_a_registry_does_not_move_in_by_a_second_address(
    resolving: Callable[[dict[str, list[str]]], dict[str, list[str]]], address: str
) -> None:
    """A public name that also says it is in here is dialled outside alone, and may name nobody in here."""
    names = resolving({"evil.example": ["8.8.8.8", address], "friend.example": [address]})
    dialer = Names("evil.example")
    for _ in range(2):
        assert dialer.dialled("evil.example") == ["8.8.8.8"]
        assert dialer.home_zone is Zone.PUBLIC
        with pytest.raises(RefusedAddress, match=r"friend\.example is refused"):
            dialer.dialled("friend.example")
        names["evil.example"] = [address, "8.8.8.8"]


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "fe80::1", "168.63.129.16"])
def test_a_name_that_was_public_does_not_become_this_machine(
    resolving: Callable[[dict[str, list[str]]], dict[str, list[str]]], address: str
) -> None:
    """A name that resolves differently the second time is not followed to this machine or its link."""
    names = resolving({"evil.example": ["8.8.8.8"]})
    dialer = Names("evil.example")
    assert dialer.dialled("evil.example") == ["8.8.8.8"]
    names["evil.example"] = [address]
    with pytest.raises(RefusedAddress, match="it was at a public address, and resolves to"):
        dialer.dialled("evil.example")


def test_a_name_may_be_another_in_a_companys_net(
    resolving: Callable[[dict[str, list[str]]], dict[str, list[str]]],
) -> None:
    """What was public and is private now is dialled, as with a VPN; it still may not name private servers."""
    names = resolving({"reg.example": ["8.8.8.8"], "other.example": ["10.0.0.2"]})
    dialer = Names("reg.example")
    for address in ("8.8.8.8", "10.0.0.1"):
        names["reg.example"] = [address, "127.0.0.1"]
        assert dialer.dialled("reg.example") == [address]
    with pytest.raises(RefusedAddress):
        dialer.dialled("other.example")


def test_a_chain_of_redirects_is_judged_at_each_step(
    resolving: Callable[[dict[str, list[str]]], dict[str, list[str]]],
    client: Callable[..., Client],
    foreign_attempts: list[str],
) -> None:
    """The registry redirects to a server that may be named, and that one to a link-local one."""
    resolving({"cdn.example": ["127.0.0.1"], "metadata.example": ["169.254.169.254"]})
    away = {"Location": "http://metadata.example/latest"}
    with HttpServer(lambda exchange: exchange.answer(302, headers=away)) as cdn:
        there = {"Location": f"http://cdn.example:{cdn.server_port}/blob"}
        with HttpServer(lambda exchange: exchange.answer(307, headers=there)) as server:
            with pytest.raises(
                RefusedAddress, match=r"metadata\.example is refused: it resolves to a link-local"
            ):
                list(client(server.host).blob("me/app", DIGEST, 9))
            assert cdn.log == ["GET /blob"]
    assert foreign_attempts == []


def test_named_registry_may_be_anywhere(
    monkeypatch: pytest.MonkeyPatch, client: Callable[..., Client]
) -> None:
    """The registry that the user named is dialled wherever it is, and its zone is learnt."""
    with HttpServer(lambda exchange: exchange.answer(200)) as server:
        port = server.server_port
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
        client(f"reg.lan:{port}", insecure=True).ping()
        assert server.log == ["GET /v2/"]

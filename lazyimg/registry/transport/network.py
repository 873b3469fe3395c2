"""Sockets with deadlines: what httpcore opens, reads and writes through.

Three things that the HTTP libraries leave open are closed here. A `Call` bounds everything one exchange
waits for, however slowly the other side drips, and lets another thread cut it. Addresses are judged after
they were resolved, so no name can lead to where `address` forbids. And a host that vanished without a word is
noticed by the kernel (TCP keepalive and user timeout), even while nothing is being written.
"""

import contextlib
import fcntl
import socket
import ssl
import sys
import termios
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import httpcore

from lazyimg.registry.transport.address import RefusedAddress, Zone, is_allowed, widest, zone_of, zone_of_name
from lazyimg.registry.transport.early import Early

_READ = 256 << 10  # bytes; httpcore asks for 64 KiB, which costs a third of the speed
_LOOK = 0.1  # seconds between looks at whether what was written is still leaving
_MOST_IDLE = 32_767  # seconds between keepalives, by Linux
_RESOLVED_FOR = 30.0  # seconds a resolved name is remembered


class Cuttable(Protocol):
    """What an exchange goes over."""

    def cut(self) -> None:
        """End it at once, from another thread."""


class Call:
    """One exchange under way: how long it may take, and the socket it uses.

    Thread safe: `interrupt` is there to be called by another thread.

    Args:
        patience: seconds the other side may go on without a sign of life.
        until: when it is over in any case, by the monotonic clock.

    Attributes:
        allowance: seconds added to every wait for an answer, for a registry that has much to do first.
        owed: seconds that were waited for a body in vain, which the head of another answer makes not up for.
    """

    __slots__ = ("_alive_at", "_interrupted", "_lock", "_stream", "allowance", "owed", "patience", "until")

    def __init__(self, patience: float | None = None, until: float | None = None) -> None:
        self.patience = patience
        self.until = until
        self.allowance = 0.0
        self.owed = 0.0
        self._alive_at = time.monotonic()
        self._stream: Cuttable | None = None
        self._interrupted = False
        self._lock = threading.Lock()

    def alive(self, waited: float = 0.0) -> None:
        """Note a sign of life, which came ``waited`` seconds of waiting ago."""
        self._alive_at = time.monotonic() - waited

    def excuse(self, since: float) -> None:
        """Leave the time since then out of what was waited: no sign of life, but no silence either."""
        self.alive(max(0.0, self.waited - (time.monotonic() - since)))

    @property
    def waited(self) -> float:
        """The seconds since the last sign of life."""
        return time.monotonic() - self._alive_at

    @property
    def left(self) -> float | None:
        """The seconds left of patience and of time; None for no end of them."""
        now = time.monotonic()
        ends = [] if self.until is None else [self.until]
        if self.patience is not None:
            ends.append(self._alive_at + self.patience + self.allowance)
        return min(ends) - now if ends else None

    def limit_read(self, timeout: float | None) -> float | None:
        """Return the seconds a read or a connect may take: its own limit, or less if patience ends before."""
        return _least(None if timeout is None else timeout + self.allowance, self.left)

    def limit_write(self, timeout: float | None) -> float | None:
        """Return the seconds a write may make no progress; over a slow line the whole may take long."""
        return _least(timeout, None if self.until is None else self.until - time.monotonic())

    def uses(self, stream: "Cuttable") -> None:
        """Note the connection; cut at once if the call was interrupted before it had one."""
        with self._lock:
            self._stream = stream
            interrupted = self._interrupted
        if interrupted:
            stream.cut()

    def lets_go(self) -> None:
        """Note that the exchange is over, and its connection maybe another's."""
        with self._lock:
            self._stream = None

    def interrupt(self) -> None:
        """Cut the connection, so that whatever waits for it ends at once with an error."""
        with self._lock:
            self._interrupted = True
            stream = self._stream
        if stream is not None:
            stream.cut()

    def check(self) -> None:
        """End a wait that is over, however much there is to read: a flood of nothing is no sign of life.

        Raises:
            httpcore.ReadTimeout: the patience or the time has ended.
        """
        left = self.left
        if left is not None and left <= 0:
            raise httpcore.ReadTimeout("out of patience")


def _least(timeout: float | None, left: float | None) -> float | None:
    if left is None:
        return timeout
    left = max(0.001, left)  # 0 would mean "do not block"
    return left if timeout is None else min(timeout, left)


def cut(stream: httpcore.NetworkStream) -> None:
    """Cut a connection, whichever thread uses it; closing it is left to that one."""
    sock = stream.get_extra_info("socket")
    with contextlib.suppress(OSError):
        # past SSLSocket's own shutdown, which would pull the TLS state from under the thread that uses it
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Current(threading.local):
    """The call that the present thread is in."""

    call: Call | None = None


_current = _Current()


@contextlib.contextmanager
def calling(call: Call) -> Iterator[None]:
    """Make ``call`` the one that the sockets of this thread obey."""
    outer, _current.call = _current.call, call
    try:
        yield
    finally:
        _current.call = outer


def current_call() -> Call:
    """Return the call that this thread is in; one without limits, if in none."""
    return _current.call or Call()


class CallStream(httpcore.NetworkStream):
    """A connection that obeys the current call.

    Attributes:
        inner: the same without.
    """

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self.inner = self._stream = stream
        self._early = Early(stream)
        self._is_cut_short = False

    def cut(self) -> None:
        """Cut the connection; whatever waits for it ends at once with an error."""
        cut(self)

    def _enter(self) -> Call:
        call = current_call()
        call.uses(self)
        return call

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, at most 256 KiB; waits on while what was written is still on its way out."""
        call = self._enter()
        if said := self._early.take():
            return said
        unsent, since = self._unsent(), time.monotonic()
        while True:
            call.check()
            passed = time.monotonic() - since
            limit = call.limit_read(None if timeout is None else max(0.001, timeout - passed))
            try:
                return self._stream.read(max(max_bytes, _READ), _least(limit, _LOOK) if unsent else limit)
            except httpcore.ReadTimeout:
                before, unsent = unsent, self._unsent()
                if unsent < before:
                    call.excuse(since)
                    since = time.monotonic()
                elif not before or (limit is not None and limit <= _LOOK):
                    raise

    def _unsent(self) -> int:
        """Return how many written bytes the kernel still holds, which over a slow line can take a while."""
        return unsent_bytes(self.get_extra_info("socket"))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of the buffer, unless what came before was refused already.

        Raises:
            httpcore.WriteError: it was; the answer is there to be read.
        """
        if not buffer:
            return  # the end of a request, which may be answered already
        limit = self._enter().limit_write(timeout)
        self._end_if_refused()
        try:  # a view, so that what one send left over is not copied
            self._stream.write(memoryview(buffer), limit)  # type: ignore[arg-type] # send() takes a view
        except httpcore.WriteTimeout:
            self._end_if_refused()
            raise

    def _end_if_refused(self) -> None:
        if self._early.is_refused():
            self._is_cut_short = True
            raise httpcore.WriteError("refused before everything was sent")

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Upgrade the connection to TLS."""
        return CallStream(
            self._stream.start_tls(ssl_context, server_hostname, self._enter().limit_read(timeout))
        )

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks about the socket.

        One that a request was not sent whole on is readable, which is to say over: the server would take what
        comes next for the rest of that request, and httpcore knows it not, where but the end is missing.
        """
        if info == "is_readable" and self._is_cut_short:
            return True
        return self._stream.get_extra_info(info)


class Dialer(httpcore.NetworkBackend):
    """Opens connections, to allowed addresses only.

    Args:
        home: the host of the registry the user named, which may be anywhere.
        dead_after: seconds without an acknowledgement after which the kernel gives a connection up.
    """

    def __init__(self, home: str, *, dead_after: float = 15.0) -> None:
        self._home = home
        self._watched = _watched(dead_after)
        self._trusted = {home}
        self._inner = httpcore.SyncBackend()
        self._resolved: dict[tuple[str, int], tuple[float, list[str]]] = {}
        self.home_zone: Zone | None = zone_of_name(home)

    def trust(self, host: str) -> None:
        """Let a further host that the user named be anywhere, such as a proxy."""
        self._trusted.add(host)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> CallStream:
        """Connect to the first address of a host that answers."""
        until = None if timeout is None else time.monotonic() + timeout
        addresses = self._allowed(host, self._resolve(host, port))
        for address in addresses[:-1]:
            share = None if until is None else max(0.1, (until - time.monotonic()) / 2)
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._dial(address, port, share, local_address, socket_options)
        left = None if until is None else max(0.1, until - time.monotonic())
        return self._dial(addresses[-1], port, left, local_address, socket_options)

    def _dial(
        self,
        address: str,
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> CallStream:
        limit = timeout if _current.call is None else _current.call.limit_read(timeout)
        options = [*(socket_options or ()), *self._watched]
        return CallStream(self._inner.connect_tcp(address, port, limit, local_address, options))

    def _resolve(self, host: str, port: int) -> list[str]:
        known = self._resolved.get((host, port))
        if known and time.monotonic() < known[0]:
            return known[1]
        addresses = _look_up(host, port)
        self._resolved[host, port] = time.monotonic() + _RESOLVED_FOR, addresses
        return addresses

    def _allowed(self, host: str, addresses: list[str]) -> list[str]:
        zones = {address: zone_of(address) or Zone.PRIVATE for address in addresses}
        if host == self._home:
            return self._at_home(zones)
        for zone in zones.values():
            if host not in self._trusted and not is_allowed(zone, self.home_zone):
                raise RefusedAddress(
                    f"{host} is refused: it resolves to {zone.value}, named by a registry that is not there"
                )
        return addresses

    def _at_home(self, zones: Mapping[str, Zone]) -> list[str]:
        """Note where the registry is: once public, it stays so, whatever its own name resolves to later.

        Else it would only have to name a loopback address as one of its own to be let in there.
        """
        known = [] if self.home_zone is None else [self.home_zone]
        self.home_zone = widest([*known, *zones.values()])
        if self.home_zone is not Zone.PUBLIC:
            return list(zones)
        for wanted in (Zone.PUBLIC, Zone.PRIVATE):  # private: a name may be another one in a company's net
            if found := [address for address, zone in zones.items() if zone is wanted]:
                return found
        now = widest(zones.values()).value
        raise RefusedAddress(
            f"{self._home} is refused: it was at a public address, and resolves to {now} now"
        )


def _look_up(host: str, port: int) -> list[str]:
    if host.endswith(".localhost"):
        return ["127.0.0.1", "::1"]  # RFC 6761, 6.3: not every resolver knows
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"the name does not resolve: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def unsent_bytes(sock: socket.socket) -> int:
    """Return the bytes in a socket's send queue, 0 where the system does not tell."""
    answer = bytearray(4)
    try:
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, answer)
    except (OSError, ValueError):  # not told here, or the socket is closed
        return 0
    return int.from_bytes(answer, sys.byteorder)


def _watched(dead_after: float) -> list[httpcore.SOCKET_OPTION]:
    """Return the socket options that let the kernel notice a dead peer, where it knows them."""
    options: list[httpcore.SOCKET_OPTION] = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (
        ("TCP_KEEPIDLE", min(max(1, int(dead_after / 3)), _MOST_IDLE)),
        ("TCP_KEEPINTVL", min(max(1, int(dead_after / 3)), _MOST_IDLE)),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", int(dead_after * 1000)),
    ):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options

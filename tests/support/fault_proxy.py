"""A proxy in front of a registry that others wrote: the faults of the embedded one befall it on the way.

The script is the same (`lazyimg.server.faults.Fault`); what it does is done here, by other means: nothing of
the embedded registry but the words of the script is used.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
from typing import Self

from attrs import define

from lazyimg.server.actions import (
    CODES,
    Action,
    ExpireTokens,
    Hang,
    LoseUpload,
    Reset,
    Status,
    Truncate,
    WrongDigest,
)
from lazyimg.server.faults import Fault
from lazyimg.server.request import Request
from support.http_server import Exchange, HttpServer

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"})
_HANG = 60.0
_REALM = re.compile(r'realm="http://[^/"]+')


class Over(Exception):
    """The exchange has ended: broken, or answered in place of the registry."""


@define(eq=False)
class Waiting:
    """A fault that waits for requests, and how many it still befalls; None is every one."""

    fault: Fault
    left: int | None
    to_skip: int


@define(eq=False)
class Passing:
    """A request that passes, and the faults that wait on its way.

    Attributes:
        exchange: the client's side.
        armed: the faults.
        received: bytes of its body so far.
        wrong_byte: where the answer is to be wrong.
        is_lost: whether its upload was lost on the way.
    """

    exchange: Exchange
    armed: list[Waiting]
    received: int = 0
    wrong_byte: int | None = None
    is_lost: bool = False


class FaultProxy:
    """The proxy; use it as a context manager.

    Args:
        upstream: host and port of the registry.
        tokens: host and port of its token service, whose ``/token`` is then passed on, too.
    """

    def __init__(self, upstream: str, tokens: str) -> None:
        self._upstream = upstream
        self._tokens = tokens
        self._server = HttpServer(self._pass)
        self.lock = self._server.lock
        self.exchanges = self._server.exchanges
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._expired: set[str] = set()
        self._free = threading.Event()
        self.befallen: list[Fault] = []

    @property
    def host(self) -> str:
        """The registry as references name it, by way of this proxy."""
        return self._server.host

    @property
    def log(self) -> list[str]:
        """Method and path of each request since the last `clear`."""
        return self._server.log

    def add(self, *faults: Fault) -> None:
        """Have faults befall requests from now on."""
        with self._lock:
            self._waiting += [Waiting(fault, fault.times, fault.skip) for fault in faults]

    def clear_faults(self) -> None:
        """Forget the faults and what they befell; whatever hangs ends."""
        with self._lock:
            self._waiting.clear()
            self.befallen.clear()
            self._expired.clear()
            self._free.set()
            self._free = threading.Event()

    def clear(self) -> None:
        """Forget the faults, what they befell, and what passed."""
        self.clear_faults()
        with self._server.lock:
            self._server.exchanges.clear()

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self.clear()
        self._server.__exit__(*details)

    # --- one request ---------------------------------------------------------------------------------

    def _pass(self, exchange: Exchange) -> None:
        passing = Passing(exchange, self._arm(exchange))
        upstream = http.client.HTTPConnection(self._home_of(exchange), timeout=60)
        try:
            self._come_to(passing, "arrival", 0)
            if exchange.headers.get("Authorization", "") in self._expired:
                self._challenge(passing)
            self._forward(passing, upstream)
            response = upstream.getresponse()
            body = response.read()
            self._come_to(passing, "handled", 0)
            self._answer(passing, response, body)
        except Over:
            pass
        finally:
            upstream.close()

    def _home_of(self, exchange: Exchange) -> str:
        return self._tokens if exchange.path == "/token" else self._upstream

    def _arm(self, exchange: Exchange) -> list[Waiting]:
        path, _, query = exchange.target.partition("?")
        request = Request(exchange.method, path, query)
        armed = []
        with self._lock:
            for waiting in self._waiting:
                if waiting.fault.fits(request):
                    waiting.to_skip -= 1
                    armed += [waiting] if waiting.to_skip < 0 else []
        return armed

    def _forward(self, passing: Passing, upstream: http.client.HTTPConnection) -> None:
        exchange = passing.exchange
        upstream.putrequest(exchange.method, exchange.target, skip_host=True, skip_accept_encoding=True)
        for name, value in exchange.headers.items():
            upstream.putheader(name, value)
        self._come_to(passing, "received", 0)
        upstream.endheaders()
        chunked = "chunked" in exchange.headers.get("Transfer-Encoding", "")
        for arrived in exchange.body():
            part = arrived
            while part:
                way = self._way_to(passing)
                now, part = (part, b"") if way is None or way > len(part) else (part[:way], part[way:])
                upstream.send(b"%x\r\n%s\r\n" % (len(now), now) if chunked else now)
                passing.received += len(now)
                self._come_to(passing, "received", passing.received)
        if chunked:
            upstream.send(b"0\r\n\r\n")

    def _way_to(self, passing: Passing) -> int | None:
        points = [waiting.fault.point for waiting in passing.armed]
        ways = [at - passing.received for side, at in points if side == "received"]
        return min((way for way in ways if way > 0), default=None)

    def _answer(self, passing: Passing, response: http.client.HTTPResponse, body: bytes) -> None:
        exchange = passing.exchange
        headers = [pair for pair in response.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
        headers = [(name, self._through_us(name, value)) for name, value in headers]
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), len(body))
        headers = [pair for pair in headers if pair[0].lower() != "content-length"]
        if passing.wrong_byte is not None:
            body, headers = _wrong(passing.wrong_byte, body, headers)
        exchange.answer(response.status, b"", headers, length=length)
        sent = 0
        for side, at in sorted(waiting.fault.point for waiting in passing.armed):
            if side == "sent" and at <= len(body):
                exchange.write(body[sent:at])
                sent = at
                self._come_to(passing, "sent", at)
        exchange.write(body[sent:])

    def _through_us(self, name: str, value: str) -> str:
        """Have the token service asked through this proxy as well."""
        if name.lower() != "www-authenticate":
            return value
        return _REALM.sub(f'realm="http://{self.host}', value)

    # --- what goes wrong -----------------------------------------------------------------------------

    def _come_to(self, passing: Passing, side: str, count: int) -> None:
        """Let go wrong what does at a point."""
        due = [waiting for waiting in passing.armed if waiting.fault.point == (side, count)]
        for waiting in due:
            passing.armed.remove(waiting)
            if self._takes(waiting):
                self._act(passing, waiting.fault.action)
        if passing.is_lost:
            self._say(passing, Status(404, "BLOB_UPLOAD_UNKNOWN"))

    def _takes(self, waiting: Waiting) -> bool:
        with self._lock:
            if waiting not in self._waiting:
                return False
            self.befallen.append(waiting.fault)
            if waiting.left is not None:
                waiting.left -= 1
                if waiting.left <= 0:
                    self._waiting.remove(waiting)
            return True

    def _act(self, passing: Passing, action: Action) -> None:
        match action:
            case Reset():
                passing.exchange.reset()
                raise Over
            case Hang():
                self._free.wait(_HANG)
                passing.exchange.reset()
                raise Over
            case Truncate():
                passing.exchange.cut()
                raise Over
            case Status():
                self._say(passing, action)
            case WrongDigest():
                passing.wrong_byte = action.byte
            case LoseUpload():
                self._lose(passing)
            case ExpireTokens():
                self._expired.add(passing.exchange.headers.get("Authorization", ""))
                self._challenge(passing)
            case _:
                raise NotImplementedError(action)

    def _say(self, passing: Passing, action: Status, headers: dict[str, str] | None = None) -> None:
        """Answer in place of the registry; what still comes of the body is thrown away."""
        error = {"code": action.code or CODES.get(action.status, "UNKNOWN"), "message": action.message}
        waiting = {} if action.retry_after is None else {"Retry-After": str(action.retry_after)}
        headers = {"Content-Type": "application/json", "Connection": "close", **waiting, **(headers or {})}
        passing.exchange.answer(action.status, json.dumps({"errors": [error]}).encode(), headers)
        passing.exchange.leave()
        raise Over

    def _lose(self, passing: Passing) -> None:
        """Have the registry forget the upload."""
        exchange = passing.exchange
        with contextlib.closing(http.client.HTTPConnection(self._upstream, timeout=60)) as upstream:
            headers = {name: exchange.headers[name] for name in ("Host", "Authorization")}
            upstream.request("DELETE", exchange.target, headers=headers)
            upstream.getresponse().read()
        passing.is_lost = True

    def _challenge(self, passing: Passing) -> None:
        """Ask for another token, in the words of the registry itself."""
        with contextlib.closing(http.client.HTTPConnection(self._upstream, timeout=60)) as upstream:
            upstream.request("GET", passing.exchange.path)
            response = upstream.getresponse()
            response.read()
            challenge = self._through_us("WWW-Authenticate", response.getheader("WWW-Authenticate", ""))
        self._say(passing, Status(401), {"WWW-Authenticate": challenge})


def _wrong(byte: int, body: bytes, headers: list[tuple[str, str]]) -> tuple[bytes, list[tuple[str, str]]]:
    """Turn one bit of a body around; where there is none, have the header name another digest."""
    if not body:
        turned = str.maketrans("0123456789abcdef", "123456789abcdef0")
        return body, [
            (
                name,
                f"sha256:{value[7:].translate(turned)}" if name.lower() == "docker-content-digest" else value,
            )
            for name, value in headers
        ]
    wrong = bytearray(body)
    wrong[min(byte, len(body) - 1)] ^= 1
    return bytes(wrong), headers

"""Faults on demand: a script of what goes wrong, in which request and where in it.

::

    registry.faults.add(
        Fault(Reset(), "PATCH", received=1000, times=2),
        Fault(Status(503, retry_after=1), "GET", "*/manifests/*"),
    )

Nothing here is left to chance: a fault befalls the first requests that it fits, at the byte that it names,
as often as it says. Where a request stands is counted in the bytes of its body (``received``), and then of
its answer's (``sent``); between them the request is handled (``handled``), and what it changes is changed.
"""

from __future__ import annotations

import threading
from fnmatch import fnmatchcase

from attrs import define, field, frozen
from attrs.validators import optional

from lazyimg.server.access import Access
from lazyimg.server.actions import (
    Action,
    Delay,
    ExpireTokens,
    Hang,
    LoseUpload,
    Reset,
    Status,
    Truncate,
    WrongDigest,
    rate_limit,
)
from lazyimg.server.request import Ledger, Request
from lazyimg.server.wanted import Validator, pattern, value_of, whole

__all__ = [
    "Action",
    "Delay",
    "ExpireTokens",
    "Fault",
    "Faults",
    "Hang",
    "LoseUpload",
    "Reset",
    "Status",
    "Truncate",
    "WrongDigest",
    "rate_limit",
]

TOLD = 10
"""How many requests are told with faults that befell none, the latest."""

Point = tuple[str, int]
"""A point in a request: ``arrival``, ``received`` so many bytes, ``handled``, ``sent`` so many bytes."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
"""The methods of HTTP (RFC 9110, "Methods", and RFC 5789): a fault in others waits for ever."""

_METHOD = pattern(
    lambda text: any(fnmatchcase(method, text) for method in METHODS),
    f"a method in capitals, or a shell pattern of some: {', '.join(METHODS)}",
)
_PATH = pattern(
    lambda text: text[:1] in {"/", "*", "?", "["},
    "a path, which begins with a slash, or a shell pattern of paths: '*/blobs/*'",
)
_BYTES = whole(0, "a number of bytes, 0 or more")
_TIMES: Validator = optional(whole(1, "how many requests, 1 or more, or None for all"))


@frozen
class Fault:
    """Something that goes wrong in some requests.

    Where in the request it happens is said by one of ``received``, ``handled`` and ``sent``. Without any, it
    is when the request arrives, before anything of it is looked at; but a `Truncate` is right behind the
    head of the answer.

    Attributes:
        action: what goes wrong.
        method: the HTTP method, or a shell pattern.
        path: a shell pattern of the path, with its query if there is one: ``*/blobs/sha256:*``.
        received: when so many bytes of the request's body were taken in; 0 is before the first, but after
            the request was let in. A body that is shorter never comes so far.
        handled: when the request was handled, before anything of the answer is sent.
        sent: when so many bytes of the answer's body were sent; 0 is behind its head.
        times: in how many requests, 1 or more; None is in every one.
        skip: how many requests that fit are left alone first.

    Raises:
        TypeError: a value of another kind: a name or a class for an action, say.
        ValueError: two points, one that is too late for the action, or what no request ever comes to: a
            method that there is not, a path that does not begin with a slash.

    >>> Fault(Reset(), "PATCH", received=0).point
    ('received', 0)
    """

    action: Action = field(validator=value_of(Action, "an action that was made, such as Reset()"))
    method: str = field(default="*", validator=_METHOD)
    path: str = field(default="*", validator=_PATH)
    received: int | None = field(default=None, kw_only=True, validator=optional(_BYTES))
    handled: bool = field(default=False, kw_only=True, validator=value_of(bool, "True or False"))
    sent: int | None = field(default=None, kw_only=True, validator=optional(_BYTES))
    times: int | None = field(default=1, kw_only=True, validator=_TIMES)
    skip: int = field(default=0, kw_only=True, validator=whole(0, "how many requests, 0 or more"))

    def __attrs_post_init__(self) -> None:
        points = (self.received is not None, self.handled, self.sent is not None)
        if sum(points) > 1:
            raise ValueError("a fault has one point: give one of received=, handled= and sent=")
        if self.action.answers and self.sent is not None:
            raise ValueError(f"{self.action} comes too late behind the head of the answer: use handled=True")
        if isinstance(self.action, WrongDigest) and any(points):
            raise ValueError("a wrong digest is in the answer: say where by WrongDigest(byte=)")

    @property
    def point(self) -> Point:
        """Where in the request it happens."""
        if self.received is not None:
            return "received", self.received
        if self.sent is not None:
            return "sent", self.sent
        return ("handled" if self.handled else self.action.point), 0

    def fits(self, request: Request) -> bool:
        """Tell whether it may befall a request."""
        target = f"{request.path}?{request.query}" if request.query else request.path
        return fnmatchcase(request.method, self.method) and fnmatchcase(target, self.path)


@define(eq=False)
class Waiting:
    """A fault that waits for requests."""

    fault: Fault
    left: int | None
    to_skip: int
    has_befallen: bool = False

    def skips(self) -> bool:
        """Let a request pass that fits, if there is one to be left alone yet."""
        self.to_skip -= 1
        return self.to_skip >= 0


@define(eq=False)
class Faults:
    """The faults of a registry; safe to use from any thread."""

    _access: Access
    _ledger: Ledger
    _waiting: list[Waiting] = field(factory=list)
    _befallen: list[tuple[Fault, Request]] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def add(self, *faults: Fault) -> None:
        """Have faults befall requests from now on; of several at one point, the first comes first.

        Raises:
            TypeError: something else than a fault.
            ValueError: tokens are to expire, and the registry has none.
        """
        for fault in faults:
            if not isinstance(fault, Fault):
                raise TypeError(
                    f"{fault!r} is no fault: say in which requests it happens by Fault(..., 'PUT')"
                )
            if isinstance(fault.action, ExpireTokens) and self._access.tokens is None:
                raise ValueError("this registry has no tokens to expire: make it Registry(token=True)")
        with self._lock:
            self._waiting += [Waiting(fault, fault.times, fault.skip) for fault in faults]

    def clear(self) -> None:
        """Forget the faults, and what they befell."""
        with self._lock:
            self._waiting.clear()
            self._befallen.clear()

    @property
    def pending(self) -> list[Fault]:
        """The faults that wait for a request still."""
        with self._lock:
            return [each.fault for each in self._waiting]

    @property
    def befallen(self) -> list[tuple[Fault, Request]]:
        """What has gone wrong so far, in order, and in which request."""
        with self._lock:
            return list(self._befallen)

    def assert_befallen(self) -> None:
        """Fail where a fault has befallen no request: a test that adds one means to see it.

        Raises:
            AssertionError: so it is; it names those faults, and what was asked of the registry last.
        """
        with self._lock:
            missed = [repr(each.fault) for each in self._waiting if not each.has_befallen]
        if missed:
            asked = [f"{request.method} {request.path}" for request in self._ledger.snapshot()[-TOLD:]]
            raise AssertionError(
                f"befell no request: {'; '.join(missed)}. The requests were: {', '.join(asked) or 'none'}"
            )

    def arm(self, request: Request) -> list[Waiting]:
        """Return the faults that may befall a request that arrives."""
        if not self._waiting:
            return []
        with self._lock:
            return [each for each in self._waiting if each.fault.fits(request) and not each.skips()]

    def takes(self, waiting: Waiting, request: Request) -> bool:
        """Tell whether a fault befalls a request that has come to its point, and note it."""
        with self._lock:
            if waiting not in self._waiting:
                return False
            self._befallen.append((waiting.fault, request))
            waiting.has_befallen = True
            if waiting.left is not None:
                waiting.left -= 1
                if waiting.left <= 0:
                    self._waiting.remove(waiting)
            return True

"""The engine: how many jobs, which credentials, which observer; and the runtime that it owns."""

import atexit
import threading
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define, field

from lazyimg.content.limits import Limits
from lazyimg.content.local import absolute
from lazyimg.errors import ForcedInside, InvalidSetting
from lazyimg.logs import default_logger, event_logger, request_logger
from lazyimg.oci.registry_name import canonical_registry
from lazyimg.registry.host import Host, MirrorNames, gathered, host_settings, mirror_names
from lazyimg.registry.mirror_name import MirrorName
from lazyimg.registry.settings import (
    A_KEYCHAIN,
    Certificate,
    File,
    Proxy,
    by_name,
    has_method,
    is_count,
    is_file,
    is_keychain,
    is_str,
    may,
    must,
    wrong,
)
from lazyimg.runtime import Runtime, Settings, Work
from lazyimg.thunk.events import Event, Observer, silent
from lazyimg.thunk.run import is_inside
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    import httpx

    from lazyimg.registry.client import Client
    from lazyimg.registry.keychains.keychain import Keychain
    from lazyimg.registry.retry import Retries
    from lazyimg.registry.transport.wire import RequestRecord, Timeouts

V = TypeVar("V")
_USUAL = (
    "ca",
    "client_cert",
    "proxy",
    "timeout",
    "retries",
    "user_agent",
    "http2",
    "chunk_size",
    "transport",
)

_open: ContextVar[tuple["Engine", ...]] = ContextVar("lazyimg_engines", default=())
"""The engines of the blocks that this thread, or task, is in, innermost last."""


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(map(is_str, names)):
        raise wrong("insecure", value, "host[:port], or several such texts,")
    return names


def _mirrors(value: Mapping[str, MirrorNames]) -> Mapping[str, tuple[MirrorName, ...]]:
    if not isinstance(value, Mapping):
        raise wrong("mirrors", value, "a mapping from host[:port] to names of mirrors", is_secret=True)
    return by_name(
        ((host, mirror_names(names)) for host, names in value.items()), canonical_registry, "mirrors"
    )


def _is_logger(value: object) -> bool:
    return isinstance(value, bool) or has_method("info")(value)


@define(eq=False)
class Engine:
    """How graphs are forced. Making one has no effect; connections are opened on use.

    As a context manager it is the current engine of the block, for this thread (others do not inherit it),
    and is closed when the last of its blocks ends. Many threads may force with one engine.

    >>> engine = Engine(jobs=2)
    >>> with engine:
    ...     current_engine() is engine
    True

    Args:
        jobs: effectful thunks that are evaluated at once; a layer being read and sent is one.
        keychain: where credentials come from; by default Docker's file, then podman's, then nobody's.
        insecure: registry hosts (``host[:port]``) to be spoken to over plain http. Loopback addresses
            need no mention.
        timeout: seconds until a registry that gives no sign of life is given up, retries included: 20 by
            default. Connecting may take a quarter of them, and one wait three quarters, so that with few
            seconds there is no time for another try; `lazyimg.registry.Timeouts` sets each.
        retries: times that a request is sent again after a broken connection or a 408, 429, 500, 502, 503 or
            504; or `lazyimg.registry.Retries`. All requests of a write have five times as many
            together, of which what succeeds gives some back.
        transport: an ``httpx.BaseTransport`` to send requests with, instead of the network.
        scratch: the directory for what has to rest on disk (a one-shot stream's compressed bytes);
            by default the system's own.
        user_agent: what to be called by registries, before lazyimg's own name.
        ca: a file of certificate authorities to trust besides the usual ones. It says nothing of the scheme:
            a loopback address is spoken to in plain text all the same, unless ``hosts`` says ``https``, or
            whom to trust there.
        client_cert: a certificate to show, as a file, or as files of certificate and key; as with ``ca``.
        proxy: the address of a proxy; by default what the environment says, and False is none.
        http2: speak HTTP/2 with hosts that do, too; needs the extra ``http2``.
        chunk_size: bytes that one request of an upload may carry; by default all, until that is refused.
        hosts: what is different for some hosts, by ``host[:port]`` as references name them: each a `Host`,
            or a mapping of its fields.
        mirrors: for registries, others to read from first what is named by a digest, in their order:
            ``{"docker.io": ["mirror.lan:5000", "harbor.lan/hub"]}`` (host, and what comes before the
            repository's name there). Tags are asked of the registry itself, and writes go there. A mirror
            is asked with its own host's credentials.
        limits: how far a layer may blow up when it is looked into: nothing else keeps a small blob from
            being a very large layer.
        on_event: called with each `lazyimg.thunk.events.Event`, on the thread that forces.
        on_request: called with each `lazyimg.registry.RequestRecord`, when its exchange is over,
            on the thread that had it: several call at once. What it raises ends that thread's work.
        log: True to log events and requests through structlog, under the name ``lazyimg``; or a logger.

    Raises:
        InvalidSetting: a setting that nothing could be done with; it is named, with what is wanted.
    """

    jobs: int = field(default=4, validator=must(is_count, "a whole number from 1 on"))
    keychain: "Keychain | None" = field(
        default=None, kw_only=True, repr=False, validator=may(is_keychain, A_KEYCHAIN, is_secret=True)
    )
    insecure: Iterable[str] = field(default=(), kw_only=True, converter=_names)
    timeout: "float | Timeouts | None" = field(default=None, kw_only=True)
    retries: "int | Retries | None" = field(default=None, kw_only=True)
    transport: "httpx.BaseTransport | None" = field(default=None, kw_only=True, repr=False)
    scratch: File | None = field(default=None, kw_only=True, validator=may(is_file, "a path"))
    user_agent: str | None = field(default=None, kw_only=True)
    ca: File | None = field(default=None, kw_only=True)
    client_cert: Certificate | None = field(default=None, kw_only=True, repr=False)
    proxy: Proxy | None = field(default=None, kw_only=True, repr=False)
    http2: bool | None = field(default=None, kw_only=True)
    chunk_size: int | None = field(default=None, kw_only=True)
    hosts: Mapping[str, Host] = field(factory=dict, kw_only=True, converter=host_settings)
    mirrors: Mapping[str, tuple[MirrorName, ...]] = field(factory=dict, kw_only=True, converter=_mirrors)
    limits: Limits = field(
        factory=Limits,
        kw_only=True,
        validator=must(lambda value: isinstance(value, Limits), "lazyimg.Limits"),
    )
    on_event: Observer = field(
        default=silent, kw_only=True, repr=False, validator=must(callable, "a function of an event")
    )
    on_request: "Callable[[RequestRecord], None] | None" = field(
        default=None, kw_only=True, repr=False, validator=may(callable, "a function of a RequestRecord")
    )
    log: Any = field(
        default=False, kw_only=True, repr=False, validator=may(_is_logger, "True, or a structlog logger,")
    )
    _observers: list[Observer] = field(init=False, repr=False)
    _runtime: Runtime = field(init=False, repr=False)
    _blocks: int = field(init=False, default=0, repr=False)
    _lock: threading.Lock = field(init=False, factory=threading.Lock, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot work, before anything runs."""
        if self.jobs < 1:
            raise InvalidSetting(f"jobs={self.jobs}: at least one thunk must be evaluated at a time")
        self._observers = [self.on_event]
        self._runtime = Runtime(self._settings())

    def _settings(self) -> Settings:
        """What the runtime has to know; a logger is made only if one is wanted."""
        observer = self.on_request
        if self.log:
            logger = default_logger() if self.log is True else self.log
            self._observers.append(event_logger(logger))
            observer = _each(request_logger(logger), self.on_request)
        return Settings(
            keychain=self.keychain,
            scratch=None if self.scratch is None else absolute(self.scratch),
            usual=self._usual(),
            hosts=gathered(self.hosts, self.insecure, self.mirrors),
            observer=observer,
            limits=self.limits,
        )

    def _usual(self) -> Host:
        """How hosts are spoken to of which nothing else is said."""
        return Host(**{name: getattr(self, name) for name in _USUAL})

    def _observe(self, event: Event) -> None:
        for observer in self._observers:
            observer(event)

    def begin(self) -> Work:
        """What one run works with."""
        return Work(self._runtime)

    def force(self, thunk: Thunk[V], *, first: Iterable[Thunk[Any]] = (), work: Work | None = None) -> V:
        """Evaluate ``thunk`` and, of its graph, what it needs: reads, and writes what it says.

        Args:
            thunk: what to force.
            first: thunks of its graph that come before all that start from nothing.
            work: what the evaluations share; by default made for this run.

        Raises:
            ForcedInside: called from an evaluation.
            BaseException: what an evaluation raised, with notes of where the thunk was composed.
        """
        from lazyimg.thunk.graph import DiGraph, build, order_first  # noqa: PLC0415 - networkx on use
        from lazyimg.thunk.scheduler import Scheduler  # noqa: PLC0415 - with it

        refuse_inside(thunk)
        graph = build([thunk], DiGraph())
        order_first(graph, first)
        work = work or self.begin()
        scheduler = Scheduler(graph, runtime=work, jobs=self.jobs, observer=self._observe)
        try:
            value: V = scheduler.force(thunk)
        finally:
            work.close()
        return value

    def client(self, host: str) -> "Client":
        """A client of one registry, for what a registry can be asked beside images: tags, catalog, deletions.

        It has this engine's settings, credentials and connections, and is closed with it. Connects nothing
        yet.

        Args:
            host: the registry: ``ghcr.io``, ``localhost:5000``.

        Raises:
            InvalidReference: it is none.

        >>> Engine().client("docker.io")
        Client('docker.io')
        """
        return self._runtime.client_of(canonical_registry(host))

    def close(self) -> None:
        """Close the connections. The engine may be used again."""
        self._runtime.close()

    def __enter__(self) -> Self:
        _open.set((*_open.get(), self))
        with self._lock:
            self._blocks += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outer = [*reversed(_open.get())]
        if self in outer:  # not so where a generator is closed elsewhere than it was begun
            outer.remove(self)
            _open.set(tuple(reversed(outer)))
        with self._lock:
            self._blocks -= 1
            is_last = self._blocks == 0
        if is_last:
            self.close()

    def __reduce__(self) -> Any:
        raise TypeError(
            "an Engine holds connections and credentials, and is not pickled: make one where it is used"
        )


def _each(
    first: "Callable[[RequestRecord], None]", second: "Callable[[RequestRecord], None] | None"
) -> "Callable[[RequestRecord], None]":
    """One observer that is both; the second may be missing."""

    def observe(record: "RequestRecord") -> None:
        first(record)
        if second is not None:
            second(record)

    return observe


_default = Engine()
atexit.register(_default.close)


def current_engine() -> Engine:
    """The engine of the innermost ``with Engine(...)`` of this thread, or the default one."""
    blocks = _open.get()
    return blocks[-1] if blocks else _default


def refuse_inside(thunk: Thunk[Any]) -> None:
    """Refuse to force from inside an evaluation.

    Raises:
        ForcedInside: this thread is evaluating a thunk right now.
    """
    if is_inside():
        raise ForcedInside(
            f"{thunk!r} was forced from inside an evaluation, which would wait for itself: declare it as an "
            "input, in a field of the thunk that needs it"
        )

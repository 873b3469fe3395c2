"""One HTTP exchange: sent, timed, recorded, and its errors mapped into ours.

This is the border: above it nobody sees an exception of httpx or httpcore, and no exception that comes out
of here refers to a request, whose headers hold credentials.
"""

import contextlib
import io
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpcore
import httpx
from attrs import field, frozen

from lazyimg.errors import ContentMismatch, RegistryError, RegistryTimeout, RegistryUnreachable
from lazyimg.registry.failure import mask
from lazyimg.registry.transport.breaks import VIA, Untrusted, broken, by_way_of
from lazyimg.registry.transport.network import Call, calling
from lazyimg.registry.transport.notices import Notices, RateLimit, read_rate_limit, read_warnings
from lazyimg.registry.transport.outgoing import Outgoing
from lazyimg.registry.transport.pools import Pools
from lazyimg.registry.transport.timeouts import Timeouts

__all__ = [
    "Observer",
    "Reply",
    "Request",
    "RequestRecord",
    "Timeouts",
    "Untrusted",
    "Wire",
    "host_of",
    "shown",
]

_SIGN_OF_LIFE = 16 << 10  # bytes received; less is a drip that could go on for ever
_SHOWN = frozenset({"digest", "from", "last", "mount", "n", "scope", "service", "artifactType"})


@frozen(kw_only=True)
class RequestRecord:
    """What an observer is told of one finished exchange.

    Attributes:
        method: the HTTP method.
        url: the address; of its query only what is known to be no secret, and of nothing what is one.
        status: the answer's status, 0 if there was none.
        bytes_sent: bytes of the request's body that left.
        bytes_received: bytes of the answer's body that were read.
        seconds: from the start to the end of the answer's body.
        warnings: what the registry warned of, each in one line.
        rate_limit: how many requests it says that it takes; None if it says nothing.
        http_version: what it was spoken in, ``HTTP/1.1`` or ``HTTP/2``; empty if there was no answer.
    """

    method: str
    url: str
    status: int
    bytes_sent: int
    bytes_received: int
    seconds: float
    warnings: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None
    http_version: str = ""


Observer = Callable[[RequestRecord], None]


@frozen(kw_only=True)
class Request:
    """What to send.

    Attributes:
        doing: what is being done, for messages: ``"read the manifest of me/app:1"``.
        method: the HTTP method.
        url: the absolute address.
        headers: the headers, which may hold credentials.
        content: the body, bytes or a stream of them.
    """

    doing: str
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | Outgoing = field(default=b"", repr=False)


class Reply:
    """The head of an answer, its body still to be read or closed."""

    def __init__(
        self, wire: "Wire", request: Request, response: httpx.Response, call: Call, start: float
    ) -> None:
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - a sync transport's is
        self.status = response.status_code
        self.headers = response.headers
        self.url = request.url
        self.received = 0
        self._wire, self._request, self._response, self._call = wire, request, response, call
        self._stream = response.stream  # not iter_raw(), which a response that was given whole refuses
        self._start = start
        self._is_open = True
        warns = "Warning" in self.headers
        self.warnings = read_warnings(self.headers, wire.secrets_of(request)) if warns else ()

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` that the request was sent with; a secret."""
        return self._request.headers.get("Authorization")

    @property
    def http_version(self) -> str:
        """What the server speaks."""
        return self._response.http_version

    @property
    def via(self) -> str:
        """The proxy that it came by, without user and password; empty if by none."""
        return str(self._response.extensions.get(VIA, ""))

    @property
    def waited(self) -> float:
        """The seconds that the registry gave no sign of life."""
        return self._call.waited

    def chunks(self, waited: float = 0.0) -> Generator[bytes]:
        """Yield the body as it arrives; close the reply at its end.

        Args:
            waited: seconds that were waited for it in vain before.

        Raises:
            RegistryUnreachable: the connection broke before the body's end.
        """
        parts = iter(self._stream)
        waited = max(waited, self._call.owed)
        got = 0
        try:
            while True:
                self._call.alive(waited)  # the time our own side takes between two parts does not count
                part = self._next(parts)
                if part is None:
                    return
                self.received += len(part)
                waited, got = self._call.waited, got + len(part)
                if got >= _SIGN_OF_LIFE:
                    waited, got = 0.0, 0
                    self._call.owed = 0.0
                yield part
                part = None  # no traceback is to show what a server said
        finally:
            self.close()

    def _next(self, parts: Iterator[bytes]) -> bytes | None:
        try:
            with calling(self._call), self._wire.mapping(self._request.doing, self.url):
                return next(parts, None)
        except RegistryUnreachable:
            self._call.owed = self._call.waited
            raise

    def read(self, limit: int) -> bytes:
        """Read the body into memory.

        Raises:
            ContentMismatch: it is longer than ``limit`` bytes.
            RegistryUnreachable: the connection broke before the body's end.
        """
        body = io.BytesIO()  # which no traceback shows, as it would a list
        with contextlib.closing(self.chunks()) as chunks:
            while self.received <= limit and body.write(next(chunks, b"")):
                pass
        if self.received > limit:
            raise ContentMismatch(
                f"cannot {self._request.doing}: {host_of(self.url)} sent more than {limit} bytes"
            )
        return body.getvalue()

    def close(self) -> None:
        """Give the connection back, and tell the observer. May be called again."""
        if not self._is_open:
            return
        self._is_open = False
        self._call.lets_go()
        self._response.close()
        self._wire.record(self._request, self._start, self)


class Wire:
    """Sends single requests. Thread safe.

    Args:
        transport: carries them.
        timeouts: the time limits.
        user_agent: the ``User-Agent`` header.
        observer: told of every finished exchange.

    Attributes:
        secrets: tells what must not be shown of what a server says.
    """

    def __init__(
        self, transport: httpx.BaseTransport, timeouts: Timeouts, user_agent: str, observer: Observer | None
    ) -> None:
        self._transport = transport
        self.timeouts = timeouts
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._observer = observer
        self._notices = Notices()
        self.secrets: Callable[[], Iterable[str]] = tuple

    @property
    def carried(self) -> tuple[str, ...]:
        """What is sent with requests to whom they pass by, and must not be shown either."""
        return self._transport.secrets if isinstance(self._transport, Pools) else ()

    def secrets_of(self, request: Request) -> tuple[str, ...]:
        """All that must not be shown of an answer, what the request itself was sent with included."""
        sent = request.headers.get("Authorization", "")
        return (*self.secrets(), sent, sent.partition(" ")[2])

    def send(self, request: Request, call: Call) -> Reply:
        """Send a request and return the head of its answer, whatever its status.

        Args:
            request: what to send.
            call: bounds the exchange and can cut it.

        Raises:
            RegistryUnreachable: no answer. What a body's own iteration raised is raised as it is.
        """
        start = time.monotonic()
        content = request.content
        try:
            with calling(call), self.mapping(request.doing, request.url):
                response = self._transport.handle_request(self._build(request))
        except BaseException:
            self.record(request, start)
            if not isinstance(content, Outgoing) or content.failure is None:
                raise
        else:
            return self._heeded(Reply(self, request, response, call, start))
        finally:
            if isinstance(content, Outgoing):
                content.close()
        raise content.failure

    def _heeded(self, reply: Reply) -> Reply:
        """Show what the server warns of, once; a filter may make that an error."""
        try:
            self._notices.show(host_of(reply.url), reply.warnings)
        except BaseException:
            reply.close()
            raise
        return reply

    def _build(self, request: Request) -> httpx.Request:
        headers = {**self._headers, **request.headers}
        content = request.content
        if isinstance(content, Outgoing) and content.size is not None:
            headers["Content-Length"] = str(content.size)
        limits = self.timeouts
        timeout = {
            "connect": limits.connect,
            "read": limits.silence,
            "write": limits.silence,
            "pool": limits.total,
        }
        try:
            return httpx.Request(
                request.method,
                request.url,
                headers=headers,
                content=content or None,
                extensions={"timeout": timeout},
            )
        except UnicodeError:  # of IDNA: a name in its letters that nobody could have encoded
            raise httpx.InvalidURL("no name of a host") from None

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def record(self, request: Request, start: float, reply: Reply | None = None) -> None:
        """Tell the observer of a finished exchange; without a reply, of one that had no answer."""
        if self._observer is None:
            return
        content = request.content
        self._observer(
            RequestRecord(
                method=request.method,
                url=mask(shown(request.url), self.secrets_of(request)),
                status=reply.status if reply else 0,
                bytes_sent=content.sent if isinstance(content, Outgoing) else len(content),
                bytes_received=reply.received if reply else 0,
                seconds=time.monotonic() - start,
                warnings=reply.warnings if reply else (),
                rate_limit=read_rate_limit(reply.headers) if reply else None,
                http_version=reply.http_version if reply else "",
            )
        )

    def words(self, doing: str, url: str, what: str) -> str:
        """Word a failure to reach a server, which a registry may have named by a secret that it was told."""
        return mask(f"cannot {doing}: {host_of(url)} {what}", self.secrets())

    @contextlib.contextmanager
    def mapping(self, doing: str, url: str) -> Iterator[None]:
        """Turn what the HTTP libraries raise into errors of ours, which refer to no request."""
        try:
            yield
        except (httpcore.TimeoutException, httpx.TimeoutException) as error:
            phase = _PHASES.get(type(error).__name__, "answer")
            more = f"; timeout= allows more than {self.timeouts.total:g} s in all"
            what = f"did not {phase} in time{by_way_of(error)}{more}"
            raise RegistryTimeout(self.words(doing, url, what)) from None
        except _BROKEN as error:
            kind, what = broken(error, urlsplit(url).scheme)
            raise kind(self.words(doing, url, what)) from None
        except (httpx.InvalidURL, httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol):
            raise RegistryError(
                self.words(doing, url, "was named by an address that cannot be used")
            ) from None


_BROKEN = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpx.NetworkError,
    httpx.ProtocolError,
    httpx.ProxyError,
)
_PHASES = {
    "ConnectTimeout": "accept a connection",
    "WriteTimeout": "take what was sent",
    "PoolTimeout": "have a free connection",
}


def host_of(url: str) -> str:
    """Return host and port of an address, without user and password.

    >>> host_of("https://me:s3cret@ghcr.io:444/v2/?token=1")
    'ghcr.io:444'
    """
    return urlsplit(url).netloc.rpartition("@")[2]


def shown(url: str) -> str:
    """Return an address that may be shown: no user, and of the query only what is known to be no secret.

    >>> shown("https://ghcr.io/v2/me/app/blobs/uploads/1?_state=s3cret&digest=sha256:00")
    'https://ghcr.io/v2/me/app/blobs/uploads/1?digest=sha256:00'
    """
    parts = urlsplit(url)
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] in _SHOWN], safe=":/,")
    return urlunsplit((parts.scheme, host_of(url), parts.path, query, ""))

"""HTTP/2 connections that many threads share (RFC 9113), over the library h2, which does no I/O.

Nobody owns such a connection. Whoever waits for something reads for all, and wakes the others; whoever has
something to send writes what all have left to send. So a wait ends by its own limits, and an exchange that
ends early, by an error or because it was interrupted, resets its own stream and leaves the others alone.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import httpcore

from lazyimg.registry.transport.http2_exchange import Body, Exchange, fields_of, status_of
from lazyimg.registry.transport.network import current_call, cut, unsent_bytes

_READ: Final = 256 << 10
_PIECE: Final = 256 << 10
"""Bytes of a body that are framed at once."""
_WINDOW: Final = 4 << 20
"""Bytes that a server may send of an answer before somebody reads it."""
_ALL: Final = 16 << 20
"""Bytes that it may send of all answers before they are counted."""
_MOST: Final = 100
"""Exchanges at once on one connection; for more, there is another connection."""
_SLICE: Final = 0.25
"""Seconds after which a thread that reads looks whether it still should."""
_SETTINGS: Final = {
    h2.settings.SettingCodes.ENABLE_PUSH: 0,
    h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: _MOST,
    h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 64 << 10,
    h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
}


class Http2Connection(httpcore.ConnectionInterface):
    """A connection that speaks HTTP/2. Thread safe.

    Args:
        origin: the server.
        stream: the connection; read by one thread while another writes.
        keep_alive: seconds that it is kept while nobody uses it.

    Raises:
        httpcore.WriteError: it is broken already.
    """

    def __init__(self, origin: httpcore.Origin, stream: httpcore.NetworkStream, keep_alive: float) -> None:
        self._origin = origin
        self._stream = stream
        self._keep_alive = keep_alive
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(validate_inbound_headers=False))
        self._lock = threading.Lock()  # of all that follows; held for no longer than it takes to compute
        self._changed = threading.Condition(self._lock)
        self._writing = threading.Lock()  # held by the thread that writes
        self._writer: Exchange | None = None
        self._reads = False  # whether a thread reads
        self._out: list[bytes] = []
        self._exchanges: dict[int, Exchange] = {}
        self._untold = 0
        self._takes_more = True
        self._is_introduced = False  # whether the server has said how many exchanges it takes
        self._broken: Exception | None = None
        self._idle_since = time.monotonic()
        self._h2.local_settings = h2.settings.Settings(client=True, initial_values=dict(_SETTINGS))
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_ALL)
        self._out.append(self._h2.data_to_send())
        self._write(None, None)

    # --- exchanges -----------------------------------------------------------------------------------

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request, and return the head of its answer.

        Raises:
            httpcore.ConnectionNotAvailable: it takes no further request.
        """
        exchange = self._begin(request)
        try:
            self._send(exchange, request)
            with self._lock:
                self._until(exchange, lambda: exchange.head is not None)
            head = exchange.head or []
            status = status_of(head)
        except h2.exceptions.H2Error as error:
            self.end(exchange)
            raise httpcore.LocalProtocolError(str(error)) from None
        except BaseException:
            self.end(exchange)
            raise
        return httpcore.Response(
            status,
            headers=[pair for pair in head if not pair[0].startswith(b":")],
            content=Body(self.receive(exchange), lambda: self.end(exchange)),
            extensions={"http_version": b"HTTP/2", "network_stream": self._stream, "stream_id": exchange.id},
        )

    def _send(self, exchange: Exchange, request: httpcore.Request) -> None:
        exchange.call.uses(exchange)
        try:
            self._write(exchange, exchange.limit(writes=True))
            self._send_body(exchange, request)
        except httpcore.NetworkError:
            if not exchange.is_answered:  # it said what it had to say, and went away
                raise

    def _begin(self, request: httpcore.Request) -> Exchange:
        exchange = Exchange(self.interrupt, request, current_call())
        headers, exchange.is_sent = fields_of(request)
        with self._lock:
            if not self._exchanges and self._stream.get_extra_info("is_readable"):
                self._pump(0.001)  # while nobody waited it may have gone
            self._until(exchange, lambda: self._is_introduced or not self._exchanges)
            if not self.is_available():
                raise httpcore.ConnectionNotAvailable
            exchange.id = self._h2.get_next_available_stream_id()
            self._h2.send_headers(exchange.id, headers, end_stream=exchange.is_sent)
            self._exchanges[exchange.id] = exchange
            self._take_out()
        return exchange

    def _send_body(self, exchange: Exchange, request: httpcore.Request) -> None:
        if exchange.is_sent:
            return
        assert isinstance(request.stream, Iterable)  # noqa: S101 - a sync request's is
        for part in request.stream:
            view = memoryview(part).cast("B")
            while view and not exchange.is_answered:
                view = view[self._send_piece(exchange, view) :]
            if exchange.is_answered:
                return  # the server does not want the rest
        with self._lock:
            self._until(exchange, lambda: exchange.is_answered or not exchange.error, writes=True)
            if not exchange.is_answered:
                self._h2.end_stream(exchange.id)
                exchange.is_sent = True
            self._take_out()
        self._write(exchange, exchange.limit(writes=True))

    def _send_piece(self, exchange: Exchange, view: memoryview) -> int:
        """Send as much of a body as the server takes now, and wait until it takes anything."""
        with self._lock:
            self._until(exchange, lambda: exchange.is_answered or self._window(exchange) > 0, writes=True)
            if exchange.is_answered:
                return 0
            count = min(len(view), self._window(exchange), _PIECE)
            self._h2.send_data(exchange.id, view[:count])
            self._take_out()
        self._write(exchange, exchange.limit(writes=True))
        return count

    def _window(self, exchange: Exchange) -> int:
        if exchange.error or self._broken:
            return 0
        return min(self._h2.local_flow_control_window(exchange.id), self._h2.max_outbound_frame_size)

    def receive(self, exchange: Exchange) -> Iterator[bytes]:
        """Yield the body of an answer as it arrives."""
        while True:
            with self._lock:
                self._until(exchange, lambda: bool(exchange.data) or exchange.is_answered)
                if not exchange.data:
                    return
                part = b"".join(exchange.data)
                exchange.data.clear()
                is_open = not (exchange.is_answered or exchange.error or self._broken)
                if exchange.untold >= _WINDOW // 4 and is_open:
                    self._h2.increment_flow_control_window(exchange.untold, exchange.id)
                    exchange.untold = 0
                    self._take_out()
            self._write_if_free()
            yield part

    def end(self, exchange: Exchange) -> None:
        """Forget an exchange; if it is not over, the server is told to do the same."""
        with self._lock:
            if self._exchanges.pop(exchange.id, None) is None:
                return
            self._idle_since = time.monotonic()
            if not (exchange.is_sent and exchange.is_answered) and not self._broken:
                self._reset(exchange)
            is_last = self._broken is not None and not self._exchanges
        self._write_if_free()
        if is_last:
            self._stream.close()

    def _reset(self, exchange: Exchange) -> None:
        try:
            self._h2.reset_stream(exchange.id, h2.errors.ErrorCodes.CANCEL)
        except h2.exceptions.ProtocolError:  # the server has reset it
            return
        self._take_out()

    def interrupt(self, exchange: Exchange) -> None:
        """End an exchange from another thread. A write that hangs, hangs for all, and is cut."""
        with self._lock:
            exchange.error = httpcore.ReadError("the exchange was interrupted")
            self._changed.notify_all()
        until = time.monotonic() + _SLICE
        while self._writer is exchange and time.monotonic() < until:
            time.sleep(0.005)  # it is writing, which takes a moment where it does not hang
        if self._writer is exchange:
            cut(self._stream)

    # --- waiting and reading; the lock is held ---------------------------------------------------------

    def _until(self, exchange: Exchange, is_so: Callable[[], bool], *, writes: bool = False) -> None:
        """Wait, and read for all meanwhile."""
        call = exchange.call
        seconds, unsent = exchange.limit(writes=writes), self._unsent()
        start = time.monotonic()
        while not is_so():
            error = exchange.error or self._broken
            if error is not None:
                raise _again(error)
            if not writes:
                call.check()
            waited = time.monotonic() - start
            if seconds is not None and waited >= seconds:
                before, unsent = unsent, self._unsent()
                if unsent >= before:
                    self._takes_more = False  # nobody else shall wait here in vain
                    raise httpcore.WriteTimeout if writes else httpcore.ReadTimeout
                call.alive()
                seconds, start = exchange.limit(writes=writes), time.monotonic()
                continue
            self._pump(_SLICE if seconds is None else min(_SLICE, seconds - waited))

    def _unsent(self) -> int:
        return unsent_bytes(self._stream.get_extra_info("socket"))

    def _pump(self, seconds: float) -> None:
        """Read once, or wait for whoever is reading."""
        if self._reads:
            self._changed.wait(seconds)
            return
        self._reads = True
        self._lock.release()
        data, error = None, None
        try:
            data = self._stream.read(_READ, seconds)
        except httpcore.ReadTimeout:
            pass
        except httpcore.NetworkError as broken:
            error = broken
        finally:
            self._lock.acquire()
            self._reads = False
            self._changed.notify_all()
        if error is not None or data == b"":
            self._break(error or httpcore.RemoteProtocolError("Server disconnected"))
        elif data:
            self._take_in(data)
        if self._out and not self._broken:
            self._lock.release()
            try:
                self._write_if_free()
            finally:
                self._lock.acquire()

    def _take_in(self, data: bytes) -> None:
        try:
            for event in self._h2.receive_data(data):
                self._note(event)
        except h2.exceptions.ProtocolError as error:
            self._break(httpcore.RemoteProtocolError(str(error)))
        self._take_out()

    def _note(self, event: h2.events.Event) -> None:
        exchange = self._exchanges.get(getattr(event, "stream_id", None) or 0)
        if isinstance(event, h2.events.ConnectionTerminated):
            self._break(httpcore.RemoteProtocolError("Server disconnected: it said that it goes away"))
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self._is_introduced = True
        elif isinstance(event, h2.events.DataReceived):
            self._note_data(event, exchange)
        elif exchange is None:
            return
        elif isinstance(event, h2.events.ResponseReceived):
            exchange.head = list(event.headers or ())
        elif isinstance(event, h2.events.StreamEnded):
            exchange.is_answered = True
        elif isinstance(event, h2.events.StreamReset) and not exchange.is_answered:
            exchange.error = httpcore.RemoteProtocolError("peer closed connection: it reset the stream")

    def _note_data(self, event: h2.events.DataReceived, exchange: Exchange | None) -> None:
        """Keep data for who reads it; room for all is made at once: nobody waits for another's reader."""
        length = event.flow_controlled_length or 0
        self._untold += length
        if self._untold >= _ALL // 4:
            self._h2.increment_flow_control_window(self._untold)
            self._untold = 0
        if exchange is not None and event.data:
            exchange.data.append(event.data)
            exchange.untold += length

    def _take_out(self) -> None:
        data = self._h2.data_to_send()
        if data:
            self._out.append(data)

    def _break(self, error: Exception) -> None:
        if self._broken is None:
            self._broken = error
            self._changed.notify_all()
            cut(self._stream)
            if not self._exchanges:
                self._stream.close()

    def _hear_out(self) -> None:
        """Take in what a server said before it went away."""
        until = time.monotonic() + _SLICE
        while self._broken is None and time.monotonic() < until:
            self._pump(_SLICE / 10)

    # --- writing; the lock is not held ------------------------------------------------------------------

    def _write(self, exchange: Exchange | None, seconds: float | None) -> None:
        """Write what there is to be sent, after whoever writes now."""
        if not self._writing.acquire(timeout=-1 if seconds is None else seconds):
            raise httpcore.WriteTimeout
        self._write_all(exchange, seconds)
        self._write_if_free()

    def _write_if_free(self) -> None:
        """Write what there is to be sent, or leave it to the thread that writes."""
        while self._out and not self._broken and self._writing.acquire(blocking=False):
            self._write_all(None, 5.0)

    def _write_all(self, exchange: Exchange | None, seconds: float | None) -> None:
        self._writer = exchange
        try:
            while True:
                with self._lock:
                    data, self._out = b"".join(self._out), []
                if not data or self._broken:
                    return
                self._stream.write(data, seconds)
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            with self._lock:
                self._hear_out()
                self._break(error)
            if exchange is not None:
                raise
        finally:
            self._writer = None
            self._writing.release()

    # --- what a pool asks -------------------------------------------------------------------------------

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        """Tell whether it leads to that server."""
        return origin == self._origin

    def is_available(self) -> bool:
        """Tell whether it takes one more request."""
        most = min(_MOST, self._h2.remote_settings.max_concurrent_streams)
        return self._takes_more and self._broken is None and len(self._exchanges) < most

    def is_idle(self) -> bool:
        """Tell whether nobody uses it."""
        return self._broken is None and not self._exchanges

    def has_expired(self) -> bool:
        """Tell whether it was idle for too long, or is not to be used again."""
        is_old = time.monotonic() - self._idle_since > self._keep_alive
        return self.is_idle() and (is_old or not self._takes_more)

    def is_closed(self) -> bool:
        """Tell whether it is of no use any more."""
        return self._broken is not None

    def info(self) -> str:
        """Describe it."""
        return f"HTTP/2, {len(self._exchanges)} exchanges, {'closed' if self._broken else 'open'}"

    def close(self) -> None:
        """Close it; exchanges under way end with an error."""
        with self._lock:
            self._break(httpcore.ReadError("the connection was closed"))


def _again(error: Exception) -> Exception:
    """Return the same error once more: each thread has its own, as each adds its traceback."""
    kind: Callable[..., Exception] = type(error)
    return kind(*error.args)

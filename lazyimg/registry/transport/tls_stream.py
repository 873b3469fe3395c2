"""TLS for two threads at once: one that reads and one that writes, as HTTP/2 needs it.

Python's ``SSLSocket`` is not made for that: OpenSSL wants one thread at a time for a connection. Here TLS
works on bytes in memory, one thread at a time, and the sockets below it are read and written meanwhile.
"""

import ssl
import threading
import time
from typing import Any

import httpcore

_RECORDS = 256 << 10  # bytes that are encrypted at once, and so written at once


class TlsStream(httpcore.NetworkStream):
    """A connection under TLS.

    Args:
        stream: the connection below it.
        context: how the server is verified.
        hostname: what the server has to be called.
        timeout: seconds for the handshake.

    Raises:
        httpcore.ConnectError: the two sides came to no agreement.
        httpcore.ConnectTimeout: not in time.
    """

    def __init__(
        self, stream: httpcore.NetworkStream, context: ssl.SSLContext, hostname: str, timeout: float | None
    ) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)
        self._state = threading.Lock()  # of TLS; held for no longer than it takes to compute
        self._sending = threading.Lock()  # so that records leave in the order they were made
        try:
            self._shake_hands(timeout)
        except (ssl.SSLError, httpcore.ReadError, httpcore.WriteError) as error:
            stream.close()
            raise httpcore.ConnectError(str(error)) from error
        except httpcore.TimeoutException:
            stream.close()
            raise httpcore.ConnectTimeout("the TLS handshake took too long") from None

    @property
    def protocol(self) -> str | None:
        """What both sides agreed on to speak (ALPN): ``h2``, ``http/1.1`` or nothing."""
        return self._tls.selected_alpn_protocol()

    def _shake_hands(self, timeout: float | None) -> None:
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            is_done = self._handshake()
            left = None if until is None else max(0.001, until - time.monotonic())
            self._send_pending(left)
            if is_done:
                return
            self._feed(self._stream.read(_RECORDS, left))

    def _handshake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            self._send_pending(1.0)  # the alert that says why
            raise
        return True

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, at most ``max_bytes``; empty at the end. For one thread at a time.

        Raises:
            httpcore.ReadTimeout: nothing whole came in time, in however many pieces.
        """
        until, left = None if timeout is None else time.monotonic() + timeout, timeout
        while (found := self._decrypted(max_bytes)) is None:
            if left is not None and left <= 0:
                raise httpcore.ReadTimeout("nothing that is whole")
            self._send_pending(left)
            self._feed(self._stream.read(max_bytes, left))
            left = None if until is None else until - time.monotonic()
        return found

    def _decrypted(self, most: int) -> bytes | None:
        """Return what is decrypted already, None if nothing is."""
        parts: list[bytes] = []
        with self._state:
            try:
                while most > 0:
                    parts.append(self._tls.read(most))
                    most -= len(parts[-1])
                    if not parts[-1]:
                        break
            except ssl.SSLWantReadError:
                return b"".join(parts) or None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b"".join(parts)
            except ssl.SSLError as error:
                raise httpcore.ReadError(str(error)) from error
        return b"".join(parts)

    def _feed(self, data: bytes) -> None:
        with self._state:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of the buffer."""
        view = memoryview(buffer)
        while view:
            with self._sending:
                with self._state:
                    written = self._encrypt(view[:_RECORDS])
                    data = self._outgoing.read()
                self._stream.write(data, timeout)
            view = view[written:]

    def _encrypt(self, data: memoryview) -> int:
        try:
            return self._tls.write(data)
        except ssl.SSLError as error:
            raise httpcore.WriteError(str(error)) from error

    def _send_pending(self, timeout: float | None) -> None:
        """Send what TLS itself has to say: handshakes, new keys."""
        with self._sending:
            with self._state:
                data = self._outgoing.read()
            if data:
                self._stream.write(data, timeout)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Refuse TLS within TLS, which nobody asks for."""
        raise NotImplementedError

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks about the socket."""
        return self._tls if info == "ssl_object" else self._stream.get_extra_info(info)

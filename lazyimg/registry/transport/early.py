"""Refusals that come before a request was sent whole.

A server may answer before it has read the body, and many then read on, or do not read at all: whoever only
looks for an answer at the end sends gigabytes to somebody who has said no. So it is looked for before each
piece; that costs a system call a mebibyte.
"""

import re
import socket
import ssl
from typing import Any, Final

import httpcore

_REFUSAL = re.compile(rb"HTTP/1\.[01] [3-5]\d\d")
_LOOK: Final = 64 << 10  # bytes of an answer that are looked at
_NOTHING: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Early:
    """What a server has said while it is being sent to; what was taken in by looking is read first.

    Args:
        stream: the connection; one that speaks anything but HTTP/1 right on its socket is left alone.
    """

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._socket = _plain_socket(stream)
        self._said = b""
        self._failure: OSError | None = None

    def is_refused(self) -> bool:
        """Look, without waiting, whether a refusal has begun to come."""
        if self._socket is not None and self._failure is None:
            self._look(self._socket)
        return _REFUSAL.match(self._said) is not None

    def _look(self, sock: socket.socket) -> None:
        try:
            sock.settimeout(0)
            self._said += sock.recv(_LOOK)
        except _NOTHING:
            pass
        except OSError as error:  # an alert of TLS, say, which is not told twice
            self._failure = error

    def take(self) -> bytes:
        """Return what was said and not yet read.

        Raises:
            httpcore.ReadError: it could not be read.
        """
        said, self._said = self._said, b""
        try:
            if not said and self._failure is not None:
                raise self._failure
        except OSError as error:  # from inside, for its context: httpcore takes the cause away
            raise httpcore.ReadError(error) from error
        return said


def _plain_socket(stream: httpcore.NetworkStream) -> socket.socket | None:
    """Return the socket whose bytes are those of HTTP/1, in TLS or plain; None if there is none."""
    found: Any = stream.get_extra_info("socket")
    tls: Any = stream.get_extra_info("ssl_object")
    is_bare = tls is None or (isinstance(found, ssl.SSLSocket) and not isinstance(tls, ssl.SSLObject))
    if not (is_bare and isinstance(found, socket.socket)):
        return None
    return None if tls is not None and tls.selected_alpn_protocol() == "h2" else found

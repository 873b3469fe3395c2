"""A server of HTTP/2 that a test writes event by event: what no good server does, too."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any, Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions

if TYPE_CHECKING:
    from collections.abc import Callable


class Peer:
    """One connection, as the server has it.

    Attributes:
        h2: its state.
        socket: to write to it past its state.
    """

    def __init__(self, connection: ssl.SSLSocket, settings: dict[Any, int]) -> None:
        self.socket = connection
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        for name, value in settings.items():
            self.h2.local_settings[name] = value
        self.h2.local_settings.acknowledge()
        self.h2.initiate_connection()

    def answer(self, stream: int, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer a request, whole."""
        fields = [(":status", str(status)), ("content-length", str(len(body)))]
        fields += [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.h2.send_headers(stream, fields, end_stream=not body)
        if body:
            self.h2.send_data(stream, body, end_stream=True)

    def flush(self) -> None:
        """Send what there is to be sent."""
        self.socket.sendall(self.h2.data_to_send())


class H2Server:
    """The server; use it as a context manager.

    Args:
        certificate: the files of certificate and key.
        react: called with each event, in a thread for each connection.
        settings: what it tells of itself.
    """

    def __init__(
        self,
        certificate: tuple[Any, Any],
        react: Callable[[Peer, h2.events.Event], None],
        settings: dict[Any, int] | None = None,
    ) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        self._context.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._react = react
        self._settings = settings or {}
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.peers: list[Peer] = []

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(peer.socket, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(plain,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, plain: socket.socket) -> None:
        with (
            plain,
            contextlib.suppress(OSError),
            self._context.wrap_socket(plain, server_side=True) as secure,
        ):
            peer = Peer(secure, self._settings)
            self.peers.append(peer)
            peer.flush()
            while data := secure.recv(64 << 10):
                try:
                    events = peer.h2.receive_data(data)
                except h2.exceptions.ProtocolError:
                    return  # the server has said that it goes away
                for event in events:
                    self._react(peer, event)
                peer.flush()

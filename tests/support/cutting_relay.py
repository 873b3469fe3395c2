"""A relay of bare bytes that breaks the connection at a byte that a test names, whatever is said there."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Literal, Self

Direction = Literal["there", "back"]


class Relay:
    """Passes bytes between clients and a server; use it as a context manager.

    Args:
        server: host and port.

    Attributes:
        passed: the bytes that passed so far, by direction.
        cuts: how many connections were cut.
    """

    def __init__(self, server: str) -> None:
        host, _, port = server.partition(":")
        self._server = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._cut: tuple[Direction, int] | None = None
        self.passed: dict[Direction, int] = {"there": 0, "back": 0}
        self.cuts = 0

    @property
    def host(self) -> str:
        """The server as references name it, by way of this relay."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self, direction: Direction, after: int) -> None:
        """Cut the connection that brings so many more bytes in a direction, right behind them; once."""
        with self._lock:
            self._cut = direction, self.passed[direction] + after

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            ways: tuple[tuple[Direction, socket.socket, socket.socket], ...]
            ways = ("there", client, server), ("back", server, client)
            threads = [threading.Thread(target=self._carry, args=way, daemon=True) for way in ways]
            for thread in threads:
                thread.start()
            threading.Thread(target=_close, args=(threads, client, server), daemon=True).start()

    def _carry(self, direction: Direction, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(64 << 10):
                allowed = self._allowed(direction, len(data))
                sink.sendall(data[:allowed])
                if allowed < len(data):
                    break
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _allowed(self, direction: Direction, size: int) -> int:
        """Count bytes, and tell how many of them may pass."""
        with self._lock:
            before = self.passed[direction]
            if self._cut is not None and self._cut[0] == direction and self._cut[1] < before + size:
                size = self._cut[1] - before
                self._cut = None
                self.cuts += 1
            self.passed[direction] += size
            return size


def _close(threads: list[threading.Thread], *ends: socket.socket) -> None:
    for thread in threads:
        thread.join()
    for end in ends:
        end.close()

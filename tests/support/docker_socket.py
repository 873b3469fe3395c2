"""A socket that answers as the docker daemon might."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def listening(answer: Callable[[bytes], Iterator[bytes]]) -> Iterator[str]:
    """Listen on a socket, read each request's head, and send what ``answer`` gives; then hang up."""
    with tempfile.TemporaryDirectory(prefix="lazyimg-") as directory:
        path = f"{directory}/docker.sock"
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(ConnectionError):  # the other side hung up
                        for part in answer(_request(connection)):
                            connection.sendall(part)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data or (b"chunked" in data and not data.endswith(b"\r\n0\r\n\r\n")):
        part = connection.recv(1 << 16)
        if not part:
            break
        data += part
    return data


def chunked(data: bytes) -> Iterator[bytes]:
    """Answer with a body of no announced length."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for start in range(0, len(data), 4000):
        piece = data[start : start + 4000]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def refusing(status: str, body: bytes) -> Callable[[bytes], Iterator[bytes]]:
    """Answer every request with a status and a body."""
    return lambda _: iter([b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body)), body])

"""The embedded registry asked below HTTP, where any text may come: no client refuses to send it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from lazyimg.server.connection import KEY

if TYPE_CHECKING:
    from lazyimg.server.registry import Registry


def ask(
    registry: Registry, method: str, path: str, query: dict[str, str], sent: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Ask the application; give status, headers and body of its answer."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"spec_version": "2.3"},
        "method": method,
        "path": path,
        "query_string": urlencode(query, errors="surrogatepass").encode(),
        "headers": [
            (name.encode(errors="replace"), value.encode("latin-1", "replace"))
            for name, value in sent.items()
        ],
        "scheme": "http",
        "server": ("127.0.0.1", 1),
        KEY: None,
    }
    pieces: list[Any] = [
        {"type": "http.request", "body": body[:9], "more_body": True},
        {"type": "http.request", "body": body[9:], "more_body": False},
    ]
    answers: list[Any] = []

    async def receive() -> Any:
        if pieces:
            return pieces.pop(0)
        await asyncio.sleep(60)  # what waits for the client to go is cancelled
        raise AssertionError

    async def send(message: Any) -> None:
        answers.append(message)

    asyncio.run(registry._gate(scope, receive, send))
    head = {name.decode(): value.decode() for name, value in answers[0]["headers"]}
    return answers[0]["status"], head, b"".join(bytes(each.get("body", b"")) for each in answers[1:])

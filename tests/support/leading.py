"""An httpx transport that leads what is meant for a host elsewhere to a server on loopback."""

from __future__ import annotations

import httpx


class Leading(httpx.BaseTransport):
    """Leads what is meant for a registry to a server on loopback."""

    def __init__(self, host: str) -> None:
        self._host, self._inner = host, httpx.HTTPTransport()
        self.hosts: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.append(str(request.url))
        body = request.read()
        url = request.url.copy_with(scheme="http", netloc=self._host.encode())
        return self._inner.handle_request(
            httpx.Request(request.method, url, headers=request.headers, content=body)
        )

    def close(self) -> None:
        """Close the connections, of which the next request opens new ones."""
        self._inner.close()
        self._inner = httpx.HTTPTransport()

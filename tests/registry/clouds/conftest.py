"""What plays the clouds: servers on loopback, and nothing of the machine that runs the tests."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from support.http_server import Exchange, HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

PREFIXES = ("AWS_", "AZURE_", "GOOGLE_", "GCE_", "GH_", "GITHUB_", "KUBERNETES_", "IDENTITY_", "CLOUDSDK_")


@pytest.fixture(autouse=True)
def _nobody(no_logins: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - a fixture it needs
    """Begin with an environment that knows no cloud, and lets nobody look for one on the network."""

    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def serve(_stack: ExitStack) -> Callable[..., HttpServer]:
    """Give a function that starts a server which answers as a function of the exchange says."""

    def start(answer: Callable[[Exchange, bytes], tuple[int, Any]]) -> HttpServer:
        def respond(exchange: Exchange) -> None:
            status, body = answer(exchange, exchange.read())
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            exchange.answer(status, data, {"Content-Type": "application/json", "Metadata-Flavor": "Google"})

        return _stack.enter_context(HttpServer(respond))

    return start

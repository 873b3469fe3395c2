"""Clients of registries, closed when their test ends, and impatient so that faults do not cost seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lazyimg.registry.client import Client
from lazyimg.registry.keychains.keychain import Anonymous
from lazyimg.registry.retry import Retries

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

QUICK = Retries(first=0.001, longest=0.01)


@pytest.fixture
def client(_stack: ExitStack) -> Callable[..., Client]:
    """Give a function that makes a client of a host: anybody's, whoever is logged in on this machine."""

    def make(host: str, **settings: Any) -> Client:
        return _stack.enter_context(Client(host, **{"retries": QUICK, "keychain": Anonymous(), **settings}))

    return make

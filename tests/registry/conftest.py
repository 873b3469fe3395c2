"""What tests of the registry client share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.clients import client  # noqa: F401 - a fixture
from support.keeping_registry import KeepingRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def keeping() -> Iterator[KeepingRegistry]:
    """Give a registry that keeps what arrived of a cut upload."""
    with KeepingRegistry() as registry:
        yield registry

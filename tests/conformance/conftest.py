"""The two registries that the specification is held against: ours, and one written by others."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from conformance.known import REFERENCE, reason_for
from conformance.wire import Wire

from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.docker_registry import DockerRegistry

HERE = Path(__file__).parent
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect of the reference implementation what is known to fail there, and that it does fail."""
    for item in items:
        if item.path.parent == HERE and isinstance(item, pytest.Function) and f"[{REFERENCE}" in item.name:
            item.add_marker(pytest.mark.peer)
            case = item.callspec.id.removeprefix(REFERENCE).removeprefix("-")
            reason = reason_for(item.originalname, case)
            if reason is not None:
                item.add_marker(pytest.mark.xfail(strict=True, reason=f"{REFERENCE} 2.8: {reason}"))


@pytest.fixture(scope="session")
def embedded() -> Iterator[Registry]:
    """Give our registry."""
    with Registry() as registry:
        yield registry


@pytest.fixture(scope="session", params=["embedded", REFERENCE])
def address(request: pytest.FixtureRequest) -> str:
    """Give the address of each registry in turn."""
    if request.param == REFERENCE:
        reference: DockerRegistry = request.getfixturevalue("docker_registry")
        return f"http://{reference.host}"
    own: Registry = request.getfixturevalue("embedded")
    return own.url


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    """Give a client of the registry, which follows no redirect by itself."""
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture
def new_wire(http: httpx.Client) -> Callable[[], Wire]:
    """Give a function that makes a client in a repository that nobody else uses."""
    return lambda: Wire(http, f"conformance/{next(_numbers)}/app")


@pytest.fixture
def wire(new_wire: Callable[[], Wire]) -> Wire:
    """Give a client in a repository that nobody else uses."""
    return new_wire()

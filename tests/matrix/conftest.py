"""The registries of the matrix, for a whole run, and the images that are pushed and pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from matrix.backends import Embedded, Faulty, Proxied
from matrix.subject import Bench, made_bench
from support.fault_proxy import FaultProxy

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.docker_registry import DockerRegistry
    from support.token_server import TokenServer


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give what all cells share."""
    with li.Registry() as clean:
        yield made_bench(tmp_path_factory.mktemp("bench"), clean)


@pytest.fixture(scope="session")
def embedded() -> Iterator[Embedded]:
    """Give the embedded registry."""
    with li.Registry(token=True) as registry:
        yield Embedded(registry)


@pytest.fixture(scope="session")
def _proxied(_token_server: TokenServer, token_registry: DockerRegistry) -> Iterator[Proxied]:
    with FaultProxy(token_registry.host, _token_server._server.host) as proxy:
        yield Proxied(token_registry, proxy)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Faulty:
    """Give the registry that the parameter names."""
    if request.param == "embedded":
        chosen: Faulty = request.getfixturevalue("embedded")
        return chosen
    request.getfixturevalue("token_server")
    other: Faulty = request.getfixturevalue("_proxied")
    return other

"""Fixtures that tests of several packages share; what they are made of is in ``tests/support``."""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from support import guard, tracing
from support.docker_registry import DockerRegistry, htpasswd_auth
from support.front import Front
from support.podman import Podman
from support.token_server import TokenServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

guard.install()
tracing.install()

settings.register_profile(
    "lazyimg",
    deadline=None,  # machines are shared: no test asserts how long an example takes
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",  # CI judges the change; whoever runs the tests explores
)
settings.load_profile("lazyimg")

collect_ignore = ["support/guarded"]  # programs import it, by names of their own

USERS = {"me": "s3cret-passw0rd"}
_numbers = itertools.count()


@pytest.fixture
def foreign_attempts() -> list[str]:
    """Give the foreign addresses that were about to be dialled since the test began; dialling them raises."""
    guard.attempts.clear()
    return guard.attempts


@pytest.fixture
def no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with an empty home, and an environment that knows no file of credentials."""
    for name in ("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def repository() -> str:
    """Give the name of a repository that no other test of this run uses."""
    return f"test-{next(_numbers)}/app"


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Give Debian's docker-registry, open to everybody."""
    with DockerRegistry(tmp_path_factory.mktemp("open-registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def basic_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Give Debian's docker-registry, open to the `users` alone, by basic authentication."""
    directory = tmp_path_factory.mktemp("basic-registry")
    with DockerRegistry(directory, auth=htpasswd_auth(directory, USERS)) as registry:
        yield registry


@pytest.fixture(scope="session")
def users() -> dict[str, str]:
    """Give the passwords of the users of `basic_registry`, by name."""
    return dict(USERS)


@pytest.fixture(scope="session")
def _token_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with TokenServer(tmp_path_factory.mktemp("token-server")) as server:
        yield server


@pytest.fixture
def token_server(_token_server: TokenServer) -> Iterator[TokenServer]:
    """Give the token service of `token_registry`, all its switches back where they were."""
    _token_server.reset()
    yield _token_server
    _token_server.reset()


@pytest.fixture(scope="session")
def token_registry(
    _token_server: TokenServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DockerRegistry]:
    """Give Debian's docker-registry, open to whoever has a token of the `token_server`."""
    with DockerRegistry(tmp_path_factory.mktemp("token-registry"), auth=_token_server.auth) as registry:
        yield registry


@pytest.fixture
def front(_stack: ExitStack) -> Callable[[str], Front]:
    """Give a function that puts a recording (and cutting) proxy in front of ``host:port``."""
    return lambda upstream: _stack.enter_context(Front(upstream))


@pytest.fixture
def _stack() -> Iterator[ExitStack]:
    from contextlib import ExitStack  # noqa: PLC0415

    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Give Debian's podman, whose service speaks the docker daemon's API."""
    with (
        tempfile.TemporaryDirectory(prefix="lazyimg-podman-") as directory,
        Podman(Path(directory)) as running,
    ):
        yield running

"""How many requests Debian's docker-registry sees: counted by a proxy in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.docker_registry import DockerRegistry
    from support.front import Front
    from support.token_server import TokenServer

pytestmark = pytest.mark.peer

LAYERS = 10


class Refused(Exception):
    """A source that must not be opened was."""


def never() -> None:
    """Stand for a source that nobody may touch."""
    raise Refused


@pytest.fixture
def base(docker_registry: DockerRegistry, repository: str) -> str:
    """Push an image of ten layers, and give its repository."""
    layers = [li.Layer.from_files({f"/{number}": b"%d" % number}) for number in range(LAYERS)]
    li.Image.empty().append(*layers).write(f"{docker_registry.host}/{repository}:base")
    return repository


@pytest.fixture
def proxy(docker_registry: DockerRegistry, front: Callable[[str], Front]) -> Front:
    """Put a counting proxy in front of the open registry."""
    return front(docker_registry.host)


def test_a_config_edit_in_the_same_repository(proxy: Front, base: str) -> None:
    """Begin, manifest, config; then the config in the upload that was begun, and the manifest."""
    image = li.Image.from_registry(f"{proxy.host}/{base}:base").configure(labels={"a": "b"})
    result = image.write(f"{proxy.host}/{base}:1")
    assert [entry.split()[0] for entry in proxy.log] == ["POST", "GET", "GET", "PUT", "PUT"]
    assert len(result.existing) == LAYERS


def test_an_annotation(proxy: Front, base: str) -> None:
    """The config is neither read nor sent; the upload that nobody needed is cancelled."""
    image = li.Image.from_registry(f"{proxy.host}/{base}:base").annotate({"a": "b"})
    image.write(f"{proxy.host}/{base}:1")
    assert [entry.split()[0] for entry in proxy.log] == ["POST", "GET", "PUT", "DELETE"]


def test_a_copy_to_another_repository(proxy: Front, base: str) -> None:
    """One mount a layer and one for the config."""
    result = li.Image.from_registry(f"{proxy.host}/{base}:base").write(f"{proxy.host}/{base}-copy:1")
    assert len(proxy.log) <= 15
    assert len(result.mounted) == LAYERS + 1
    assert result.bytes_sent == result.descriptor.size


def test_a_denied_push_without_authentication(
    proxy: Front, docker_registry: DockerRegistry, front: Callable[[str], Front], base: str
) -> None:
    """One request to the target, none to the registry of the base, and no source opened."""
    source = front(docker_registry.host)
    proxy.intercept = lambda exchange: exchange.answer(403, b"") is None
    image = li.Image.from_registry(f"{source.host}/{base}:base").append(li.Layer.from_opener(never))
    with pytest.raises(PermissionError):
        image.write(f"{proxy.host}/{base}:1")
    assert (len(proxy.log), source.log) == (1, [])


def test_a_denied_push_with_basic_authentication(
    basic_registry: DockerRegistry, front: Callable[[str], Front], repository: str
) -> None:
    """Once without and once with the credentials."""
    proxy = front(basic_registry.host)
    wrong = li.StaticKeychain({proxy.host: ("me", "wrong")})
    with li.Engine(keychain=wrong), pytest.raises(PermissionError) as caught:
        li.Image.empty().append(li.Layer.from_opener(never)).write(f"{proxy.host}/{repository}:1")
    assert len(proxy.log) == 2
    assert "wrong" not in "".join([str(caught.value), *caught.value.__notes__])


def test_a_denied_push_with_a_token(
    token_registry: DockerRegistry, token_server: TokenServer, front: Callable[[str], Front], repository: str
) -> None:
    """The POST, the token, and the POST that is refused: the token service gave less than was asked."""
    token_server.granted = []
    proxy = front(token_registry.host)
    with pytest.raises(PermissionError):
        li.Image.empty().append(li.Layer.from_opener(never)).write(f"{proxy.host}/{repository}:1")
    assert (len(proxy.log), len(token_server.asked)) == (2, 1)


def test_fewer_scopes_are_asked_for_only_if_the_token_service_refuses(
    token_registry: DockerRegistry, token_server: TokenServer, repository: str
) -> None:
    """A combined token refused: the push alone, and the layers are copied instead of mounted."""
    host = token_registry.host
    li.Image.empty().append(li.Layer.from_files({"/a": b"a"})).write(f"{host}/{repository}:base")
    token_server.reset()
    token_server.refuses_combined = True
    result = li.Image.from_registry(f"{host}/{repository}:base").write(f"{host}/{repository}-copy:1")
    assert [len(scopes) for scopes in token_server.asked][:2] == [2, 1]
    assert (len(result.mounted), len(result.uploaded)) == (0, 3)

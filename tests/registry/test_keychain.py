"""Credentials are found where Docker's and podman's tools put them, and never shown."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.shown import shown

import lazyimg as li
from lazyimg.errors import CredentialError
from lazyimg.registry.keychains.auth_file import AuthFile
from lazyimg.registry.keychains.auth_store import LoginName
from lazyimg.registry.keychains.credential_helper import ask_helper
from lazyimg.registry.keychains.keychain import (
    Anonymous,
    Credentials,
    DefaultKeychain,
    DockerKeychain,
    Keychains,
    PodmanKeychain,
    StaticKeychain,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_logins")
SECRET = "s3cret-passw0rd"


def entry(user: str, password: str = SECRET) -> dict[str, str]:
    """Return an entry of a file, as a login writes it."""
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, content: dict[str, Any]) -> Path:
    """Write a file of credentials."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Give a function that installs a credential helper: its name, and what it does."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")

    def install(name: str, script: str) -> None:
        program = directory / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\nserver=$(cat)\n{script}\n")
        program.chmod(0o755)

    return install


def user_of(found: Credentials | None) -> str | None:
    """Return the user of credentials, None if there are none."""
    return found and found.username


# --- values ----------------------------------------------------------------------------------------------


def test_credentials_are_masked() -> None:
    """No ``repr`` shows a secret, and none can be pickled."""
    credentials = Credentials(
        username="me", password=SECRET, identity_token=SECRET + "1", registry_token=SECRET + "2"
    )
    keychains = Keychains(StaticKeychain({"ghcr.io": ("me", SECRET)}), Anonymous())
    for text in (
        repr(credentials),
        str(credentials),
        repr(keychains),
        repr(StaticKeychain({"a": credentials})),
    ):
        assert SECRET not in text
        assert "me" in text
    assert credentials.secrets == (SECRET + "1", SECRET + "2", SECRET)
    for spread in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled"):
            spread(credentials)


def test_identity_token_by_its_user() -> None:
    """The user ``<token>`` marks an identity token."""
    assert Credentials.of("<token>", SECRET) == Credentials(identity_token=SECRET)
    assert Credentials.of("me", SECRET) == Credentials(username="me", password=SECRET)


def test_static_keychain() -> None:
    """Credentials given by hand; Docker Hub under any of its names."""
    keychain = StaticKeychain({"index.docker.io": ("hub", "x"), "localhost:5000": Credentials(username="l")})
    assert user_of(keychain.credentials("docker.io", "library/python")) == "hub"
    assert user_of(keychain.credentials("localhost:5000", None)) == "l"
    assert keychain.credentials("localhost", None) is None


def test_keychains_are_asked_in_turn() -> None:
    """The first that knows answers."""
    first, second = StaticKeychain({"a.example": ("1", "x")}), StaticKeychain({"a.example": ("2", "x")})
    assert user_of(Keychains(Anonymous(), first, second).credentials("a.example", None)) == "1"
    assert Keychains(first).credentials("b.example", None) is None
    assert repr(DefaultKeychain()) == "DefaultKeychain()"


# --- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("https://ghcr.io/", "ghcr.io"),
        ("http://localhost:5000/v2/", "localhost:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("GHCR.io", "ghcr.io"),
    ],
)
def test_forms_of_keys(tmp_path: Path, key: str, registry: str) -> None:
    """A registry is found however the login that wrote the file named it."""
    path = write(tmp_path / "config.json", {"auths": {"other.example": entry("other"), key: entry("me")}})
    assert user_of(DockerKeychain(path).credentials(registry, "a/b")) == "me"
    assert DockerKeychain(path).credentials("nowhere.example", "a/b") is None


def test_a_repository_with_the_name_of_a_version(tmp_path: Path) -> None:
    """Only right behind the host a version is left out: else it is a name, and others get no credentials."""
    keychain = DockerKeychain(write(tmp_path / "auth.json", {"auths": {"quay.io/team/v1": entry("me")}}))
    assert user_of(keychain.credentials("quay.io", "team/v1")) == "me"
    assert keychain.credentials("quay.io", "team/app") is None
    assert LoginName.parse("quay.io/team/v2").key == "quay.io/team/v2"


def test_most_specific_namespace_wins(tmp_path: Path) -> None:
    """Podman's keys may name a namespace or a repository."""
    auths = {key: entry(key) for key in ("quay.io", "quay.io/team", "quay.io/team/app", "quay.io/te")}
    keychain = DockerKeychain(write(tmp_path / "auth.json", {"auths": auths}))
    expected = {
        "team/app": "quay.io/team/app",
        "team/app/sub": "quay.io/team/app",
        "team/application": "quay.io/team",
        "other/app": "quay.io",
        None: "quay.io",
    }
    for repository, user in expected.items():
        assert user_of(keychain.credentials("quay.io", repository)) == user


def test_forms_of_entries(tmp_path: Path) -> None:
    """Every kind of entry is understood; an empty one is none."""
    entries = {
        "pair": {"username": "me", "password": "a:b"},
        "auth": entry("me", "a:b\0\0"),
        "identity": {**entry("00000000", ""), "identitytoken": "id"},
        "registry": {"registrytoken": "reg"},
        "token-user": entry("<token>", "id"),
        "empty": {},
        "wrapped": {"auth": "\r\n".join(re.findall(".{1,4}", entry("me", "a:b")["auth"])) + "\n"},
        "odd": {"auth": 7},
        "none": None,
    }
    path = write(tmp_path / "c.json", {"auths": {f"{key}.example": value for key, value in entries.items()}})
    found = {key: DockerKeychain(path).credentials(f"{key}.example", None) for key in entries}
    assert found == {
        "pair": Credentials(username="me", password="a:b"),
        "auth": Credentials(username="me", password="a:b"),
        "identity": Credentials(username="00000000", identity_token="id"),
        "registry": Credentials(registry_token="reg"),
        "token-user": Credentials(identity_token="id"),
        "wrapped": Credentials(username="me", password="a:b"),
        "empty": None,
        "odd": None,
        "none": None,
    }


def test_docker_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~/.docker``, then ``$DOCKER_CONFIG`` in its place, then ``$DOCKER_AUTH_CONFIG`` before it."""
    keychain = DockerKeychain()
    assert keychain.credentials("ghcr.io", None) is None
    write(tmp_path / "home/.docker/config.json", {"auths": {"ghcr.io": entry("home")}})
    assert user_of(keychain.credentials("ghcr.io", None)) == "home"
    write(tmp_path / "other/config.json", {"auths": {"ghcr.io": entry("other")}})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "other"))
    assert user_of(keychain.credentials("ghcr.io", None)) == "other"
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {"ghcr.io": entry("ci")}}))
    assert user_of(keychain.credentials("ghcr.io", None)) == "ci"
    assert keychain.credentials("quay.io", None) is None


def test_podman_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own file, the runtime's before it, and ``$REGISTRY_AUTH_FILE`` alone."""
    keychain = PodmanKeychain()
    assert keychain.credentials("ghcr.io", None) is None
    write(tmp_path / "home/.config/containers/auth.json", {"auths": {"ghcr.io": entry("home")}})
    assert user_of(keychain.credentials("ghcr.io", None)) == "home"
    write(tmp_path / "config/containers/auth.json", {"auths": {"ghcr.io": entry("config")}})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert user_of(keychain.credentials("ghcr.io", None)) == "config"
    write(tmp_path / "run/containers/auth.json", {"auths": {"ghcr.io": entry("run")}})
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    assert user_of(keychain.credentials("ghcr.io", None)) == "run"
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(write(tmp_path / "named.json", {"auths": {}})))
    assert keychain.credentials("ghcr.io", None) is None


def test_default_keychain_asks_docker_then_podman(tmp_path: Path) -> None:
    """What Docker's file does not have, podman's may."""
    write(tmp_path / "home/.docker/config.json", {"auths": {"a.example": entry("docker")}})
    write(
        tmp_path / "home/.config/containers/auth.json",
        {"auths": {"a.example": entry("podman"), "b.example": entry("podman")}},
    )
    keychain = DefaultKeychain()
    assert user_of(keychain.credentials("a.example", None)) == "docker"
    assert user_of(keychain.credentials("b.example", None)) == "podman"
    assert keychain.credentials("c.example", None) is None


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"\xff", b'"text"', b"{" + b" " * (5 << 20) + b"}", b"[" * 200_000],
    ids=["cut", "list", "bytes", "text", "huge", "deep"],
)
def test_broken_file(tmp_path: Path, content: bytes) -> None:
    """A broken file is named, and nothing of it repeated."""
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(CredentialError, match=r"config\.json are no JSON object") as raised:
        DockerKeychain(path).credentials("ghcr.io", None)
    assert raised.value.__cause__ is None


def test_unreadable_file(tmp_path: Path) -> None:
    """A file that cannot be read is an error, one that is not there is none."""
    with pytest.raises(CredentialError, match="cannot be read: Is a directory"):
        DockerKeychain(tmp_path).credentials("ghcr.io", None)
    (tmp_path / "file").write_text("x")
    assert DockerKeychain(tmp_path / "file/config.json").credentials("ghcr.io", None) is None
    assert DockerKeychain(tmp_path / "missing").credentials("ghcr.io", None) is None
    (tmp_path / "empty").write_text("\n")
    assert DockerKeychain(tmp_path / "empty").credentials("ghcr.io", None) is None


@pytest.mark.parametrize("auth", ["not base64!", base64.b64encode(SECRET.encode()).decode(), "//79"])
def test_broken_entry(tmp_path: Path, auth: str) -> None:
    """An entry that is no user and password is an error that does not repeat it."""
    path = write(tmp_path / "config.json", {"auths": {"ghcr.io": {"auth": auth}}})
    with pytest.raises(CredentialError, match=r"the entry for ghcr\.io") as raised:
        DockerKeychain(path).credentials("ghcr.io", None)
    assert auth not in str(raised.value)
    assert SECRET not in repr(raised.value.__context__)


def test_odd_tables(tmp_path: Path) -> None:
    """Tables that are none are left alone."""
    content = {"auths": [], "credHelpers": {"ghcr.io": 7}, "credsStore": {}}
    assert DockerKeychain(write(tmp_path / "c.json", content)).credentials("ghcr.io", None) is None
    assert SECRET not in repr(AuthFile.parse(json.dumps({"x": SECRET}).encode(), origin="here"))


# --- helpers ---------------------------------------------------------------------------------------------


def test_helper_for_a_registry_and_for_all(tmp_path: Path, helper: Callable[[str, str], None]) -> None:
    """``credHelpers`` before ``credsStore`` before ``auths``; Hub is asked for by its old address."""
    helper("one", 'echo "{\\"Username\\":\\"one:$server\\",\\"Secret\\":\\"x\\"}"')
    helper("all", 'echo "{\\"Username\\":\\"all:$server\\",\\"Secret\\":\\"x\\"}"')
    content = {
        "auths": {"ghcr.io": entry("file"), "quay.io": {}},
        "credsStore": "all",
        "credHelpers": {"ghcr.io": "one"},
    }
    keychain = DockerKeychain(write(tmp_path / "config.json", content))
    assert user_of(keychain.credentials("ghcr.io", None)) == "one:ghcr.io"
    assert user_of(keychain.credentials("quay.io", None)) == "all:quay.io"
    assert user_of(keychain.credentials("docker.io", None)) == "all:https://index.docker.io/v1/"


def test_helper_that_has_none(tmp_path: Path, helper: Callable[[str, str], None]) -> None:
    """Not found, as the protocol says it, is no error: the file may have them, or nobody has."""
    helper("empty", "echo credentials not found in native keychain; exit 1")
    content = {"auths": {"ghcr.io": entry("file")}, "credsStore": "empty"}
    keychain = DockerKeychain(write(tmp_path / "config.json", content))
    assert user_of(keychain.credentials("ghcr.io", None)) == "file"
    assert keychain.credentials("quay.io", None) is None


def test_helper_with_an_identity_token(helper: Callable[[str, str], None]) -> None:
    """A helper gives an identity token under the user ``<token>``."""
    helper("id", 'echo \'{"Username":"<token>","Secret":"id"}\'')
    assert ask_helper("id", "ghcr.io") == Credentials(identity_token="id")


@pytest.mark.parametrize(
    "script",
    [
        "echo junk " + SECRET,
        "echo '[1]'",
        'echo \'{"Username":"' + SECRET + "\"}'",
        'echo \'{"Username":7,"Secret":8}\'',
        "true",
        "head -c 2000000 /dev/zero | tr '\\0' ' '; echo '{}'",
        f"echo {SECRET}; echo {SECRET} >&2; exit 3",
    ],
    ids=["text", "list", "half", "numbers", "nothing", "too much", "failure"],
)
def test_helper_that_fails(helper: Callable[[str, str], None], script: str) -> None:
    """Junk and failures are clear errors, and what was printed is not repeated."""
    helper("bad", script)
    with pytest.raises(CredentialError, match=r"docker-credential-bad get for ghcr\.io") as raised:
        ask_helper("bad", "ghcr.io")
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


def test_helper_that_hangs(helper: Callable[[str, str], None], tmp_path: Path) -> None:
    """A helper has a time limit, and its children end with it."""
    helper("slow", f"sleep 600 & echo $! > {tmp_path}/child; wait")
    keychain = DockerKeychain(write(tmp_path / "c.json", {"credsStore": "slow"}), helper_time_limit=0.5)
    with pytest.raises(CredentialError, match=r"did not answer within 0\.5 s"):
        keychain.credentials("ghcr.io", None)
    child = int((tmp_path / "child").read_text())
    for _ in range(200):
        if not is_running(child):
            break
        time.sleep(0.02)
    assert not is_running(child)


def is_running(process: int) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent does not."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as stat:  # noqa: PTH123 - no path to join
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "-x", "a b", "a\nb", "x" * 300 + "/"])
def test_helper_names_that_are_refused(tmp_path: Path, name: str) -> None:
    """A helper is a plain program name: nothing else is run."""
    with pytest.raises(CredentialError, match="refused"):
        ask_helper(name, "ghcr.io")
    if name:
        path = write(tmp_path / "config.json", {"credHelpers": {"ghcr.io": name}})
        with pytest.raises(CredentialError, match="refused"):
            DockerKeychain(path).credentials("ghcr.io", None)


def test_helper_that_is_missing_or_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper that cannot be run is named."""
    with pytest.raises(CredentialError, match="docker-credential-nowhere is not installed"):
        ask_helper("nowhere", "ghcr.io")
    program = tmp_path / "docker-credential-empty"
    program.write_text("no program")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CredentialError, match="docker-credential-empty could not be started"):
        ask_helper("empty", "ghcr.io")


@pytest.mark.parametrize(
    "text", ['{"auths": {"ghcr.io": {"auth": "s3cret\udcff"}}}', "s3cret\udcff", '{"auths": "s3cret\ud800"}']
)
def test_what_is_no_text_is_not_quoted(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of another encoding, in the environment or in a pull secret, are in no error or its cause."""
    monkeypatch.setattr("os.environ", {**os.environ, "DOCKER_AUTH_CONFIG": text})
    secret = json.dumps({"stringData": {".dockerconfigjson": text}})
    for keychain in (
        DockerKeychain(),
        li.KubernetesKeychain.from_secret(secret),
        li.KubernetesKeychain.from_secret(secret.replace("\\udcff", "\udcff")),
    ):
        raised: CredentialError | None = None
        found = None
        try:
            found = keychain.credentials("ghcr.io", "me/app")
        except CredentialError as error:
            raised = error
        assert found is None
        assert "s3cret" not in shown(raised)
        assert raised is None or raised.__context__ is None

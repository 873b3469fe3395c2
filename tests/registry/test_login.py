"""Credentials are checked, kept where all tools find them, and forgotten; the rest of a file stays."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.http_server import HttpServer
from support.programs import need
from support.shown import shown

import lazyimg as li
from lazyimg.errors import (
    CredentialError,
    InvalidReference,
    InvalidSetting,
    RegistryError,
    RegistryUnreachable,
    Unauthorized,
)
from lazyimg.registry.keychains.auth_store import AuthStore, LoginName
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.keychains.keychain import DefaultKeychain, DockerKeychain
from lazyimg.registry.keychains.locked_file import LockedFile
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_logins")
SECRET = "s3cret-passw0rd"
GIVEN = Credentials(username="me", password=SECRET)
PAIR = base64.b64encode(f"me:{SECRET}".encode()).decode()
TABBED = """\
{
\t"auths": {
\t\t"a.example": {
\t\t\t"auth": "eDp5"
\t\t}
\t},
\t"HttpHeaders": {"User-Agent": "x\\u0041", "n": 1.50e3},
\t"psFormat": "table"
}
"""


@pytest.fixture(scope="module")
def registry() -> Iterator[li.Registry]:
    """Give a registry with one user, that wants a password with every request."""
    with li.Registry(users={"me": SECRET}) as running:
        yield running


@pytest.fixture(scope="module")
def with_tokens() -> Iterator[li.Registry]:
    """Give a registry with one user and a token service, which gives identity tokens."""
    with li.Registry(users={"me": SECRET}, token=True) as running:
        yield running


def mode_of(path: Path) -> int:
    """Return who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def save(path: Path, name: str, given: Credentials = GIVEN) -> str:
    """Keep credentials in a file, unchecked."""
    return AuthStore(path).save(LoginName.parse(name), given)


# --- checking --------------------------------------------------------------------------------------------


def test_a_login_is_kept_for_whoever_reads(registry: li.Registry, tmp_path: Path) -> None:
    """The first login makes the file, for its owner alone, and a write finds what it holds."""
    kept = li.login(registry.host, "me", SECRET)
    path = tmp_path / "home/.docker/config.json"
    assert (kept.registry, kept.username, kept.kept) == (registry.host, "me", str(path))
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)
    assert json.loads(path.read_text()) == {"auths": {registry.host: {"auth": PAIR}}}
    with li.Engine():
        li.Image.empty().write(f"{registry.host}/kept:1")
    assert SECRET not in repr(kept)


def test_an_identity_token_is_kept_in_the_passwords_place(with_tokens: li.Registry, tmp_path: Path) -> None:
    """Where the token service gives one, the password is nowhere, and the token opens the registry."""
    path = tmp_path / "auth.json"
    li.login(with_tokens.host, "me", SECRET, auth_file=path)
    [entry] = json.loads(path.read_text())["auths"].values()
    assert set(entry) == {"auth", "identitytoken"}
    assert base64.b64decode(entry["auth"]) == b"me:"
    with li.Engine(keychain=DockerKeychain(path)):
        li.Image.empty().write(f"{with_tokens.host}/identity:1")
    again = li.login(with_tokens.host, "<token>", entry["identitytoken"], auth_file=tmp_path / "again.json")
    assert again.username == "<token>"
    assert DockerKeychain(tmp_path / "again.json").credentials(with_tokens.host, None)


def test_wrong_credentials_are_not_kept(
    registry: li.Registry, with_tokens: li.Registry, tmp_path: Path
) -> None:
    """The registry's or the token service's refusal is the error, which does not repeat the password."""
    for asked in (registry, with_tokens):
        with pytest.raises(Unauthorized, match="answered 401") as raised:
            li.login(asked.host, "me", "another-passw0rd", auth_file=tmp_path / "auth.json")
        assert "another-passw0rd" not in str(raised.value)
        assert raised.value.__notes__ == [f"while logging in to {asked.host} as me; nothing was kept"]
    assert not (tmp_path / "auth.json").exists()


def test_nobody_there_and_no_registry(tmp_path: Path) -> None:
    """What cannot be reached, or is none, keeps nothing."""
    path = tmp_path / "auth.json"
    with li.Engine(timeout=1, retries=0), HttpServer(lambda exchange: exchange.answer(404)) as server:
        with pytest.raises(RegistryError, match=r"cannot log in to .* as me: .* answered 404"):
            li.login(server.host, "me", SECRET, auth_file=path)
        with pytest.raises(RegistryUnreachable):
            li.login("127.0.0.1:1", "me", SECRET, auth_file=path)
    assert not path.exists()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "no registry",
        "ghcr.io/team/app:1",
        "ghcr.io/Team",
        "ftp://ghcr.io",
        "me:s3cret-passw0rd@ghcr.io",
        "https://me:s3cret-passw0rd@a.b",
    ],
)
def test_names_that_are_refused(name: str, tmp_path: Path) -> None:
    """A name that is none is refused, and a password in it not repeated."""
    for call in (lambda: li.login(name, "me", SECRET, auth_file=tmp_path / "a"), lambda: li.logout(name)):
        with pytest.raises(InvalidReference) as raised:
            call()
        assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("username", "password", "said"),
    [
        ("", SECRET, "are needed"),
        ("me", "", "are needed"),
        ("a:b", SECRET, "no colon"),
        ("me", SECRET + "\n", "line end"),
        ("me\0", SECRET, "control characters"),
        ("me", SECRET + "\udcff", "another encoding than UTF-8"),
        ("m\udcff", SECRET, "another encoding than UTF-8"),
    ],
)
def test_credentials_that_no_file_holds(username: str, password: str, said: str, tmp_path: Path) -> None:
    """They are refused before anybody is asked."""
    with pytest.raises(CredentialError, match=said) as raised:
        li.login("127.0.0.1:1", username, password, auth_file=tmp_path / "auth.json")
    assert SECRET not in shown(raised.value)
    assert raised.value.__context__ is None


def test_credentials_that_nobody_can_send() -> None:
    """They are refused where they are made, with nothing of them in the error or what it came from."""
    for name in ("username", "password", "identity_token", "registry_token"):
        with pytest.raises(CredentialError, match=f"the {name} holds letters that cannot be sent") as raised:
            Credentials(**{name: SECRET + "\udcff"})
        assert name == "username" or SECRET not in shown(raised.value)
        assert SECRET not in str(raised.value)
        assert raised.value.__context__ is None
    with pytest.raises(CredentialError, match="cannot be sent"):
        li.StaticKeychain({"ghcr.io": ("me", SECRET + "\udcff")})


def test_the_registry_shows_a_certificate(tmp_path: Path) -> None:
    """A password is sent to nobody whose certificate is not trusted; the engine says whose is."""
    need("openssl", "openssl")
    tls, path = Tls.self_signed(tmp_path / "tls"), tmp_path / "auth.json"
    with li.Registry(users={"me": SECRET}, tls=tls) as registry:
        host = registry.host.replace("127.0.0.1", "localhost")
        hosts = {host: li.Host(scheme="https")}
        with pytest.raises(RegistryUnreachable, match="not trusted"):
            li.login(host, "me", SECRET, auth_file=path, engine=li.Engine(hosts=hosts))
        assert registry.requests == []
        assert not path.exists()
        with li.Engine(hosts={host: li.Host(scheme="https", ca=tls.certificate)}):
            li.login(host, "me", SECRET, auth_file=path)
    assert DockerKeychain(path).credentials(host, None) == GIVEN


def test_https_is_spoken_where_it_is_written(tmp_path: Path) -> None:
    """A loopback address too is spoken to over https then, and nothing goes out in plain text."""
    need("openssl", "openssl")
    tls, path = Tls.self_signed(tmp_path / "tls"), tmp_path / "auth.json"
    with li.Registry(users={"me": SECRET}, tls=tls) as registry, li.Engine(ca=tls.certificate):
        assert li.login(f"https://{registry.host}", "me", SECRET, auth_file=path).registry == registry.host
        assert DockerKeychain(path).credentials(registry.host, None) == GIVEN
    with li.Registry(users={"me": SECRET}) as plain:
        with pytest.raises(RegistryUnreachable, match="does not speak TLS"):
            li.login(f"https://{plain.host}", "me", SECRET, auth_file=path)
        with pytest.raises(InvalidSetting, match="which is it"), li.Engine(insecure=[plain.host]):
            li.login(f"https://{plain.host}", "me", SECRET, auth_file=path)
        assert plain.requests == []
        assert li.login(f"http://{plain.host}", "me", SECRET, auth_file=path)


def test_plain_http_is_not_taken_from_a_name(tmp_path: Path) -> None:
    """``http://`` before a name alone sends nobody's password in plain text."""
    with pytest.raises(InvalidSetting, match=r"http://: whoever listens .* say insecure="):
        li.login("http://registry.example", "me", SECRET, auth_file=tmp_path / "auth.json")


@pytest.mark.parametrize(
    ("body", "headers", "is_one"),
    [
        (b"<html>welcome</html>", {"Content-Type": "text/html"}, False),
        (b"true", {"Content-Type": "text/html"}, True),
        (b"", {}, True),
        (b"ok", {"Docker-Distribution-Api-Version": "registry/2.0"}, True),
    ],
)
def test_a_server_that_is_no_registry(
    body: bytes, headers: dict[str, str], *, is_one: bool, tmp_path: Path
) -> None:
    """A web server that answers 200 to everything has not believed anybody; nothing is kept for it."""
    path = tmp_path / "auth.json"
    with HttpServer(lambda exchange: exchange.answer(200, body, headers)) as server:
        if is_one:
            assert li.login(server.host, "me", SECRET, auth_file=path)
        else:
            with pytest.raises(RegistryError, match="answered 200, and not as a registry does") as raised:
                li.login(server.host, "me", SECRET, auth_file=path)
            assert SECRET not in shown(raised.value)
    assert path.exists() is is_one


# --- which file ------------------------------------------------------------------------------------------


def test_the_file_that_is_written(
    registry: li.Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is named, ``$REGISTRY_AUTH_FILE``, ``$DOCKER_CONFIG``: in this order, before the usual."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    assert li.login(registry.host, "me", SECRET).kept == str(tmp_path / "docker/config.json")
    assert DefaultKeychain().credentials(registry.host, None) == GIVEN
    assert li.logout(registry.host)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "podman.json"))
    assert li.login(registry.host, "me", SECRET).kept == str(tmp_path / "podman.json")
    assert DefaultKeychain().credentials(registry.host, None) == GIVEN
    named = tmp_path / "named.json"
    assert li.login(registry.host, "me", SECRET, auth_file=str(named)).kept == str(named)
    assert li.logout(registry.host)
    assert DefaultKeychain().credentials(registry.host, None) is None
    assert DockerKeychain(named).credentials(registry.host, None) == GIVEN


def test_a_login_that_would_be_hidden(
    registry: li.Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that would be found before these are told of, instead of winning in silence."""
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "podman.json"))
    save(tmp_path / "home/.docker/config.json", registry.host, Credentials(username="old", password="old"))
    with pytest.raises(CredentialError, match=r"config\.json has credentials for it, and comes first"):
        li.login(registry.host, "me", SECRET)
    assert li.logout(registry.host, auth_file=tmp_path / "home/.docker/config.json")
    li.login(registry.host, "me", SECRET)
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {registry.host: {"auth": PAIR}}}))
    with pytest.raises(CredentialError, match="DOCKER_AUTH_CONFIG has credentials for it"):
        li.login(registry.host, "me", SECRET)
    li.login(registry.host, "me", SECRET, auth_file=tmp_path / "named.json")


# --- what is written -------------------------------------------------------------------------------------


def test_the_rest_of_a_file_keeps_its_text(tmp_path: Path) -> None:
    """Order, spacing, spelling and unknown fields stay; a logout takes away what a login added."""
    path = tmp_path / "config.json"
    path.write_text(TABBED)
    save(path, "ghcr.io")
    added = f',\n\t\t"ghcr.io": {{\n\t\t\t"auth": "{PAIR}"\n\t\t}}\n\t}},\n\t"HttpHeaders"'
    assert path.read_text() == TABBED.replace('\n\t},\n\t"HttpHeaders"', added)
    assert li.logout("ghcr.io", auth_file=path)
    assert path.read_text() == TABBED


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"auths":{}}',
        '{"z":1,"auths":{"b.example":{}},"a":[1.0,"\\u00e9"]}',
        "{\n}\n",
        '{\n    "a": 1\n}',
    ],
)
def test_any_text_can_be_added_to(tmp_path: Path, text: str) -> None:
    """Whatever its form, the new entry is there, and everything else is as it was."""
    path = tmp_path / "config.json"
    path.write_text(text)
    before = json.loads(text)
    save(path, "ghcr.io")
    after = json.loads(path.read_text())
    assert after["auths"].pop("ghcr.io") == {"auth": PAIR}
    assert {**before, "auths": before.get("auths", {})} == after
    assert list(after)[: len(before)] == list(before)


def test_an_entry_is_replaced_under_all_its_names(tmp_path: Path) -> None:
    """Old names of the same registry go, its fields that are not ours stay, and others are not touched."""
    path = tmp_path / "config.json"
    auths = {
        "https://ghcr.io/": {"auth": "b2xkOm9sZA=="},
        "other.example": {"auth": "eDp5"},
        "ghcr.io": {"email": "me@example", "password": "old", "identitytoken": "old"},
        "ghcr.io/team": {"auth": "eDp5"},
    }
    path.write_text(json.dumps({"auths": auths}))
    save(path, "ghcr.io")
    assert json.loads(path.read_text())["auths"] == {
        "other.example": {"auth": "eDp5"},
        "ghcr.io": {"auth": PAIR, "email": "me@example"},
        "ghcr.io/team": {"auth": "eDp5"},
    }


def test_docker_hub_has_its_old_address(tmp_path: Path) -> None:
    """Docker Hub is written under the key that docker looks for, whichever name it is given."""
    path = tmp_path / "config.json"
    path.write_text('{"auths": {"docker.io": {"auth": "eDp5"}}}')
    for name in ("docker.io", "index.docker.io", "https://index.docker.io/v1/"):
        save(path, name)
        assert json.loads(path.read_text()) == {"auths": {"https://index.docker.io/v1/": {"auth": PAIR}}}
    save(path, "docker.io/me")
    assert set(json.loads(path.read_text())["auths"]) == {"https://index.docker.io/v1/", "docker.io/me"}
    assert li.logout("registry-1.docker.io", auth_file=path)
    assert set(json.loads(path.read_text())["auths"]) == {"docker.io/me"}


def test_a_namespace_has_credentials_of_its_own(registry: li.Registry, tmp_path: Path) -> None:
    """As podman has it: they are found for what is below it, and go alone."""
    path = tmp_path / "auth.json"
    kept = li.login(f"{registry.host}/team", "me", SECRET, auth_file=path)
    assert kept.registry == f"{registry.host}/team"
    keychain = DockerKeychain(path)
    assert keychain.credentials(registry.host, "team/app") == GIVEN
    assert keychain.credentials(registry.host, "other/app") is None
    assert not li.logout(registry.host, auth_file=path)
    assert li.logout(f"{registry.host}/team", auth_file=path)
    assert keychain.credentials(registry.host, "team/app") is None


def test_a_linked_file_is_followed(tmp_path: Path) -> None:
    """The link stays one, and what it points to is what changes; so does a link to nothing yet."""
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real/config.json", tmp_path / "config.json"
    link.symlink_to(real)
    save(link, "ghcr.io")
    save(link, "quay.io")
    assert link.is_symlink()
    assert set(json.loads(real.read_text())["auths"]) == {"ghcr.io", "quay.io"}
    assert mode_of(real) == 0o600


def test_a_file_that_others_may_read_is_closed(tmp_path: Path) -> None:
    """What holds a password is its owner's alone from then on, and nothing else is left behind."""
    path = tmp_path / "config.json"
    path.write_text("{}")
    path.chmod(0o644)
    save(path, "ghcr.io")
    assert mode_of(path) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away, which root alone may")
def test_a_file_of_somebody_else_stays_theirs(tmp_path: Path) -> None:
    """Root that logs a user in does not take the file from them."""
    path = tmp_path / "config.json"
    path.write_text("{}")
    os.chown(path, 12345, 54321)
    save(path, "ghcr.io")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"junk " + SECRET.encode(),
        b'{"a": "' + SECRET.encode() + b'\xed\xa0\x80"}',
        '{"a": "ä"}'.encode("utf-16"),
    ],
)
def test_a_broken_file_is_left_as_it_is(registry: li.Registry, tmp_path: Path, content: bytes) -> None:
    """What is no JSON object is an error that repeats nothing, and not a byte of it is lost."""
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(CredentialError) as raised:
        li.login(registry.host, "me", SECRET, auth_file=path)
    assert str(path) in str(raised.value)
    assert SECRET not in shown(raised.value)
    assert raised.value.__context__ is None
    assert path.read_bytes() == content


def test_logging_out_of_a_broken_file(tmp_path: Path) -> None:
    """A logout says so too, and loses nothing."""
    path = tmp_path / "config.json"
    path.write_text("{")
    with pytest.raises(CredentialError, match="no JSON object"):
        li.logout("ghcr.io", auth_file=path)
    assert path.read_text() == "{"


def test_a_table_that_is_none_is_left_as_it_is(tmp_path: Path) -> None:
    """So is a file whose table of credentials is something else."""
    path = tmp_path / "config.json"
    path.write_text('{"auths": []}')
    with pytest.raises(CredentialError, match='mend its "auths"'):
        save(path, "ghcr.io")
    assert path.read_text() == '{"auths": []}'


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_file_is_a_new_one(tmp_path: Path, content: str) -> None:
    """A file that was made for it, and holds nothing, can be used."""
    path = tmp_path / "config.json"
    path.write_text(content)
    save(path, "ghcr.io")
    assert json.loads(path.read_text()) == {"auths": {"ghcr.io": {"auth": PAIR}}}


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the file; what is in its way stays."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(CredentialError, match=r"file/config\.json cannot be written: Not a directory"):
        save(tmp_path / "file/config.json", "ghcr.io")
    with pytest.raises(CredentialError, match="cannot be read: Is a directory"):
        save(tmp_path, "ghcr.io")


def test_logging_out_of_nothing(tmp_path: Path) -> None:
    """Where nothing is kept there is nothing to forget, and no file is made."""
    path = tmp_path / "config.json"
    assert not li.logout("ghcr.io", auth_file=path)
    assert not path.exists()
    path.write_text(TABBED)
    assert not li.logout("ghcr.io", auth_file=path)
    assert path.read_text() == TABBED


# --- several at once -------------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from lazyimg.registry.keychains.auth_store import AuthStore, LoginName
from lazyimg.registry.keychains.credentials import Credentials
path, writer = sys.argv[1:]
for number in range(25):
    name = LoginName.parse(f"w{writer}-{number}.example")
    AuthStore(Path(path)).save(name, Credentials(username="me", password="x"))
"""


def test_processes_that_log_in_at_once_lose_nothing(tmp_path: Path) -> None:
    """Of four that write the same file, every entry of each is there in the end."""
    path = tmp_path / "auth.json"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, str(number)]) for number in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0, 0]
    auths = json.loads(path.read_text())["auths"]
    assert set(auths) == {f"w{writer}-{number}.example" for writer in range(4) for number in range(25)}


def test_who_does_not_wait_is_noticed(tmp_path: Path) -> None:
    """A tool that knows no lock, and writes between our reading and our writing, loses nothing either."""
    path = tmp_path / "auth.json"
    path.write_text("1")
    calls: list[bytes | None] = []

    def change(before: bytes | None) -> bytes:
        calls.append(before)
        if len(calls) == 1:
            path.write_text("1 2")
        return (before or b"") + b" ours"

    LockedFile(path).change(change)
    assert calls == [b"1", b"1 2"]
    assert path.read_text() == "1 2 ours"


def test_who_never_stops_changing_it_is_an_error(tmp_path: Path) -> None:
    """Against a tool that goes on writing we give up, and say so."""
    path = tmp_path / "auth.json"

    def change(before: bytes | None) -> bytes:
        path.write_text((before or b"").decode() + "x")
        return b"ours"

    with pytest.raises(OSError, match="go on changing it"):
        LockedFile(path).change(change)
    assert b"ours" not in path.read_bytes()


def test_a_lock_that_is_held_is_waited_for(tmp_path: Path) -> None:
    """The second waits until the first is done; one that never is done is an error."""
    path, held, release = tmp_path / "auth.json", threading.Event(), threading.Event()

    def slow(_: bytes | None) -> bytes:
        held.set()
        release.wait(20)
        return b"first"

    first = threading.Thread(target=LockedFile(path).change, args=(slow,))
    first.start()
    assert held.wait(20)
    with pytest.raises(OSError, match="holds the lock"):
        LockedFile(path, patience=0.05).change(lambda _: b"second")
    second = threading.Thread(
        target=LockedFile(path).change, args=(lambda before: (before or b"") + b" second",)
    )
    second.start()
    release.set()
    first.join(20)
    second.join(20)
    assert path.read_bytes() == b"first second"


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no locks the file is compared all the same; another failure is told."""

    def refuse(number: int) -> Callable[..., None]:
        def flock(*_: Any) -> None:
            raise OSError(number, os.strerror(number))

        return flock

    monkeypatch.setattr("fcntl.flock", refuse(95))
    LockedFile(tmp_path / "auth.json").change(lambda _: b"kept")
    assert (tmp_path / "auth.json").read_bytes() == b"kept"
    monkeypatch.setattr("fcntl.flock", refuse(5))
    with pytest.raises(OSError, match="Input/output"):
        LockedFile(tmp_path / "auth.json").change(lambda _: b"kept")


# --- helpers ---------------------------------------------------------------------------------------------


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the directory of a credential helper ``box``, which keeps what it is told in a file a server."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (tmp_path / "box").mkdir()
    program = directory / "docker-credential-box"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        f"box, verb, told = pathlib.Path({str(tmp_path / 'box')!r}), sys.argv[1], sys.stdin.read()\n"
        "server = json.loads(told)['ServerURL'] if verb == 'store' else told\n"
        "file = box / server.replace('/', '_')\n"
        "if verb == 'store': file.write_text(told)\n"
        "elif not file.exists(): print('credentials not found in native keychain'); sys.exit(1)\n"
        "elif verb == 'get': print(file.read_text())\n"
        "else: file.unlink()\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "box"


@pytest.mark.parametrize("content", [{"credsStore": "box"}, {"credHelpers": {"ghcr.io": "box"}}])
def test_a_helper_keeps_what_the_file_says(helper: Path, tmp_path: Path, content: dict[str, Any]) -> None:
    """The helper has the secret and the file has none; reading finds it; a logout erases it."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"auths": {"https://ghcr.io": {"auth": PAIR}}, **content}))
    assert save(path, "ghcr.io") == "docker-credential-box"
    told = json.loads((helper / "ghcr.io").read_text())
    assert told == {"ServerURL": "ghcr.io", "Username": "me", "Secret": SECRET}
    assert json.loads(path.read_text()) == {"auths": {"ghcr.io": {}}, **content}
    assert DockerKeychain(path).credentials("ghcr.io", "me/app") == GIVEN
    assert li.logout("ghcr.io", auth_file=path)
    assert not list(helper.iterdir())
    assert json.loads(path.read_text()) == {"auths": {}, **content}
    assert not li.logout("ghcr.io", auth_file=path)


def test_a_helper_keeps_an_identity_token_under_its_user(helper: Path, tmp_path: Path) -> None:
    """By the protocol, its user is ``<token>``; Docker Hub is known by its old address."""
    path = tmp_path / "config.json"
    path.write_text('{"credsStore": "box"}')
    save(path, "docker.io", Credentials(username="me", identity_token="id"))
    told = json.loads((helper / "https:__index.docker.io_v1_").read_text())
    assert (told["Username"], told["Secret"]) == ("<token>", "id")
    assert DockerKeychain(path).credentials("docker.io", None) == Credentials(identity_token="id")


def test_a_namespace_is_kept_in_the_file_beside_a_helper(helper: Path, tmp_path: Path) -> None:
    """Helpers know no namespaces; the namespace's own credentials come first."""
    path = tmp_path / "config.json"
    path.write_text('{"credsStore": "box"}')
    save(path, "quay.io", Credentials(username="all", password="x"))
    save(path, "quay.io/team")
    assert [one.name for one in helper.iterdir()] == ["quay.io"]
    keychain = DockerKeychain(path)
    assert keychain.credentials("quay.io", "team/app") == GIVEN
    assert keychain.credentials("quay.io", "other/app") == Credentials(username="all", password="x")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"echo {SECRET}; exit 3", "docker-credential-bad store for ghcr.io failed with exit status 3"),
        ("sleep 60", r"docker-credential-bad store for ghcr.io did not answer within 0\.3 s"),
    ],
)
def test_a_helper_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str) -> None:
    """What it printed is not repeated, it has a time limit, and the file stays as it was."""
    program = tmp_path / "docker-credential-bad"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    path = tmp_path / "config.json"
    path.write_text('{"credsStore": "bad"}')
    with pytest.raises(CredentialError, match=said) as raised:
        AuthStore(path, helper_time_limit=0.3).save(LoginName.parse("ghcr.io"), GIVEN)
    assert SECRET not in str(raised.value)
    assert path.read_text() == '{"credsStore": "bad"}'

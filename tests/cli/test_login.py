"""``lazyimg login`` and ``lazyimg logout``."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.programs import need

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "s3cret-passw0rd"


@pytest.fixture(scope="module")
def registry() -> Iterator[li.Registry]:
    """Give a registry with one user."""
    with li.Registry(users={"me": SECRET}) as running:
        yield running


@pytest.fixture
def auth_file(tmp_path: Path, no_logins: None, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """Give the file that logins are kept in, by the environment."""
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    return tmp_path / "auth.json"


def told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let standard input be a pipe with a text in it."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_password_comes_through_a_pipe(
    command: Any, monkeypatch: Any, registry: li.Registry, auth_file: Path, end: str
) -> None:
    """Its line end is no part of it, and what is printed does not repeat it."""
    told(monkeypatch, SECRET + end)
    ended = command("login", "--username", "me", "--password-stdin", registry.host)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"logged in to {registry.host} as me; kept in {auth_file}\n"
    assert set(json.loads(auth_file.read_text())["auths"]) == {registry.host}
    assert command("logout", registry.host).out == f"logged out of {registry.host}\n"
    again = command("logout", registry.host)
    assert (again.code, again.out) == (0, f"not logged in to {registry.host}\n")


def test_a_wrong_password_ends_with_1(
    command: Any, monkeypatch: Any, registry: li.Registry, auth_file: Path
) -> None:
    """The refusal is told with what it was about, without the password."""
    told(monkeypatch, "another-passw0rd")
    ended = command("login", "-u", "me", "--password-stdin", "--insecure", registry.host)
    assert (ended.code, ended.out) == (1, "")
    assert f"lazyimg: cannot log in to {registry.host} as me" in ended.err
    assert "  while logging in to" in ended.err
    assert "another-passw0rd" not in ended.err
    assert not auth_file.exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (b"s3cret\nxyz", "several lines"),
        (b"s3cret\n\n", "several lines"),
        (b"s3cret\rxyz", "several lines"),
        (b"s3cret\xff", "the password on standard input is no UTF-8"),
        (b"s3cret" * (1 << 18), "more than a password"),
    ],
)
def test_a_pipe_with_something_else(
    command: Any, monkeypatch: Any, auth_file: Path, typed: bytes, said: str
) -> None:
    """All of it is the password, or nothing is; what it was is not repeated."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
    ended = command("login", "--username", "me", "--password-stdin", "127.0.0.1:1")
    assert (ended.code, ended.out) == (2, "")
    assert said in " ".join(ended.err.split())
    assert "s3cret" not in ended.err
    assert not auth_file.exists()


def test_a_user_whose_name_the_locale_does_not_know(start: Any, tmp_path: Path) -> None:
    """Names and passwords are UTF-8, whatever encoding the locale has; a name that is none is refused."""
    plain = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with li.Registry(users={"jürgen": "päss"}) as registry:
        for user, code, said in (("jürgen", 0, "logged in"), (b"j\xff", 2, "the user name is no UTF-8")):
            path = str(tmp_path / "auth.json")
            options = ("--password-stdin", "--authfile", path, registry.host)
            with start("login", "-u", user, *options, stdin=subprocess.PIPE, **plain) as process:
                out, err = process.communicate("päss\n", timeout=60)
            assert process.returncode == code, err
            assert said in out + err
            assert "Traceback" not in err


def test_a_file_of_its_own(command: Any, monkeypatch: Any, registry: li.Registry, auth_file: Path) -> None:
    """``--authfile`` names it, for both verbs."""
    path = str(auth_file.parent / "own.json")
    told(monkeypatch, SECRET)
    command("login", "-u", "me", "--password-stdin", "--authfile", path, registry.host)
    assert not auth_file.exists()
    assert command("logout", "--authfile", path, registry.host).out.startswith("logged out")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--password-stdin"], "--password-stdin needs --username"),
        (["--username", "me"], "pipe the password to --password-stdin"),
        ([], "pipe the password to --password-stdin"),
        (["--username", "me", "--ca", "missing.pem"], "missing.pem"),
    ],
)
def test_a_login_that_cannot_ask_ends_with_2(
    command: Any, monkeypatch: Any, arguments: list[str], said: str
) -> None:
    """Where nobody can be asked it says what to do."""
    told(monkeypatch, "")
    ended = command("login", *arguments, "registry.example")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_registry_that_the_command_serves_with_tls(
    command: Any, start: Any, monkeypatch: Any, auth_file: Path
) -> None:
    """``--ca`` with what the server printed is all it takes; ``https://`` alone trusts nobody new."""
    need("openssl", "openssl")
    arguments = ("registry", "serve", "--address", "127.0.0.1:0", "--tls", "--token", "--user", "me")
    with start(*arguments, LAZYIMG_REGISTRY_PASSWORD=SECRET) as server:
        try:
            host = server.stdout.readline().split(" on https://")[1].split()[0]
            authority = server.stdout.readline().split(" by ")[1].strip()
            told(monkeypatch, SECRET)
            ended = command("login", "-u", "me", "--password-stdin", "--ca", authority, host)
            assert (ended.code, ended.err) == (0, "")
            assert ended.out == f"logged in to {host} as me; kept in {auth_file}\n"
            with li.Engine(hosts={host: li.Host(ca=authority)}):
                li.Image.empty().write(f"{host}/app:1")
            told(monkeypatch, SECRET)
            ended = command("login", "-u", "me", "--password-stdin", f"https://{host}")
            assert ended.code == 1
            assert "shows a certificate that is not trusted" in ended.err
            assert "--ca" in ended.err
            told(monkeypatch, SECRET)
            ended = command("login", "-u", "me", "--password-stdin", host)
            assert ended.code == 1
            assert "if it speaks TLS, say so: https:// before its name, or --ca FILE" in ended.err
        finally:
            server.terminate()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--ca", __file__, "--insecure", "127.0.0.1:1"], 2, "--insecure is plain http, and --ca is not"),
        (["--insecure", "https://127.0.0.1:1"], 2, "--insecure is plain http, and https:// is not"),
        (["--ca", __file__, "REGISTRY"], 1, f"cannot use --ca {__file__}"),
        (["http://registry.example"], 1, "name it without http://, or say --insecure"),
        (["https://REGISTRY"], 1, "does not speak TLS; if plain http is meant, say so: --insecure"),
    ],
)
def test_schemes_that_do_not_go_together(
    command: Any,
    monkeypatch: Any,
    auth_file: Path,
    registry: li.Registry,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    """What contradicts itself, or is no file of certificates, is told, and no password goes out for it."""
    told(monkeypatch, SECRET)
    before = len(registry.requests)
    given = [one.replace("REGISTRY", registry.host) for one in arguments]
    ended = command("login", "-u", "me", "--password-stdin", *given)
    assert ended.code == code
    assert said in " ".join(ended.err.split())
    assert len(registry.requests) == before
    assert not auth_file.exists()


@pytest.mark.parametrize("verb", ["login", "logout"])
def test_a_name_that_is_none_ends_with_1(command: Any, monkeypatch: Any, verb: str) -> None:
    """It is told before a password is asked for."""
    told(monkeypatch, "")
    ended = command(verb, "no registry")
    assert ended.code == 1
    assert "is no registry" in ended.err


def test_a_terminal_is_asked(registry: li.Registry, auth_file: Path) -> None:
    """At a terminal the user and the password are asked for, and the password is not shown."""
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "lazyimg.cli", "login", registry.host]
    process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, start_new_session=True)
    seen = b""
    for prompt, answer in ((b"Username: ", "me"), (b"Password: ", SECRET)):
        while prompt not in seen:
            seen += os.read(terminal, 1024)
        os.write(terminal, f"{answer}\n".encode())
    while b"kept in" not in seen:
        seen += os.read(terminal, 1024)
    assert process.wait(timeout=60) == 0
    os.close(terminal)
    os.close(end)
    assert SECRET.encode() not in seen
    assert auth_file.exists()

"""Files of users, as htpasswd writes them."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from support.programs import need

import lazyimg as li
from lazyimg.errors import InvalidSetting, MissingExtra
from lazyimg.server.htpasswd import Hashed, read_htpasswd
from lazyimg.server.registry import Registry
from lazyimg.server.workers import HASHING, SIZE

if TYPE_CHECKING:
    from pathlib import Path

LONG = "päss-word" * 12


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with two users, a comment and an empty line."""
    program = need("htpasswd", "apache2-utils")
    lines = ["# who may push", ""]
    for name, password in (("anna", "secret"), ("ben", LONG[:60])):
        made = subprocess.run(
            [program, "-i", "-n", "-B", "-C", "4", name],
            input=password,
            check=True,
            capture_output=True,
            text=True,
        )
        lines.append(made.stdout.strip())
    path = tmp_path_factory.mktemp("users") / "htpasswd"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_users_of_a_file_are_let_in(users: Path) -> None:
    """Each by the password that was hashed, the second time as the first; nobody else."""
    with Registry(users=read_htpasswd(users)) as registry, httpx.Client(base_url=registry.url) as http:
        for name, password, status in (
            ("anna", "secret", 200),
            ("anna", "secret", 200),
            ("anna", "wrong", 401),
            ("anna", "", 401),
            ("anna", "secret", 200),
            ("ben", LONG[:60], 200),
            ("carl", "secret", 401),
        ):
            shown = base64.b64encode(f"{name}:{password}".encode()).decode()
            answer = http.get("/v2/", headers={"Authorization": f"Basic {shown}"})
            assert answer.status_code == status, name


@pytest.mark.parametrize(("token", "path"), [(False, "/v2/"), (True, "/token")])
def test_who_guesses_holds_up_nobody(
    users: Path, monkeypatch: pytest.MonkeyPatch, *, token: bool, path: str
) -> None:
    """However many guess: a hash takes its time on purpose, and who is known is answered meanwhile."""
    begun, over = threading.Semaphore(0), threading.Event()

    def slowly(*_: object) -> bool:
        begun.release()
        return over.wait(20)

    known = {**read_htpasswd(users), "carl": "secret"}
    with (
        Registry(users=known, token=token) as registry,
        httpx.Client(base_url=registry.url, timeout=5) as http,
        ThreadPoolExecutor(SIZE + 1) as guesses,
    ):
        assert http.get(path, auth=("anna", "secret")).status_code == 200
        monkeypatch.setattr("bcrypt.checkpw", slowly)
        for _ in range(SIZE + 1):
            guesses.submit(httpx.get, f"{registry.url}{path}", auth=("anna", "guess"), timeout=30)
        for _ in range(HASHING):
            assert begun.acquire(timeout=5)
        for auth in (("carl", "secret"), ("anna", "secret")):
            assert http.get(path, auth=auth).status_code == 200
        with li.Engine(keychain=li.StaticKeychain({registry.host: ("carl", "secret")})):
            li.Image.empty().write(f"{registry.host}/app:1")
        over.set()


def test_a_long_password_is_cut_as_bcrypt_does() -> None:
    """What bcrypt does not look at is no error."""
    import bcrypt  # noqa: PLC0415 - heavy, and for this test alone

    hashed = Hashed(bcrypt.hashpw(LONG.encode()[:72], bcrypt.gensalt(4)))
    assert hashed.matches(LONG)
    assert not hashed.matches(LONG[1:])
    assert "$2b$" not in repr(hashed)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("anna", r"line 1 is no user: a line is NAME:HASH"),
        (":$2y$05$x", r"line 1 is no user"),
        ("anna:$apr1$abc$def", r"the hash of anna is not bcrypt's.*htpasswd -B"),
        ("anna:s3cret", r"the hash of anna is not bcrypt's"),
        ("anna:$2y$05$s3cret", r"the hash of anna is not bcrypt's"),
        (f"anna:$2y$99${'a' * 53}", r"the hash of anna is not bcrypt's"),
        (f"anna:$2y$05${'z' * 53}", r"the hash of anna is not bcrypt's"),  # a salt of too many bits
    ],
)
def test_what_is_no_user_is_refused(tmp_path: Path, line: str, words: str) -> None:
    """The line is named, and nothing of what could be a password is repeated."""
    path = tmp_path / "htpasswd"
    path.write_text(line)
    with pytest.raises(InvalidSetting, match=words) as caught:
        read_htpasswd(path)
    assert "s3cret" not in str(caught.value)


def test_a_file_of_an_editor_that_marks_its_encoding(users: Path, tmp_path: Path) -> None:
    """The mark is not of the first user's name."""
    path = tmp_path / "htpasswd"
    path.write_text(users.read_text(), encoding="utf-8-sig")
    assert list(read_htpasswd(path)) == list(read_htpasswd(users))


def test_without_the_library(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words name the extra."""
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    with pytest.raises(MissingExtra, match=r"lazyimg\[server\]"):
        read_htpasswd(users)

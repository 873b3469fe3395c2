"""Credential helpers that hang, talk without end, say junk, or are no helpers at all."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lazyimg.errors import CredentialError
from lazyimg.registry.keychains.credential_helper import TIME_LIMIT, ask_helper, store_in_helper
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.keychains.keychain import DockerKeychain

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "s3cret-passw0rd"


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Give a function that installs a helper, a shell script, and gives its name."""

    def install(script: str) -> str:
        program = tmp_path / "docker-credential-evil"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return "evil"

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return install


def test_the_time_limit() -> None:
    """A helper has 20 s if nobody says anything else."""
    assert TIME_LIMIT == 20


HANGING = {
    "says nothing": "sleep 60",
    "never stops talking": f"while :; do echo {SECRET}; sleep 0.05; done",
    "leaves a child with its pipe": f"sleep 60 & echo {SECRET}",
    "ignores being asked to end": "trap '' TERM INT HUP; sleep 60; sleep 60",
    "closes its output and stays": "exec >&-; sleep 60",
    "does not listen": "exec <&-; sleep 60",
}


@pytest.mark.parametrize("how", HANGING)
def test_helpers_that_hang(helper: Callable[[str], str], how: str) -> None:
    """However it does not end, it is ended, and nothing of what it said is repeated."""
    began = time.monotonic()
    with pytest.raises(CredentialError, match=r"did not answer within 0\.4 s") as raised:
        ask_helper(helper(HANGING[how]), "ghcr.io", time_limit=0.4)
    assert SECRET not in str(raised.value)
    assert time.monotonic() - began < 15


def test_what_a_helper_started_is_ended_with_it(helper: Callable[[str], str], tmp_path: Path) -> None:
    """A child that it left behind does not go on."""
    with pytest.raises(CredentialError, match="did not answer"):
        ask_helper(helper(f"sleep 60 & echo $! > {tmp_path}/child; sleep 60"), "ghcr.io", time_limit=1)
    child = Path("/proc") / (tmp_path / "child").read_text().strip() / "cmdline"
    until = time.monotonic() + 10
    while child.exists() and child.read_bytes() and time.monotonic() < until:  # empty where nobody waited
        time.sleep(0.02)
    assert not child.exists() or not child.read_bytes()


def test_a_helper_that_talks_without_end(helper: Callable[[str], str]) -> None:
    """At full speed it is heard to a mebibyte: memory does not grow with what it says."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CredentialError, match="printed more than 1048576 bytes"):
        ask_helper(helper(f"while :; do echo {SECRET * 40}; done"), "ghcr.io", time_limit=30)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


JUNK = {
    "nothing": "true",
    "text": f"echo {SECRET}",
    "binary": "head -c 1000 /dev/urandom",
    "a list": "echo '[]'",
    "depth": "printf '[%.0s' $(seq 100000)",
    "a number": "printf '9%.0s' $(seq 10000)",
    "no secret": 'echo \'{"Username":"me"}\'',
    "other types": 'echo \'{"Username":{},"Secret":[]}\'',
    "no UTF-8": 'printf \'{"Username":"\\377","Secret":"x"}\'',
    "two answers": 'echo \'{"Username":"a","Secret":"b"}{"Username":"a","Secret":"b"}\'',
}


@pytest.mark.parametrize("what", JUNK)
def test_helpers_that_print_junk(helper: Callable[[str], str], what: str) -> None:
    """What is no answer of the protocol is a clear error that repeats none of it."""
    with pytest.raises(CredentialError, match="printed no JSON object with Username and Secret") as raised:
        ask_helper(helper(JUNK[what]), "ghcr.io")
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("status", [1, 2, 127, 255])
def test_helpers_that_fail(helper: Callable[[str], str], status: int) -> None:
    """An exit status that is no success is told, whatever was printed before."""
    script = f'echo \'{{"Username":"me","Secret":"{SECRET}"}}\'; exit {status}'
    with pytest.raises(CredentialError, match=f"failed with exit status {status}") as raised:
        ask_helper(helper(script), "ghcr.io")
    assert SECRET not in str(raised.value)


def test_a_helper_that_kills_itself(helper: Callable[[str], str]) -> None:
    """A signal is a failure too."""
    with pytest.raises(CredentialError, match="failed with exit status -9"):
        ask_helper(helper("kill -9 $$"), "ghcr.io")


def test_credentials_not_found_is_anybody(helper: Callable[[str], str]) -> None:
    """As the helper protocol says it; it need not read what it is asked."""
    assert ask_helper(helper("echo credentials not found in native keychain; exit 1"), "ghcr.io") is None
    script = 'exec <&-; echo \'{"Username":"me","Secret":"x"}\''
    assert ask_helper(helper(script), "ghcr.io") == Credentials(username="me", password="x")


NAMES = [
    "../evil",
    "/bin/sh",
    "a/../../bin/sh",
    "evil;id",
    "$(id)",
    "-rf",
    ".",
    "..",
    "evil\0",
    "evil\n",
    "\u00e9vil",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("table", ["credsStore", "credHelpers"])
def test_a_helper_is_a_plain_name(
    helper: Callable[[str], str], tmp_path: Path, name: str, table: str
) -> None:
    """A name from somebody's file with a path, or anything but a name, in it runs nothing."""
    helper(f"touch {tmp_path}/ran")
    with pytest.raises(CredentialError, match="is refused: it is no plain program name"):
        ask_helper(name, "ghcr.io")
    content = {"credsStore": name} if table == "credsStore" else {"credHelpers": {"ghcr.io": name}}

    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(CredentialError, match="is refused"):
        DockerKeychain(tmp_path / "config.json").credentials("ghcr.io", None)
    assert not (tmp_path / "ran").exists()


def test_a_helper_is_told_no_more_than_a_pipe_holds(helper: Callable[[str], str]) -> None:
    """A secret that a helper would have to read while it talks is refused, not waited with."""
    name = helper("sleep 60")
    with pytest.raises(CredentialError, match="is over 15000 letters"):
        store_in_helper(name, "ghcr.io", Credentials(username="me", password=SECRET * 2000))

"""`lazyimg registry serve`."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import httpx
import pytest
from click.testing import CliRunner
from support.programs import need

from lazyimg.cli import guards
from lazyimg.cli.guards import PASSWORD, Guards
from lazyimg.cli.serve import parse_address, serve
from lazyimg.server.registry import Registry
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result


@pytest.mark.parametrize(
    "text", ["", "5000", "localhost:", "localhost:x", "a:70000", "a:²", "::1", "[::1", "1:2:3", "a:-1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """The words say what an address looks like."""
    with pytest.raises(click.BadParameter, match="HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":5001", ("127.0.0.1", 5001)),
        ("localhost", ("localhost", 5000)),
        ("[::1]", ("::1", 5000)),
        ("[::1]:0", ("::1", 0)),
        ("10.1.2.3:65535", ("10.1.2.3", 65535)),
    ],
)
def test_an_address_may_be_half_of_one(text: str, address: tuple[str, int]) -> None:
    """What is left out is as in the default."""
    assert parse_address(text) == address


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_until_interrupted(tmp_path: Path, how: signal.Signals, hand_of: Any) -> None:
    """It prints where it serves, serves, keeps what was pushed, and ends quietly with 0."""
    program = "from lazyimg.cli.serve import serve; serve()"
    arguments = [sys.executable, "-c", program, "--address", "127.0.0.1:0", "--disk", str(tmp_path)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith(f"serving {tmp_path} on http://127.0.0.1:")
    with httpx.Client(base_url=line.split()[3]) as client:
        hand_of(client).blob("a", b"{}")
    process.send_signal(how)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0
    assert list((tmp_path / "contents" / "sha256").iterdir())


def test_a_hangup_takes_the_made_key_away(tmp_path: Path) -> None:
    """Whichever signal ends it, no key is left behind; where hangups are ignored, it goes on."""
    need("openssl", "openssl")
    program = "from lazyimg.cli.serve import serve; serve()"
    for before in ("", "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "):
        arguments = [sys.executable, "-c", before + program, "--address", "127.0.0.1:0", "--tls"]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2)]
            assert Path(lines[1].split(" by ")[1].strip()).with_name("key.pem").exists()
            process.send_signal(signal.SIGHUP)
            if before:
                assert answers(int(lines[0].split()[4].rpartition(":")[2]), secure=True) == [200, 200]
                process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        assert not list(tmp_path.iterdir())


def serve_meanwhile(arguments: list[str], meanwhile: Callable[[], None], typed: str = "") -> Result:
    """Run the command in this thread, and ``meanwhile`` in another, which interrupts it at its end."""

    def work() -> None:
        try:
            meanwhile()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=work)
    with ExitStack() as stack:
        stack.callback(thread.join)
        thread.start()
        return CliRunner().invoke(serve, arguments, input=typed)


def test_it_serves_from_memory_and_read_only() -> None:
    """The options reach the registry, and the signal handlers of before are back afterwards."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    port = free_port()
    statuses = []

    def push() -> None:
        transport = httpx.HTTPTransport(retries=8)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport) as client:
            assert client.get("/v2/").status_code == 200
            statuses.append(client.post("/v2/a/blobs/uploads/").status_code)

    result = serve_meanwhile(["--address", f"127.0.0.1:{port}", "--read-only"], push)
    assert (result.exit_code, statuses) == (0, [403])
    assert result.output == f"serving from memory on http://127.0.0.1:{port} (Ctrl-C stops it)\n"
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_an_address_that_is_taken_is_an_error() -> None:
    """The words name the address, and the command ends with 1."""
    with Registry() as registry:
        host = registry.host
        result = CliRunner().invoke(serve, ["--address", host])
    assert result.exit_code == 1
    assert f"cannot serve on {host}: " in result.output
    assert "in use" in result.output


# --- who may use it, and over what -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--user", "anna:s"], "--user takes a name alone"),
        (["--user", "anna"], f"no password for anna: set \\${PASSWORD}"),
        (["--user", "anna", "--htpasswd", __file__], "name the users in one of them"),
        (["--tls", "--cert", __file__], "a certificate is made, or given"),
        (["--key", __file__], "--key without --cert"),
        (["--name", "reg.lan"], "--name without --tls"),
        (["--tls", "--name", "reg.lan:5000"], "without a port"),
        (["--tls", "--name", "a,IP:10.0.0.1"], "without a port"),
        (["--durable"], "--durable without --disk"),
        (["--client-ca", __file__], "--client-ca without --tls or --cert"),
        (["--password-stdin"], "--password-stdin without --user"),
        (["--cert", "/nowhere"], "does not exist"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], words: str, monkeypatch: Any) -> None:
    """It is called wrongly, and says how."""
    monkeypatch.delenv(PASSWORD, raising=False)
    result = CliRunner().invoke(serve, options)
    assert result.exit_code == 2
    assert re.search(words, " ".join(result.output.split()))


def test_a_password_that_nobody_can_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is no UTF-8, or has several lines, starts nothing, and is not repeated."""
    monkeypatch.delenv(PASSWORD, raising=False)
    for typed, said in ((b"s3cret\xff", "is no UTF-8"), (b"s3cret\nmore", "several lines")):
        result = CliRunner().invoke(serve, ["--user", "anna", "--password-stdin"], input=typed)
        assert result.exit_code == 2
        assert said in " ".join(result.output.split())
        assert "s3cret" not in result.output
    monkeypatch.setenv(PASSWORD, "s3cret\udcff")
    result = CliRunner().invoke(serve, ["--user", "anna"])
    assert result.exit_code == 2
    assert "the password of anna is no UTF-8" in " ".join(result.output.split())


def answers(port: int, *, secure: bool, password: str = "") -> list[int]:
    """Ask without and with the password of anna."""
    transport = httpx.HTTPTransport(retries=8, verify=False)
    url = f"{'https' if secure else 'http'}://127.0.0.1:{port}"
    with httpx.Client(base_url=url, transport=transport) as client:
        return [client.get("/v2/").status_code, client.get("/v2/", auth=("anna", password)).status_code]


@pytest.mark.parametrize("way", ["environment", "stdin", "prompt"])
def test_a_user_with_a_password(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password comes by environment, by standard input or by asking, and never by the command line."""
    monkeypatch.delenv(PASSWORD, raising=False)
    if way == "environment":
        monkeypatch.setenv(PASSWORD, "pass-word")
    more = ["--password-stdin"] if way == "stdin" else []
    if way == "prompt":
        monkeypatch.setattr(guards, "is_terminal", lambda: True)
    port, statuses = free_port(), []
    result = serve_meanwhile(
        ["--address", f"127.0.0.1:{port}", "--user", "anna", *more],
        lambda: statuses.extend(answers(port, secure=False, password="pass-word")),
        typed="pass-word\n",
    )
    assert (result.exit_code, statuses) == (0, [401, 200])
    assert "pass-word" not in result.output


def test_a_certificate_that_is_given(tmp_path: Path) -> None:
    """It speaks TLS with it, and says nothing of an authority that clients know better."""
    need("openssl", "openssl")
    made = Tls.self_signed(tmp_path)
    port, statuses = free_port(), []
    pair = ["--cert", str(made.certificate), "--key", str(made.key)]
    result = serve_meanwhile(
        ["--address", f"127.0.0.1:{port}", *pair], lambda: statuses.extend(answers(port, secure=True))
    )
    assert (result.exit_code, statuses) == (0, [200, 200])
    assert result.output.splitlines() == [
        f"serving from memory on https://127.0.0.1:{port} (Ctrl-C stops it)"
    ]


def test_a_certificate_is_made_for_the_address(tmp_path: Path) -> None:
    """It names the address, and clients must show theirs where an authority of theirs is named."""
    need("openssl", "openssl")
    other = Tls.self_signed(tmp_path)
    options: dict[str, Any] = {
        "user": None,
        "password_stdin": False,
        "htpasswd": None,
        "token": False,
        "cert": None,
        "key": None,
    }
    names = ("reg.lan", "10.1.2.3")
    said = Guards(tls=True, name=names, client_ca=Path(str(other.certificate)), **options)
    with said.settings("0.0.0.0") as settings:  # noqa: S104 - nothing listens
        tls = settings["tls"]
        assert tls.client_authorities == Path(str(other.certificate))
        told = ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(tls.certificate)]
        shown = subprocess.run(told, check=True, capture_output=True, text=True).stdout
        assert "DNS:reg.lan, IP Address:10.1.2.3" in shown
    assert guards.names_of("reg.lan") == ("reg.lan",)


def test_a_file_of_no_users(tmp_path: Path) -> None:
    """A file that lets nobody in is a mistake, and says so before anything is served."""
    pytest.importorskip("bcrypt")
    path = tmp_path / "users"
    path.write_text("# nobody\n")
    result = CliRunner().invoke(serve, ["--htpasswd", str(path)])
    assert result.exit_code == 2
    assert "names no user, and lets nobody in" in " ".join(result.output.split())


def served(*options: str, **environment: str) -> subprocess.Popen[str]:
    """Start the command as a program, on a free port."""
    return subprocess.Popen(
        [sys.executable, "-m", "lazyimg.cli", "registry", "serve", "--address", "127.0.0.1:0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def test_each_request_is_told_if_that_is_wanted() -> None:
    """One line each, with no query and no credential in it, whatever the path holds."""
    with served("--verbose", "--user", "anna", **{PASSWORD: "pass-word"}) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[4]
        with httpx.Client(base_url=url) as client:
            client.get("/v2/")
            client.get("/v2/", auth=("anna", "pass-word"))
            client.get("/v2/a%0A%1B%5B31m/tags/list?state=hidden", auth=("anna", "pass-word"))
        process.terminate()
        out, err = process.communicate(timeout=20)
    assert (out, process.returncode) == ("", 0)
    ends = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ |, [\d.]+ s$|\d+ out"
    told = [re.sub(ends, "", line) for line in err.splitlines()]
    assert told == [
        "127.0.0.1 GET /v2/ 401, 0 bytes in, ",
        "127.0.0.1 GET /v2/ 200, 0 bytes in, ",
        "127.0.0.1 GET /v2/a%0A%1B%5B31m/tags/list 404, 0 bytes in, ",
    ]


@pytest.mark.parametrize("verbose", [[], ["--verbose"]])
def test_a_disk_that_fails_is_told_in_any_case(tmp_path: Path, verbose: list[str]) -> None:
    """The line says which request, and why; how it came to it is for who wants to know more."""
    with served("--disk", str(tmp_path), *verbose) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        shutil.rmtree(tmp_path / "staging")
        content = httpx.post(
            f"{url}/v2/a/blobs/uploads/?digest=sha256:{hashlib.sha256(b'{}').hexdigest()}", content=b"{}"
        )
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert content.status_code >= 500
    assert "POST /v2/a/blobs/uploads/ failed: FileNotFoundError: [Errno 2]" in err
    assert ("Traceback" in err) is bool(verbose)
    assert len(err.splitlines()) == 1 or verbose

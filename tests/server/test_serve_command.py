"""`lazyimg registry serve`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click
import httpx
import pytest
from click.testing import CliRunner

from lazyimg.cli.serve import parse_address, serve
from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.mark.parametrize(
    "text", ["5000", ":5000", "localhost", "localhost:", "localhost:x", "a:70000", "a:²"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """The words say what an address looks like."""
    with pytest.raises(click.BadParameter, match="HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
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


def serve_meanwhile(arguments: list[str], meanwhile: Callable[[], None]) -> Result:
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
        return CliRunner().invoke(serve, arguments)


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
    assert f"cannot serve from memory on {host}: " in result.output
    assert "in use" in result.output

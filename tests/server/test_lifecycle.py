"""Starting and stopping: at once, quietly, and whatever is still open."""

from __future__ import annotations

import gc
import http.client
import logging
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lazyimg.server import serving
from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazyimg.server.request import Request


@pytest.fixture(autouse=True)
def others() -> Iterator[None]:
    """Remember the threads of registries that other tests of the session keep running."""
    OTHERS.update(threading.enumerate())
    yield
    OTHERS.clear()


OTHERS: set[threading.Thread] = set()


def names() -> set[str]:
    own = (thread.name for thread in threading.enumerate() if thread not in OTHERS)
    return {name for name in own if name.startswith("lazyimg-registry")}


def test_constructing_does_nothing(tmp_path: Any) -> None:
    """Until it is started a registry has no thread, no socket and no directory."""
    registry = Registry(tmp_path / "registry")
    assert not names()
    assert not (tmp_path / "registry").exists()
    assert repr(registry) == "<Registry, not running>"
    with pytest.raises(RuntimeError, match="not running"):
        _ = registry.host
    registry.stop()


def test_it_stops_and_starts_again_with_what_it_had(hand_of: Any) -> None:
    """A registry in memory keeps what was pushed as long as the object; begun uploads are dropped."""
    registry = Registry()
    with registry.start() as running, httpx.Client(base_url=running.url) as client:
        assert running is registry
        assert registry.start() is registry
        assert registry.url == f"http://{registry.host}"
        assert registry.host in repr(registry)
        hand = hand_of(client)
        hand.push("a", "v1", hand.image("a"))
        location = hand.begin("a")
    assert not names()
    registry.stop()
    with registry, httpx.Client(base_url=registry.url) as client:
        assert client.get("/v2/a/manifests/v1").status_code == 200
        assert client.get(location).status_code == 404


def test_two_registries_do_not_share_anything(hand_of: Any) -> None:
    """Each registry has its own port and its own content."""
    with Registry() as one, Registry() as other:
        assert one.host != other.host
        with httpx.Client(base_url=one.url) as client:
            hand_of(client).push("a", "v1", hand_of(client).image("a"))
        assert httpx.get(f"{other.url}/v2/a/manifests/v1").status_code == 404
        assert other.requests[0].path == "/v2/a/manifests/v1"


def test_it_listens_on_the_address_it_is_given() -> None:
    """A port that is taken is an OSError; the registry can be started when it is free."""
    with Registry() as first:
        port = int(first.host.rpartition(":")[2])
        second = Registry(port=port)
        with pytest.raises(OSError, match=r"[Aa]ddress"):
            second.start()
    with second:
        assert second.host == f"127.0.0.1:{port}"


def test_it_listens_on_ipv6() -> None:
    """An IPv6 address is shown in brackets."""
    with Registry(host="::1") as registry:
        assert registry.host.startswith("[::1]:")
        assert httpx.get(f"{registry.url}/v2/").status_code == 200


def connection_to(registry: Registry) -> http.client.HTTPConnection:
    host, _, port = registry.host.partition(":")
    return http.client.HTTPConnection(host, int(port))


def begin(connection: http.client.HTTPConnection, method: str, url: str, length: int) -> None:
    connection.putrequest(method, url)
    connection.putheader("Content-Length", str(length))
    connection.endheaders()


def until(registry: Registry, number: int) -> None:
    deadline = time.monotonic() + 20
    while len(registry.requests) < number:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_it_stops_with_everything_open(
    tmp_path: Any, where: str, hand_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Idle, half-sent, held-back and unread connections are cut, and no thread stays but the hook's."""
    release = threading.Event()

    def hold(request: Request) -> None:
        if request.path.endswith("/tags/list"):
            release.wait(30)

    registry = Registry(tmp_path if where == "disk" else None, hook=hold).start()
    with httpx.Client(base_url=registry.url) as client:
        digest = hand_of(client).blob("a", bytes(32 << 20))
        location = hand_of(client).begin("a")
    idle, half, held, unread, silent = (connection_to(registry) for _ in range(5))
    idle.request("GET", "/v2/")
    idle.getresponse().read()
    begin(half, "PATCH", location, 1 << 30)
    half.send(bytes(1 << 20))
    held.request("GET", "/v2/a/tags/list")
    unread.request("GET", f"/v2/a/blobs/{digest}")
    silent.connect()
    until(registry, 6)
    registry.stop()
    assert names() <= {"lazyimg-registry-hook"}
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    with pytest.raises(OSError):  # noqa: PT011 - reset, aborted or a broken answer
        held.getresponse()
    release.set()
    for connection in (idle, half, held, unread, silent):
        connection.close()


def test_a_request_under_way_ends_within_the_grace_period() -> None:
    """What takes a moment is still answered while the registry stops."""
    entered = threading.Event()

    def pause(_request: Request) -> None:
        entered.set()
        time.sleep(serving.GRACE / 4)

    registry = Registry(hook=pause).start()
    answers = []
    url = f"{registry.url}/v2/"
    thread = threading.Thread(target=lambda: answers.append(httpx.get(url).status_code))
    thread.start()
    assert entered.wait(20)
    registry.stop()
    thread.join()
    assert answers == [200]


def test_it_says_nothing(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], hand_of: Any
) -> None:
    """Nothing is printed and nothing is logged, in good times, refusals and broken connections."""
    caplog.set_level(logging.INFO, "lazyimg")
    with Registry() as registry, httpx.Client(base_url=registry.url) as client:
        hand_of(client).push("a", "v1", hand_of(client).image("a"))
        assert client.get("/nowhere").status_code == 404
        broken = connection_to(registry)
        begin(broken, "POST", "/v2/a/blobs/uploads/", 100)
        broken.close()
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_bad_http_is_answered_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    """What is not HTTP is answered 400, without a word on stderr."""
    with Registry() as registry:
        host, _, port = registry.host.partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"\x16\x03\x01 this is TLS\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("target", "answer", "path"),
    [
        ("http://{}/v2/", 200, "/v2/"),
        ("HTTPS://other/v2/a/tags/list?n=1", 404, "/v2/a/tags/list"),
        ("http://{}", 404, "/"),
    ],
)
def test_a_request_may_name_the_host_before_the_path(target: str, answer: int, path: str) -> None:
    """As proxies are asked, and servers have to take it (RFC 9112, section 3.2.2)."""
    with Registry() as registry:
        host, _, port = registry.host.partition(":")
        line = f"GET {target.format(registry.host)} HTTP/1.1\r\nHost: {registry.host}\r\n\r\n"
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(line.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 %d" % answer)
        assert [request.path for request in registry.requests] == [path]


def test_a_server_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the server's thread comes out of start(), and nothing is left behind."""

    async def fail(*_args: Any, **_kwargs: Any) -> None:
        raise OSError("no more files")

    monkeypatch.setattr(serving._Server, "startup", fail)
    registry = Registry()
    with pytest.raises(OSError, match="no more files"):
        registry.start()
    gc.collect()
    assert registry._serving is None


def test_an_interpreter_ends_though_a_registry_runs() -> None:
    """A program that forgets to stop its registry ends all the same, quietly, even with a hook that hangs."""
    program = """
import threading, urllib.request
from lazyimg.server.registry import Registry

def hang(request):
    if request.path == "/v2/hang/tags/list":
        threading.Event().wait()

registry = Registry(hook=hang).start()
assert urllib.request.urlopen(registry.url + "/v2/").status == 200
url = registry.url + "/v2/hang/tags/list"
threading.Thread(target=urllib.request.urlopen, args=(url,), daemon=True).start()
while len(registry.requests) < 2:
    pass
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")

"""What registries say besides their answer: warnings, shown once, and rate limits."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from typing import TYPE_CHECKING

import httpx
import pytest
from structlog.testing import capture_logs
from support.http_server import Exchange, HttpServer

import lazyimg as li
from lazyimg.errors import RegistryWarning
from lazyimg.registry.keychains.keychain import StaticKeychain
from lazyimg.registry.transport.notices import RateLimit, read_rate_limit, read_warnings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lazyimg.registry.client import Client
    from lazyimg.registry.transport.wire import RequestRecord


def warning(*texts: str) -> Callable[[Exchange], None]:
    """Answer everything with these warnings, once in one header and once in several."""

    def respond(exchange: Exchange) -> None:
        exchange.answer(200, headers=[("Warning", f'299 - "{text}"') for text in texts])

    return respond


def test_a_warning_is_shown_once_for_each_registry_and_text(client: Callable[..., Client]) -> None:
    """The same text of many answers is one Python warning, which names the registry."""
    with HttpServer(warning("archived", "moves soon")) as one, HttpServer(warning("archived")) as other:
        registries = [client(server.host) for server in (one, other)]
        with pytest.warns(RegistryWarning) as shown:
            [registry.ping() for registry in registries * 2]
        texts = [str(entry.message) for entry in shown]
    assert {entry.filename for entry in shown} == {__file__}  # not at a line of ours
    assert texts == [
        f"{one.host} warns: archived",
        f"{one.host} warns: moves soon",
        f"{other.host} warns: archived",
    ]


def test_a_warning_names_the_line_that_called_the_library(tmp_path: Path) -> None:
    """No line of any of its packages, however many of them stand between."""
    with HttpServer(warning("archived")) as server, pytest.warns(RegistryWarning) as shown:
        li.login(server.host, "me", "s3cret", auth_file=tmp_path / "auth.json")
    assert {entry.filename for entry in shown} == {__file__}


SCRIPT = """
import warnings
from lazyimg.registry import Client
warnings.simplefilter("always")
Client({host!r}).ping()
"""


def test_a_warning_names_the_line_of_a_script(tmp_path: Path) -> None:
    """A script that nobody called is the caller, too: there is no frame above its own."""
    script = tmp_path / "script.py"
    with HttpServer(warning("archived")) as server:
        script.write_text(SCRIPT.format(host=server.host))
        done = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True)
    assert done.stderr.startswith(f"{script}:5: RegistryWarning: ")


def test_a_warning_holds_no_credential_and_no_control_character(client: Callable[..., Client]) -> None:
    """What was sent is masked when it comes back, and nothing can move a terminal's cursor."""

    def respond(exchange: Exchange) -> None:
        sent = exchange.headers.get("Authorization")
        if sent is None:
            exchange.answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        else:
            exchange.answer(200, headers={"Warning": f'299 - "{sent} hunter22\x1b[2J\x85 done"'})

    records: list[RequestRecord] = []
    with HttpServer(respond) as server:
        keychain = StaticKeychain({server.host: ("me", "hunter22")})
        with pytest.warns(RegistryWarning) as shown:
            client(server.host, keychain=keychain, observer=records.append).ping()
    assert [str(entry.message) for entry in shown] == [f"{server.host} warns: *** *** [2J  done"]
    assert records[-1].warnings == ("*** *** [2J  done",)


def test_only_warnings_of_the_specified_form_are_read() -> None:
    """Other codes, agents and forms are left; of a flood only what the specification allows is read."""
    values = ['199 - "misc"', '299 squid "agent"', "299 - bare", '299 - ""', r'299 - "a \"b\"", 299 - "c"']
    headers = httpx.Headers([("Warning", value) for value in values])
    assert read_warnings(headers) == ('a "b"', "c")
    flood = httpx.Headers([("Warning", f'299 - "{number}"') for number in range(1000)])
    assert 0 < len(read_warnings(flood)) < 410  # 4096 bytes, ten each


def test_a_registry_cannot_warn_for_ever(client: Callable[..., Client]) -> None:
    """Of a registry that always finds other words, a hundred are shown."""
    with HttpServer(warning(*(f"{number}" for number in range(150)))) as server:
        with pytest.warns(RegistryWarning) as shown:
            client(server.host).ping()
        assert len(shown) == 100


def test_a_filter_may_make_a_warning_an_error(client: Callable[..., Client]) -> None:
    """The error comes out of the call, and the client works on."""
    with HttpServer(warning("archived")) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        registry = client(server.host)
        with pytest.raises(RegistryWarning, match="archived"):
            registry.ping()
        registry.ping()


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        (
            {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"},
            RateLimit(limit=100, remaining=76, window=21600),
        ),
        ({"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0"}, RateLimit(limit=60, remaining=0)),
        ({"RateLimit-Limit": "10, 10;w=60"}, RateLimit(limit=10, window=60)),
        ({"RateLimit-Limit": "many", "X-Other": "1"}, None),
        ({}, None),
    ],
)
def test_rate_limits_are_read(headers: dict[str, str], limit: RateLimit | None) -> None:
    """In each of the forms that registries use; junk says nothing."""
    assert read_rate_limit(headers) == limit


def test_on_request_is_told_of_every_exchange_of_an_engine() -> None:
    """With the rate limit, from the threads that work; the log has the same."""
    records: list[RequestRecord] = []
    threads: set[str] = set()

    def respond(exchange: Exchange) -> None:
        exchange.answer(404, headers={"ratelimit-remaining": "76;w=21600", "Warning": '299 - "closing"'})

    def observe(record: RequestRecord) -> None:
        records.append(record)
        threads.add(threading.current_thread().name)

    with (
        HttpServer(respond) as server,
        capture_logs() as lines,
        li.Engine(on_request=observe, log=True),
        pytest.warns(RegistryWarning, match="closing"),
        pytest.raises(li.LazyImgError),
    ):
        li.Image.from_registry(f"{server.host}/me/app:1").digest()
    assert records
    assert {record.rate_limit for record in records} == {RateLimit(remaining=76, window=21600)}
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["remaining"], line["warnings"]) for line in requests] == [(76, ("closing",))] * len(records)
    assert threads


def test_an_engine_tells_without_a_log() -> None:
    """``on_request`` alone is enough."""
    records: list[RequestRecord] = []
    with li.Registry() as registry, li.Engine(on_request=records.append):
        li.Image.empty().write(f"{registry.host}/app:1")
    assert [record.method for record in records] == [request.method for request in registry.requests]
    with li.Registry() as registry, li.Engine(log=True), capture_logs() as lines:
        li.Image.empty().write(f"{registry.host}/app:1")
    assert not [line for line in lines if "remaining" in line or "warnings" in line]

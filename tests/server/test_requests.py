"""What the registry remembers of requests, and the hook that holds them back or refuses them."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lazyimg.server.errors import ApiError
from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazyimg.server.request import Request


def shapes(registry: Registry) -> list[tuple[str, str, int | None, int, int]]:
    return [
        (each.method, each.path, each.status, each.bytes_in, each.bytes_out) for each in registry.requests
    ]


def test_requests_are_remembered_in_order_with_their_bytes(registry: Registry, hand: Any) -> None:
    """Method, path, query, status and the bytes of both bodies, complete when the client has the answer."""
    digest = hand.blob("a", b"0123456789")
    hand.http.get(f"/v2/a/blobs/{digest}")
    hand.http.head(f"/v2/a/blobs/{digest}")
    hand.http.get("/v2/a/tags/list", params={"n": "1"})
    assert shapes(registry) == [
        ("POST", "/v2/a/blobs/uploads/", 201, 10, 0),
        ("GET", f"/v2/a/blobs/{digest}", 200, 0, 10),
        ("HEAD", f"/v2/a/blobs/{digest}", 200, 0, 0),
        ("GET", "/v2/a/tags/list", 200, 0, len(b'{"name": "a", "tags": []}')),
    ]
    assert registry.requests[0].query == f"digest={digest.replace(':', '%3A')}"
    assert registry.requests[3].query == "n=1"
    assert registry.requests[0].headers["content-length"] == "10"
    for request in registry.requests:
        assert request.ended is not None
        assert request.ended >= request.arrived


def test_a_registry_remembers_as_many_requests_as_it_is_told() -> None:
    """The latest of them; none, if told so, and it answers all the same."""
    for most, expected in ((2, ["POST", "GET"]), (0, [])):
        with Registry(remember=most) as registry, httpx.Client(base_url=registry.url) as client:
            assert client.get("/v2/").status_code == 200
            assert client.post("/v2/a/blobs/uploads/").status_code == 202
            assert client.get("/v2/").status_code == 200
            assert [request.method for request in registry.requests] == expected


def test_requests_can_be_forgotten(registry: Registry, hand: Any) -> None:
    """`clear` begins a new list; a list taken before stays as it was."""
    hand.begin("a")
    before = registry.requests
    registry.clear()
    assert (len(before), registry.requests) == (1, [])


def test_a_request_has_no_status_while_it_is_held_back(registry: Registry, hand: Any) -> None:
    """The hook may block: that request waits, others are answered, and arrival decides the order."""
    held, release = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        if request.method == "POST":
            held.set()
            release.wait(20)

    registry.hook = hold
    assert registry.hook is hold
    thread = threading.Thread(target=hand.begin, args=("a",))
    thread.start()
    assert held.wait(20)
    assert hand.http.get("/v2/").status_code == 200
    assert [request.status for request in registry.requests] == [None, 200]
    release.set()
    thread.join()
    assert [request.status for request in registry.requests] == [202, 200]


def test_many_requests_can_be_held_back_at_once(hand_of: Any) -> None:
    """A hundred requests that are held back do not use up what answers the others."""
    release, count = threading.Event(), threading.Semaphore(0)

    def hold(request: Request) -> None:
        if request.method == "POST":
            count.release()
            release.wait(30)

    limits = httpx.Limits(max_connections=200)
    with (
        Registry(hook=hold) as registry,
        httpx.Client(base_url=registry.url, timeout=30, limits=limits) as http,
    ):
        threads = [threading.Thread(target=hand_of(http).begin, args=("a",)) for _ in range(100)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert count.acquire(timeout=20)
        assert http.get("/v2/").status_code == 200
        release.set()
        for thread in threads:
            thread.join()


def test_the_hook_sees_the_request_before_its_body(registry: Registry, hand: Any) -> None:
    """When the hook is called nothing of the body was taken in yet."""
    seen = []
    registry.hook = lambda request: seen.append((request.method, request.bytes_in))
    hand.blob("a", b"0123456789")
    assert seen == [("POST", 0)]


@pytest.mark.parametrize(
    "refusal", [(429, "TOOMANYREQUESTS", "slow down"), ApiError(429, "TOOMANYREQUESTS", "slow down")]
)
def test_the_hook_may_refuse(registry: Registry, hand: Any, code: Callable[[Any], str], refusal: Any) -> None:
    """A status, a code and a message that it returns are the answer."""
    registry.hook = lambda _: refusal
    answer = hand.http.post("/v2/a/blobs/uploads/")
    assert (answer.status_code, code(answer)) == (429, "TOOMANYREQUESTS")
    assert answer.json()["errors"][0]["message"] == "slow down"
    registry.hook = None
    hand.begin("a")


def test_a_refusal_may_have_headers(registry: Registry, hand: Any) -> None:
    """`ApiError` carries headers, such as Retry-After."""
    registry.hook = lambda _: ApiError(503, "UNAVAILABLE", "later", headers={"Retry-After": "7"})
    assert hand.http.get("/v2/").headers["retry-after"] == "7"


def test_a_hook_that_raises_answers_500(
    registry: Registry, hand: Any, code: Callable[[Any], str], caplog: pytest.LogCaptureFixture
) -> None:
    """The client gets the words, the log the traceback, and the registry goes on."""

    def fail(_request: Request) -> None:
        raise ValueError("no such luck")

    registry.hook = fail
    answer = hand.http.get("/v2/")
    assert (answer.status_code, code(answer)) == (500, "UNKNOWN")
    assert "no such luck" in answer.json()["errors"][0]["message"]
    assert [record.levelno for record in caplog.records if record.name.startswith("lazyimg")] == [
        logging.ERROR
    ]
    registry.hook = None
    assert hand.http.get("/v2/").status_code == 200


def test_a_hook_may_call_the_registry(registry: Registry, hand: Any) -> None:
    """A hook that itself sends a request is answered."""
    inner = []

    def ask(request: Request) -> None:
        if request.path.endswith("tags/list"):
            inner.append(httpx.get(f"{registry.url}/v2/").status_code)

    registry.hook = ask
    hand.http.get("/v2/a/tags/list")
    assert inner == [200]


def test_the_traffic_is_the_sum_of_the_requests(registry: Registry, hand: Any) -> None:
    """How many of which kind, their bytes, and how many were refused."""
    assert str(registry.traffic()) == "no requests; 0 bytes in, 0 out, 0 refused"
    data = hand.image("a", layers=(b"0123456789",))
    hand.push("a", "v1", data)
    hand.http.get("/nowhere")
    traffic = registry.traffic()
    assert traffic.requests == {"GET other": 1, "POST uploads": 2, "PUT manifest": 1}
    assert (traffic.bytes_in, traffic.refused) == (len(b"{}") + 10 + len(data), 1)
    assert traffic.bytes_out == registry.requests[-1].bytes_out
    assert str(traffic).startswith("1 GET other, 2 POST uploads, 1 PUT manifest; ")

"""Faults on demand: what goes wrong does so in the request, and at the byte, that the script says."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lazyimg.server import connection
from lazyimg.server.faults import (
    Action,
    Delay,
    ExpireTokens,
    Fault,
    Hang,
    LoseUpload,
    Reset,
    Status,
    Truncate,
    WrongDigest,
    rate_limit,
)
from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = bytes(range(256)) * 4000


class Client(http.client.HTTPConnection):
    """A connection of its own, which shows how the other side ended it."""

    def __init__(self, registry: Registry) -> None:
        host, _, port = registry.host.partition(":")
        super().__init__(host, int(port), timeout=20)

    def ask(self, method: str, url: str, body: bytes | None = None) -> http.client.HTTPResponse:
        self.request(method, url, body)
        return self.getresponse()


@pytest.fixture
def client(registry: Registry) -> Iterator[Client]:
    """Return a connection that shows how the other side ended it."""
    opened = Client(registry)
    yield opened
    opened.close()


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def range_of(hand: Any, location: str) -> str:
    return str(hand.http.get(location).headers["range"])


@pytest.mark.parametrize("received", [0, 1, len(DATA) // 2, len(DATA) - 1, len(DATA)])
def test_a_body_is_cut_at_the_byte_that_was_named(registry: Registry, hand: Any, received: int) -> None:
    """The upload holds exactly the bytes that were taken in, and goes on from there."""
    location = hand.begin("a")
    registry.faults.add(Fault(Reset(), "PATCH", received=received))
    with pytest.raises(httpx.TransportError):
        hand.http.patch(location, content=DATA)
    assert registry.requests[-1].bytes_in == received
    assert range_of(hand, location) == f"0-{max(0, received - 1)}"
    headers = {"Content-Range": f"{received}-{len(DATA) - 1}"} if received < len(DATA) else {}
    url = hand.http.patch(location, content=DATA[received:], headers=headers).headers["location"]
    assert hand.http.put(url, params={"digest": hand.digest(DATA)}).status_code == 201


def test_a_reset_is_a_reset(registry: Registry, client: Client) -> None:
    """On arrival nothing was looked at, and the client is told by an RST."""
    registry.faults.add(Fault(Reset()))
    with pytest.raises(ConnectionResetError):
        client.ask("GET", "/v2/")
    assert registry.requests[0].status is None


@pytest.mark.parametrize("sent", [0, 1, len(DATA) - 1])
def test_an_answer_is_reset_at_the_byte_that_was_named(
    registry: Registry, hand: Any, client: Client, sent: int
) -> None:
    """The head and so many bytes of the body leave, then comes the RST."""
    digest = hand.blob("a", DATA)
    registry.faults.add(Fault(Reset(), "GET", "*/blobs/*", sent=sent))
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        client.ask("GET", f"/v2/a/blobs/{digest}").read()
    request = registry.requests[-1]
    assert (request.status, request.bytes_out) == (200, sent)


@pytest.mark.parametrize("sent", [None, 0, 1, len(DATA) - 1])
def test_an_answer_is_truncated(registry: Registry, hand: Any, client: Client, sent: int | None) -> None:
    """What was announced is longer than what comes, and the connection ends in good order."""
    digest = hand.blob("a", DATA)
    registry.faults.add(Fault(Truncate(), "GET", "*/blobs/*", sent=sent))
    answer = client.ask("GET", f"/v2/a/blobs/{digest}")
    assert (answer.status, answer.getheader("content-length")) == (200, str(len(DATA)))
    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    assert cut.value.partial == DATA[: sent or 0]


def test_a_manifest_is_truncated(registry: Registry, hand: Any) -> None:
    """Small answers, which are sent in one piece, are cut as well."""
    hand.push("a", "v1", hand.image("a"))
    registry.faults.add(Fault(Truncate(), "GET", "*/manifests/v1", sent=5))
    with pytest.raises(httpx.RemoteProtocolError):
        hand.pull("a", "v1")
    hand.pull("a", "v1")


@pytest.mark.parametrize("action", [Reset(), Truncate()])
def test_an_answer_is_lost_though_the_request_was_handled(
    registry: Registry, hand: Any, action: Action
) -> None:
    """With `handled` the manifest is there, and the client does not know."""
    data = hand.image("a")
    registry.faults.add(Fault(action, "PUT", "*/manifests/*", handled=True))
    with pytest.raises(httpx.TransportError):
        hand.push("a", "v1", data)
    assert registry.requests[-1].status is None
    assert hand.pull("a", "v1") == data


@pytest.mark.parametrize("where", [{}, {"received": 10}, {"handled": True}, {"sent": 10}])
def test_a_connection_hangs(registry: Registry, hand: Any, where: dict[str, Any]) -> None:
    """Nothing comes any more and nothing is read; others are answered; it ends when the client goes."""
    digest = hand.blob("a", DATA)
    upload = hand.begin("a")
    is_upload = "received" in where
    registry.faults.add(Fault(Hang(), "PATCH" if is_upload else "GET", **where))
    method, url = ("PATCH", upload) if is_upload else ("GET", f"/v2/a/blobs/{digest}")
    with httpx.Client(base_url=registry.url, timeout=0.3) as impatient, pytest.raises(httpx.TimeoutException):
        impatient.request(method, url, content=DATA if is_upload else None)
    assert registry.faults.pending == []
    assert hand.http.get("/v2/").status_code == 200
    serving: Any = registry._serving
    patient = 1 + is_upload  # what was sent and is not read hides that its sender has gone
    until(lambda: len(serving._server.server_state.connections) == patient)


def test_a_connection_hangs_for_a_while(registry: Registry, client: Client) -> None:
    """After its seconds it is reset."""
    registry.faults.add(Fault(Hang(0.1)))
    with pytest.raises(ConnectionResetError):
        client.ask("GET", "/v2/")


def test_a_registry_stops_though_connections_hang(hand_of: Any) -> None:
    """What hangs for ever does not outlive the registry."""
    with Registry() as registry:
        registry.faults.add(Fault(Hang()), Fault(Hang(), received=1))
        url = f"{registry.url}/v2/a/blobs/uploads/?digest={hand_of.digest(DATA)}"
        errors: list[type[Exception]] = []

        def ask(content: bytes) -> None:
            try:
                httpx.post(url, content=content, timeout=30)
            except httpx.TransportError as error:
                errors.append(type(error))

        threads = [threading.Thread(target=ask, args=(DATA,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: not registry.faults.pending)
    for thread in threads:
        thread.join()
    assert len(errors) == 2


@pytest.mark.parametrize("where", [{}, {"received": 10}, {"handled": True}])
@pytest.mark.parametrize(
    ("status", "expected"),
    [(500, "UNKNOWN"), (503, "UNKNOWN"), (429, "TOOMANYREQUESTS"), (401, "UNAUTHORIZED")],
)
def test_a_status_is_answered(
    registry: Registry,
    hand: Any,
    code: Callable[[Any], str],
    where: dict[str, Any],
    status: int,
    expected: str,
) -> None:
    """The answer is the one that was ordered, with the specification's JSON, and the connection goes on."""
    location = hand.begin("a")
    registry.faults.add(Fault(Status(status, headers={"X-Own": "yes"}), "PATCH", **where))
    answer = hand.http.patch(location, content=DATA)
    assert (answer.status_code, code(answer), answer.headers["x-own"]) == (status, expected, "yes")
    held = {"received": 10, "handled": len(DATA)}.get(next(iter(where), ""), 0)
    assert range_of(hand, location) == f"0-{max(0, held - 1)}"


def test_a_refusal_is_put_aside_for_a_status(registry: Registry, hand: Any) -> None:
    """What is answered in place of an answer is answered in place of an error, too."""
    path = "/v2/a/manifests/missing"
    registry.faults.add(Fault(Status(500), "GET", handled=True), Fault(Status(502), "GET", handled=True))
    assert [hand.http.get(path).status_code for _ in range(2)] == [502, 404]


def test_nonsense_behind_an_early_answer_just_ends_the_connection(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """A body that was refused amid it, and goes on with what is no chunk, makes nobody stumble."""
    registry.faults.add(Fault(Status(429), "PATCH"))
    host, _, port = registry.host.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        head = f"PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: {registry.host}\r\n"
        raw.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n".encode())
        assert raw.recv(1 << 16).startswith(b"HTTP/1.1 429")
        raw.sendall(b"no chunk\r\n")
        while raw.recv(1 << 16):
            pass
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_a_status_says_when_to_come_again(registry: Registry, hand: Any) -> None:
    """`Retry-After` in seconds or as a date, and a body of one's own."""
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    registry.faults.add(
        Fault(Status(503, "DENIED", "come again", retry_after=date)),
        Fault(rate_limit(7), times=2),
        Fault(Status(502, body=b"<html>", headers={"Content-Type": "text/html"})),
    )
    answers = [hand.http.get("/v2/") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [503, 429, 429, 502, 200]
    assert [answer.headers.get("retry-after") for answer in answers] == [date, "7", "7", None, None]
    assert answers[0].json()["errors"][0] == {"code": "DENIED", "message": "come again", "detail": None}
    assert (answers[3].content, answers[3].headers["content-type"]) == (b"<html>", "text/html")


@pytest.mark.parametrize("byte", [0, 1000, len(DATA) - 1, len(DATA) + 5])
def test_a_digest_is_wrong(registry: Registry, hand: Any, byte: int) -> None:
    """One bit of one byte of the body is another; the rest, and its length, are right."""
    digest = hand.blob("a", DATA)
    registry.faults.add(Fault(WrongDigest(byte), "GET"))
    answer = hand.http.get(f"/v2/a/blobs/{digest}").content
    at = min(byte, len(DATA) - 1)
    assert answer == DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]
    assert hand.http.get(f"/v2/a/blobs/{digest}").content == DATA


def test_a_digest_is_wrong_where_there_is_no_body(registry: Registry, hand: Any) -> None:
    """Then the header names another digest of the same algorithm."""
    data = hand.image("a")
    registry.faults.add(
        Fault(WrongDigest(), "HEAD"), Fault(WrongDigest(), "PUT"), Fault(WrongDigest(), "POST")
    )
    right = hand.digest(data)
    put = hand.put("a", "v1", data)
    head = hand.http.head("/v2/a/manifests/v1")
    for answer in (put, head):
        wrong = answer.headers["docker-content-digest"]
        assert wrong != right
        assert (len(wrong), wrong[:7]) == (len(right), "sha256:")
    assert hand.http.post("/v2/a/blobs/uploads/").status_code == 202
    assert hand.http.head("/v2/a/manifests/v1").headers["docker-content-digest"] == right


@pytest.mark.parametrize(("received", "status"), [(None, 404), (0, 404), (1000, 404), (len(DATA), 404)])
def test_an_upload_is_lost(registry: Registry, hand: Any, received: int | None, status: int) -> None:
    """The registry forgets it, in the middle of a PATCH as well, and another can be begun."""
    location, other = hand.begin("a"), hand.begin("a")
    registry.faults.add(Fault(LoseUpload(), "PATCH", received=received))
    answer = hand.http.patch(location, content=DATA)
    assert answer.status_code in {status, 202}
    assert hand.http.get(location).status_code == 404
    assert hand.http.get(other).status_code == 204


def test_all_uploads_of_a_repository_are_lost(registry: Registry, hand: Any) -> None:
    """A request that is to no upload loses those of its repository, and of no other."""
    lost, kept = [hand.begin("a"), hand.begin("a")], hand.begin("b")
    registry.faults.add(Fault(LoseUpload(), "GET", "/v2/a/tags/list"))
    hand.http.get("/v2/a/tags/list")
    assert [hand.http.get(location).status_code for location in lost] == [404, 404]
    assert hand.http.get(kept).status_code == 204


@pytest.mark.parametrize("where", [{}, {"received": 10}, {"handled": True}, {"sent": 0}])
def test_a_request_is_delayed(registry: Registry, hand: Any, where: dict[str, Any]) -> None:
    """It waits, and then everything is as it would have been."""
    registry.faults.add(Fault(Delay(0.05), "POST", **where))
    hand.blob("a", DATA)
    request = registry.requests[-1]
    until(lambda: request.ended is not None)
    assert request.ended - request.arrived >= 0.05


def test_tokens_expire(hand_of: Any) -> None:
    """All tokens end, in the middle of an upload as well; a new one goes on with it."""
    with Registry(token=True) as registry, httpx.Client(base_url=registry.url) as http:
        assert registry.tokens is not None
        scope = "repository:a:pull,push"
        http.headers["Authorization"] = f"Bearer {registry.tokens.issue(scope)}"
        location = hand_of(http).begin("a")
        registry.faults.add(Fault(ExpireTokens(), "PATCH", received=1000))
        answer = http.patch(location, content=DATA)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert http.get(location).status_code == 401
        http.headers["Authorization"] = f"Bearer {registry.tokens.issue(scope)}"
        assert http.get(location).headers["range"] == "0-999"
        http.patch(location, content=DATA[1000:])
        assert http.put(location, params={"digest": hand_of.digest(DATA)}).status_code == 201


def test_a_registry_without_tokens_has_none_to_expire(registry: Registry) -> None:
    """The script is refused, not the request."""
    with pytest.raises(ValueError, match="token=True"):
        registry.faults.add(Fault(ExpireTokens()))
    assert registry.faults.pending == []


def test_a_fault_fits_by_method_path_and_query(registry: Registry, hand: Any) -> None:
    """Shell patterns of the method, and of the path with its query."""
    registry.faults.add(
        Fault(Status(500), "P*", "*mount=*"),
        Fault(Status(501), "GET", "/v2/a/*"),
        Fault(Status(502), "DELETE"),
    )
    assert hand.http.get("/v2/b/tags/list").status_code == 404
    assert hand.http.get("/v2/a/tags/list?n=3").status_code == 501
    assert hand.http.post("/v2/a/blobs/uploads/").status_code == 202
    query = {"mount": hand.digest(DATA)}
    assert hand.http.post("/v2/a/blobs/uploads/", params=query).status_code == 500
    assert [fault.action for fault in registry.faults.pending] == [Status(502)]


def test_a_fault_skips_and_repeats(registry: Registry, hand: Any) -> None:
    """`skip` leaves the first alone, `times` is how many it befalls, and None has no end."""
    registry.faults.add(Fault(Status(500), path="/v2/", skip=2, times=3))
    assert [hand.http.get("/v2/").status_code for _ in range(7)] == [200, 200, 500, 500, 500, 200, 200]
    registry.faults.add(Fault(Status(500), path="/v2/", times=None))
    assert {hand.http.get("/v2/").status_code for _ in range(5)} == {500}
    registry.faults.clear()
    assert hand.http.get("/v2/").status_code == 200
    assert registry.faults.befallen == []


def test_faults_of_one_request_come_in_their_order(registry: Registry, hand: Any) -> None:
    """A delay and then a cut at one point, and what befell which request is remembered."""
    first, second = Fault(Delay(0.01), "GET"), Fault(Status(500), "GET")
    registry.faults.add(first, second)
    assert hand.http.get("/v2/").status_code == 500
    assert registry.faults.befallen == [(first, registry.requests[0]), (second, registry.requests[0])]


def test_a_fault_waits_for_a_body_that_comes_so_far(registry: Registry, hand: Any) -> None:
    """A shorter body leaves it waiting, for the next request."""
    registry.faults.add(Fault(Status(500), "POST", received=len(DATA)))
    hand.blob("a", DATA[:-1])
    assert len(registry.faults.pending) == 1
    query = {"digest": hand.digest(DATA)}
    assert hand.http.post("/v2/a/blobs/uploads/", params=query, content=DATA).status_code == 500


def test_two_requests_at_once_share_one_fault(registry: Registry, hand: Any) -> None:
    """Both may be befallen, but only the first to come to the point is."""
    registry.faults.add(
        Fault(Delay(0.2), "POST", received=0, times=2), Fault(Status(500), "POST", received=1)
    )
    statuses: list[int] = []
    query = {"digest": hand.digest(b"{}")}

    def post() -> None:
        statuses.append(
            httpx.post(f"{registry.url}/v2/a/blobs/uploads/", params=query, content=b"{}").status_code
        )

    threads = [threading.Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 500]


def test_a_reset_does_not_wait_for_ever_for_a_client_that_does_not_read(
    registry: Registry, hand: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot leave is dropped after a moment."""
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    digest = hand.blob("a", bytes(64 << 20))
    registry.faults.add(Fault(Reset(), "GET", "*/blobs/*", sent=32 << 20))
    answer = client.ask("GET", f"/v2/a/blobs/{digest}")
    deadline = time.monotonic() + 20
    while registry.faults.pending and time.monotonic() < deadline:
        time.sleep(0.01)
        answer.read(1 << 20) if registry.faults.pending else None
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        answer.read()


@pytest.mark.parametrize(
    ("action", "where", "words"),
    [
        (Reset(), {"received": 1, "sent": 1}, "one point"),
        (Reset(), {"handled": True, "sent": 1}, "one point"),
        (Reset(), {"received": -1}, "0 or more"),
        (Reset(), {"sent": -1}, "0 or more"),
        (Reset(), {"times": 0}, "times=0: give how many requests, 1 or more, or None"),
        (Reset(), {"times": -1}, "1 or more"),
        (Reset(), {"method": "PACTH"}, "method='PACTH': give a method in capitals.* PATCH"),
        (Reset(), {"method": "get"}, "method='get'.*capitals"),
        (Reset(), {"path": "v2/a/manifests/1"}, "begins with a slash"),
        (Reset(), {"path": ""}, "begins with a slash"),
        (Reset(), {"skip": -1}, "0 or more"),
        (Status(500), {"sent": 0}, "too late"),
        (ExpireTokens(), {"sent": 1}, "too late"),
        (WrongDigest(), {"sent": 1}, "WrongDigest"),
        (WrongDigest(), {"received": 1}, "WrongDigest"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(action: Action, where: dict[str, Any], words: str) -> None:
    """At once, when it is written down."""
    with pytest.raises(ValueError, match=words):
        Fault(action, **where)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Fault(Reset), "action=<class.*Reset.*an action that was made, such as Reset"),
        (lambda: Fault("reset"), "action='reset'"),
        (lambda: Fault(Reset(), method=7), "method=7"),
        (lambda: Fault(Reset(), path=b"/v2/"), "path=b'/v2/'"),
        (lambda: Fault(Reset(), times=1.5), "times=1.5"),
        (lambda: Fault(Reset(), times=True), "times=True"),
        (lambda: Fault(Reset(), received="10"), "received='10': give a number of bytes"),
        (lambda: Fault(Reset(), handled=3), "handled=3: give True or False"),
        (lambda: Status("503"), "status='503': give an HTTP status"),
        (lambda: Status(503, 7), "code=7"),
        (lambda: Status(503, message=None), "message=None"),
        (lambda: Status(503, retry_after=1.5), "retry_after=1.5"),
        (lambda: Status(503, headers={"A": 1}), "headers=.*texts of one line"),
        (lambda: Status(503, headers="A: b"), "headers='A: b'"),
        (lambda: Status(503, body="text"), "body='text': give bytes"),
        (lambda: Delay("1"), "seconds='1': give seconds, 0 or more"),
        (lambda: Hang(True), "seconds=True"),  # noqa: FBT003 - that is what is refused
        (lambda: WrongDigest(byte=0.5), "byte=0.5"),
    ],
)
def test_what_is_no_value_of_a_fault_is_refused(make: Callable[[], Any], words: str) -> None:
    """A value of another kind is told at once, with what is wanted."""
    with pytest.raises(TypeError, match=words):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Status(99),
        lambda: Status(101),
        lambda: Status(600),
        lambda: Status(503, headers={"A": "b\r\nC: d"}),
        lambda: Status(503, headers={"A": "\u20ac"}),
        lambda: Status(503, headers={"": "b"}),
        lambda: Delay(-1),
        lambda: Delay(float("nan")),
        lambda: Hang(float("inf")),
        lambda: WrongDigest(byte=-1),
    ],
)
def test_what_no_action_can_do_is_refused(make: Callable[[], Any]) -> None:
    """A status that ends no request, a header of two lines, a time that is none."""
    with pytest.raises(ValueError, match="give "):
        make()


def test_a_fault_that_befell_nothing_fails_who_asks(registry: Registry, hand: Any) -> None:
    """It is named, with the last requests; one that befell some of its requests is no failure."""
    registry.faults.assert_befallen()
    registry.faults.add(Fault(Status(503), "GET", times=None), Fault(Status(503), "HEAD", "/v2/", times=2))
    with pytest.raises(AssertionError, match=r"'GET'.*; .*'HEAD'.*The requests were: none"):
        registry.faults.assert_befallen()
    for _ in range(20):
        hand.http.get("/v2/")
    with pytest.raises(
        AssertionError, match=r"befell no request: Fault\(.*'HEAD'.*were: GET /v2/, "
    ) as error:
        registry.faults.assert_befallen()
    assert "'GET'" not in str(error.value)
    assert str(error.value).count("GET /v2/") == 10
    hand.http.head("/v2/")
    registry.faults.assert_befallen()
    registry.faults.add(Fault(Reset(), "PATCH"))
    registry.faults.clear()
    registry.faults.assert_befallen()


def test_what_is_no_fault_is_refused(registry: Registry) -> None:
    """An action alone does not say where."""
    with pytest.raises(TypeError, match=r"Reset\(\) is no fault"):
        registry.faults.add(Reset())  # type: ignore[arg-type]

"""A registry can send us nowhere it should not, and learns nothing it was not told."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import httpx
import pytest
from support.bodies import ListedBody
from support.guard import ForeignAddress
from support.http_server import Exchange, HttpServer

from lazyimg.errors import RegistryError
from lazyimg.oci.digest import Digest
from lazyimg.registry.client import Client
from lazyimg.registry.keychains.keychain import StaticKeychain
from lazyimg.registry.transport.address import RefusedAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazyimg.registry.transport.wire import RequestRecord
    from lazyimg.registry.uploads.upload import Upload

DATA = b"some data"
DIGEST = Digest.of(DATA)
KEYS = ("me", "s3cret-passw0rd")


# --- seen from outside -----------------------------------------------------------------------------------

REFUSED = r"refused|an address that (is none|cannot be used)"
FORBIDDEN = [
    "http://169.254.169.254/latest",
    "http://[fe80::1]/",
    "http://10.0.0.1/x",
    "https://192.168.0.1/x",
    "ftp://127.0.0.1/x",
    "file:///etc/passwd",
    "http://[::1/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://2852039166/latest",
    "http://0xa9fea9fe/latest",
    "http://0251.0376.0251.0376/latest",
    "http://168.63.129.16/metadata",
    "http://169.254.169.254./",
    "//169.254.169.254/latest",
    "http://me:secret@127.0.0.1/",
    "http://127.0.0.1@169.254.169.254/",
    "http://127.0.0.1\\@169.254.169.254/",
    "http://127.0.0.1%2f@10.0.0.1/",
    "http://[::1]8080/",
    "http://127.0.0.1 .example/",
    "http://\uff11\uff16\uff19.254.169.254/".encode().decode("latin-1"),  # as a header holds it
    "http://127.0.0.1/\x1b[2J",
    "gopher://127.0.0.1/",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_realms_that_are_refused(
    client: Callable[..., Client], address: str, foreign_attempts: list[str]
) -> None:
    """A token realm where no loopback registry may send us is refused before anything is dialled."""
    challenge = {"WWW-Authenticate": f'Bearer realm="{address}"'}
    with HttpServer(lambda exchange: exchange.answer(401, headers=challenge)) as server:
        registry = client(server.host, keychain=StaticKeychain({server.host: KEYS}))
        with pytest.raises(RefusedAddress, match=REFUSED):
            registry.get_manifest("me/app", "v1")
    assert foreign_attempts == []


STATUSES = [(FORBIDDEN[0], status) for status in (301, 302, 303, 307, 308)]


@pytest.mark.parametrize(("address", "status"), [*STATUSES, *((address, 307) for address in FORBIDDEN[1:])])
def test_redirects_that_are_refused(
    client: Callable[..., Client], address: str, status: int, foreign_attempts: list[str]
) -> None:
    """A redirect there is not followed."""
    moved = HttpServer(lambda exchange: exchange.answer(status, headers={"Location": address}))
    with moved as server, pytest.raises(RegistryError, match=REFUSED):
        list(client(server.host).blob("me/app", DIGEST, len(DATA)))
    assert foreign_attempts == []


@pytest.mark.parametrize("address", ["http://xn--a/", "http://xn--a.localhost:1/", "http://xn--\\/"])
def test_names_that_nobody_could_have_encoded(client: Callable[..., Client], address: str) -> None:
    """A host whose name only looks like international letters is an error of ours."""
    moved = HttpServer(lambda exchange: exchange.answer(307, headers={"Location": address}))
    with moved as server, pytest.raises(RegistryError):
        client(server.host).get_manifest("me/app", "v1")


def test_what_is_refused_is_named(client: Callable[..., Client]) -> None:
    """A place that is no host and port is shown, as no user stands before it."""
    moved = HttpServer(lambda exchange: exchange.answer(307, headers={"Location": "http://a b:x/"}))
    with moved as server, pytest.raises(RefusedAddress, match="'a b:x' is no host and port"):
        client(server.host).get_manifest("me/app", "v1")


@pytest.mark.parametrize("address", FORBIDDEN)
def test_locations_that_are_refused(
    client: Callable[..., Client], address: str, foreign_attempts: list[str]
) -> None:
    """An upload is not sent there, and none of its body is read."""
    body = ListedBody(DATA)
    with HttpServer(lambda exchange: exchange.answer(202, headers={"Location": address})) as server:
        registry = client(server.host)
        with pytest.raises(RegistryError, match=REFUSED):
            registry.begin_upload("me/app").send(body)
    assert foreign_attempts == []


def test_guard_sees_what_would_be_dialled(client: Callable[..., Client], foreign_attempts: list[str]) -> None:
    """A public server is followed, as it should be: the guard of these tests is what stops it."""
    with (
        HttpServer(
            lambda exchange: exchange.answer(307, headers={"Location": "https://cdn.example/"})
        ) as server,
        pytest.raises(ForeignAddress),
    ):
        list(client(server.host).blob("me/app", DIGEST, len(DATA)))
    assert foreign_attempts == ["cdn.example"]


LATEST = "http://169.254.169.254/uploads/latest"


class Stepping:
    """A registry that does as it should but for one step, where it names a hostile address."""

    def __init__(self, step: str, status: int, address: str = LATEST) -> None:
        self.step, self.status, self.address = step, status, address
        self.server = HttpServer(self._respond)

    def _respond(self, exchange: Exchange) -> None:
        taken = exchange.read()
        is_status = exchange.method == "GET" and "/uploads/" in exchange.path
        step = "STATUS" if is_status else exchange.method
        if step == self.step:
            held = f"0-{len(DATA) - 1}"
            exchange.answer(self.status, headers={"Location": self.address, "Range": held})
        elif exchange.method == "PATCH" and self.step == "STATUS":
            exchange.answer(503)
        elif exchange.method in {"GET", "HEAD"}:
            exchange.answer(404)
        else:
            here = {"Location": "/v2/me/app/blobs/uploads/1", "Range": f"0-{len(taken) - 1}"}
            exchange.answer(201 if exchange.method == "PUT" else 202, headers=here)


def push(registry: Client) -> None:
    """Push a blob as streams go: POST, PATCH, PUT."""
    upload = registry.begin_upload("me/app")
    upload.send(ListedBody(DATA))
    upload.commit(DIGEST)


STEPS = {
    "POST answers 202": ("POST", 202, push),
    "POST answers 307": ("POST", 307, push),
    "PATCH answers 202": ("PATCH", 202, push),
    "PATCH answers 307": ("PATCH", 307, push),
    "PUT answers 307": ("PUT", 307, push),
    "status answers 204": ("STATUS", 204, push),
    "status answers 302": ("STATUS", 302, push),
    "monolithic PUT": ("PUT", 307, lambda registry: registry.begin_upload("me/app").put(DATA, DIGEST)),
    "mount answers 202": ("POST", 202, lambda registry: _sent(registry.mount("me/app", DIGEST, "other/app"))),
    "GET of a manifest": ("GET", 302, lambda registry: registry.get_manifest("me/app", "v1")),
    "HEAD of a manifest": ("HEAD", 302, lambda registry: registry.head_manifest("me/app", "v1")),
    "PUT of a manifest": ("PUT", 307, lambda registry: registry.put_manifest("me/app", "v1", b"{}", "a/b")),
    "DELETE of a manifest": ("DELETE", 307, lambda registry: registry.delete_manifest("me/app", "v1")),
    "HEAD of a blob": ("HEAD", 307, lambda registry: registry.head_blob("me/app", DIGEST)),
    "tags": ("GET", 307, lambda registry: registry.tags("me/app")),
    "catalog": ("GET", 307, lambda registry: registry.catalog()),
    "referrers": ("GET", 307, lambda registry: registry.referrers("me/app", DIGEST)),
}


def _sent(upload: Upload | None) -> None:
    assert upload is not None
    upload.send(ListedBody(DATA))


@pytest.mark.parametrize(("step", "status", "act"), STEPS.values(), ids=STEPS)
def test_each_step_refuses_to_be_sent_away(
    client: Callable[..., Client],
    step: str,
    status: int,
    act: Callable[[Client], object],
    foreign_attempts: list[str],
) -> None:
    """Wherever in a push or a pull a registry names a link-local address, nothing is dialled there."""
    with Stepping(step, status).server as server:
        with pytest.raises(RegistryError, match=r"refused|answered 307") as raised:
            act(client(server.host, keychain=StaticKeychain({server.host: KEYS})))
        assert raised.value.status in {0, 307}
    assert foreign_attempts == []


def test_cancelling_is_not_sent_away(client: Callable[..., Client], foreign_attempts: list[str]) -> None:
    """A cancel, whose failures are ignored, follows no redirect there either."""
    with Stepping("DELETE", 307).server as server:
        client(server.host).begin_upload("me/app").cancel()
        assert server.log[-1] == "DELETE /v2/me/app/blobs/uploads/1"
    assert foreign_attempts == []


LINKS = [
    "http://169.254.169.254/x",
    "//10.0.0.1/x",
    "http://127.0.0.1:1/x",
    "https://127.0.0.1/x",
    "http://[::1/",
]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("listed", ["tags", "catalog", "referrers"])
def test_pages_elsewhere_are_not_asked_for(
    client: Callable[..., Client], link: str, listed: str, foreign_attempts: list[str]
) -> None:
    """The next page of a list is on the same host and port; another is not followed."""
    bodies = {
        "tags": b'{"tags":["a"]}',
        "catalog": b'{"repositories":["a"]}',
        "referrers": b'{"schemaVersion":2,"manifests":[]}',
    }
    acts: dict[str, Callable[[Client], object]] = {
        "tags": lambda registry: registry.tags("me/app"),
        "catalog": lambda registry: registry.catalog(),
        "referrers": lambda registry: registry.referrers("me/app", DIGEST),
    }

    def respond(exchange: Exchange) -> None:
        exchange.answer(
            200, bodies[listed], {"Link": f'<{link}>; rel="next"', "Content-Type": "application/json"}
        )

    with HttpServer(respond) as server:
        with contextlib.suppress(RegistryError):
            acts[listed](client(server.host))
        assert len(server.log) == 1
    assert foreign_attempts == []


# --- credentials -----------------------------------------------------------------------------------------


def test_redirect_to_another_host_drops_authorization(client: Callable[..., Client]) -> None:
    """Storage elsewhere gets the request without the registry's authorization; the registry keeps it."""

    def store(exchange: Exchange) -> None:
        if exchange.path == "/store/blob":
            exchange.answer(307, headers={"Location": "shelf?sig=2"})
        else:
            exchange.answer(200, DATA)

    storage = HttpServer(store)

    def respond(exchange: Exchange) -> None:
        if exchange.headers["Authorization"] is None:
            exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
        elif exchange.path.startswith("/v2/"):
            exchange.answer(302, b"moved", headers={"Location": "/elsewhere?sig=1"})
        else:
            exchange.answer(307, headers={"Location": f"http://{storage.host}/store/blob?sig=s3cret"})

    with storage, HttpServer(respond) as server:
        keychain = StaticKeychain({server.host: KEYS})
        registry = client(server.host, keychain=keychain)
        assert b"".join(registry.blob("me/app", DIGEST, len(DATA))) == DATA
        sent = [exchange.headers["Authorization"] for exchange in server.exchanges]
        assert [authorization is None for authorization in sent] == [True, False, False]
        assert [exchange.target for exchange in storage.exchanges] == [
            "/store/blob?sig=s3cret",
            "/store/shelf?sig=2",
        ]
        assert {exchange.headers["Authorization"] for exchange in storage.exchanges} == {None}


def test_401_from_elsewhere_is_not_answered(client: Callable[..., Client]) -> None:
    """Storage that asks for credentials gets none."""
    challenge = {"WWW-Authenticate": "Basic realm=x"}
    with HttpServer(lambda exchange: exchange.answer(401, headers=challenge)) as storage:
        address = {"Location": f"http://{storage.host}/"}
        with HttpServer(lambda exchange: exchange.answer(307, headers=address)) as server:
            keychain = StaticKeychain({server.host: KEYS, storage.host: KEYS})
            with pytest.raises(PermissionError):
                list(client(server.host, keychain=keychain).blob("me/app", DIGEST, len(DATA)))
        assert len(storage.exchanges) == 1


def test_location_on_another_host_gets_no_authorization(client: Callable[..., Client]) -> None:
    """An upload may go on elsewhere, without the registry's authorization."""
    seen: list[str | None] = []

    def store(exchange: Exchange) -> None:
        seen.append(exchange.headers["Authorization"])
        exchange.read()
        exchange.answer(201 if exchange.method == "PUT" else 202)

    with HttpServer(store) as storage:

        def respond(exchange: Exchange) -> None:
            if exchange.headers["Authorization"] is None:
                exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
            else:
                exchange.answer(202, headers={"Location": f"http://{storage.host}/upload?sig=1"})

        with HttpServer(respond) as server:
            upload = client(server.host, keychain=StaticKeychain({server.host: KEYS})).begin_upload("me/app")
            upload.send(ListedBody(DATA))
            upload.commit(DIGEST)
    assert seen == [None, None]


def test_redirects_without_end(client: Callable[..., Client]) -> None:
    """A circle of redirects is left."""
    with HttpServer(lambda exchange: exchange.answer(302, headers={"Location": "/again"})) as server:
        with pytest.raises(RegistryError, match="more than 5 redirects"):
            client(server.host).get_manifest("me/app", "v1")
        assert len(server.log) == 5


def test_redirect_after_which_post_is_get(client: Callable[..., Client]) -> None:
    """303 is followed with GET, as HTTP says; a redirect without a place to go is an answer."""

    def respond(exchange: Exchange) -> None:
        if exchange.method == "POST":
            exchange.answer(303, headers={"Location": "/there"})
        else:
            exchange.answer(302)

    with HttpServer(respond) as server:
        with pytest.raises(RegistryError, match="answered 302"):
            client(server.host).begin_upload("me/app")
        assert server.log == ["POST /v2/me/app/blobs/uploads/", "GET /there"]


def test_plain_http_from_an_https_registry(foreign_attempts: list[str]) -> None:
    """A registry that speaks https cannot send us to plain http, not even on itself."""
    places = iter(["http://ghcr.io/v2/", "http://auth.example/token"])

    def respond(request: httpx.Request) -> httpx.Response:
        place = next(places)
        if request.method == "GET":
            return httpx.Response(307, headers={"Location": place})
        return httpx.Response(401, headers={"WWW-Authenticate": f'Bearer realm="{place}"'})

    with Client("ghcr.io", transport=httpx.MockTransport(respond)) as registry:
        with pytest.raises(RefusedAddress, match=r"the redirect at ghcr\.io is refused: plain http"):
            registry.ping()
        with pytest.raises(RefusedAddress, match=r"the token realm at auth\.example is refused: plain http"):
            registry.begin_upload("me/app")
    assert foreign_attempts == []


# --- sizes and shapes ------------------------------------------------------------------------------------


def test_error_body_over_the_limit(client: Callable[..., Client]) -> None:
    """An error of many megabytes is read to the limit of one, and its status still told."""
    records: list[RequestRecord] = []
    verbose = HttpServer(lambda exchange: exchange.answer(403, bytes(30 << 20)))
    with verbose as server, pytest.raises(PermissionError, match="answered 403"):
        client(server.host, observer=records.append).get_manifest("me/app", "v1")
    assert records[0].bytes_received < 2 << 20  # a part more than it may be


def test_error_body_that_breaks_off(client: Callable[..., Client]) -> None:
    """An error whose body is cut is still that error."""

    def respond(exchange: Exchange) -> None:
        exchange.answer(403, b"x", length=1000)
        exchange.cut()

    with HttpServer(respond) as server, pytest.raises(PermissionError, match="answered 403"):
        client(server.host).get_manifest("me/app", "v1")


@pytest.mark.parametrize("answer", [b"junk\r\n\r\n", b"HTTP/1.1 200 OK\r\nX" + b"x" * 200_000, b"\x00" * 100])
def test_what_is_no_http(client: Callable[..., Client], answer: bytes) -> None:
    """Something that does not speak HTTP is said to break the connection; its words are not repeated."""

    def respond(exchange: Exchange) -> None:
        exchange.write(answer)
        exchange.cut()

    with HttpServer(respond) as server, pytest.raises(ConnectionError) as raised:
        client(server.host, retries=0).ping()
    assert "junk" not in str(raised.value)

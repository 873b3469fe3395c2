"""Mirrors: read from first, believed in nothing, and given no credential of the registry's."""

from __future__ import annotations

import base64
import hashlib
import warnings
from typing import TYPE_CHECKING

import pytest
from attrs import define, field
from support.http_server import Exchange, HttpServer
from support.ports import free_port

import lazyimg as li
from lazyimg.errors import (
    ContentMismatch,
    InvalidReference,
    InvalidSetting,
    NotFound,
    RegistryUnreachable,
    RegistryWarning,
)
from lazyimg.oci.digest import Digest
from lazyimg.registry.client import Client
from lazyimg.registry.keychains.keychain import StaticKeychain
from lazyimg.registry.mirrors import Mirror, MirroredClient
from lazyimg.registry.retry import Retries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

DATA = bytes(range(251)) * (12 << 10)  # 3 MiB that repeat at no power of two
DIGEST = Digest.of(DATA)
MANIFEST = b'{"schemaVersion":2}'
NAMED = Digest.of(MANIFEST)
pytestmark = pytest.mark.filterwarnings("ignore::lazyimg.errors.RegistryWarning")
ROOT = "/v2/me/app"
NONE = Retries(count=0)


@define
class Place:
    """A registry or mirror that answers from a table, and can be told to be bad."""

    root: str = ROOT
    answers: dict[str, bytes] = field(factory=dict)
    cut_after: int | None = None
    refuses: int = 0
    asks: bool = False
    server: HttpServer = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the server, not yet started."""
        self.server = HttpServer(self._respond)

    def _respond(self, exchange: Exchange) -> None:
        data = self.answers.get(exchange.path.removeprefix(self.root))
        if self.asks and "Authorization" not in exchange.headers:
            exchange.answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        elif self.refuses or data is None:
            exchange.answer(self.refuses or 404)
        else:
            self._send(exchange, data)

    def _send(self, exchange: Exchange, data: bytes) -> None:
        start = int(exchange.headers.get("Range", "bytes=0-")[6:-1])
        headers = {"Docker-Content-Digest": Digest.of(data), "Content-Type": "application/x"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        rest = data[start:]
        sent = rest if self.cut_after is None else rest[: self.cut_after]
        exchange.answer(206 if start else 200, sent, headers, length=len(rest))
        if len(sent) < len(rest):
            exchange.cut()

    @property
    def log(self) -> list[str]:
        """What it was asked."""
        return self.server.log


def full(root: str = ROOT) -> Place:
    """Make a place that has the blob, and the manifest by tag and by digest."""
    answers = {f"/blobs/{DIGEST}": DATA, "/manifests/1": MANIFEST, f"/manifests/{NAMED}": MANIFEST}
    return Place(root, answers)


@pytest.fixture
def places(_stack: ExitStack) -> list[Place]:
    """Give two mirrors and a registry, all with everything."""
    return [_started(full(), _stack) for _ in range(3)]


def _started(place: Place, stack: ExitStack) -> Place:
    stack.enter_context(place.server)
    return place


@pytest.fixture
def mirrored(places: list[Place]) -> Iterator[MirroredClient]:
    """Give a client of the registry that knows its mirrors."""
    *mirrors, home = places
    known = [Mirror(Client(place.server.host, retries=NONE)) for place in mirrors]
    with MirroredClient(home.server.host, mirrors=known, retries=NONE) as client:
        yield client


def test_what_is_named_by_digest_comes_from_the_first_mirror(
    places: list[Place], mirrored: MirroredClient
) -> None:
    """Nobody else is asked, and the bytes are verified."""
    assert mirrored.get_manifest("me/app", NAMED).data == MANIFEST
    assert b"".join(mirrored.blob("me/app", DIGEST, len(DATA))) == DATA
    assert mirrored.get_blob_bytes("me/app", DIGEST, len(DATA)) == DATA
    assert [len(place.log) for place in places] == [3, 0, 0]


def test_a_tag_is_resolved_by_the_registry(places: list[Place], mirrored: MirroredClient) -> None:
    """A mirror whose tag is old is not believed: it is asked for the digest alone."""
    places[0].answers["/manifests/1"] = b'{"schemaVersion":2,"old":true}'
    assert mirrored.get_manifest("me/app", "1").data == MANIFEST
    assert places[2].log == [f"HEAD {ROOT}/manifests/1"]
    assert places[0].log == [f"GET {ROOT}/manifests/{NAMED}"]


def test_a_registry_without_head_tells_a_tag_all_the_same(
    places: list[Place], mirrored: MirroredClient
) -> None:
    """Where HEAD is not offered, a GET of the tag tells the digest."""
    home = places[2]
    respond = home.server.respond
    home.server.respond = lambda exchange: (
        exchange.answer(405) if exchange.method == "HEAD" else respond(exchange)
    )
    assert mirrored.get_manifest("me/app", "1").digest == NAMED


@pytest.mark.parametrize("status", [404, 403, 429, 500])
def test_a_mirror_that_refuses_is_passed_over(
    places: list[Place], mirrored: MirroredClient, status: int
) -> None:
    """The next one is asked, and at last the registry."""
    for place in places[:2]:
        place.refuses = status
    assert mirrored.get_manifest("me/app", NAMED).data == MANIFEST
    assert b"".join(mirrored.blob("me/app", DIGEST, len(DATA))) == DATA
    assert [len(place.log) for place in places] == [2, 2, 2]


def test_a_mirror_that_fails_is_told_of_once(places: list[Place], mirrored: MirroredClient) -> None:
    """By a warning that names it, at the line of who reads; that it has not got something is no failure."""
    places[0].refuses = 500
    places[1].answers = {}
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        for _ in range(3):
            assert mirrored.get_manifest("me/app", NAMED).data == MANIFEST
    (told,) = shown
    assert f"a mirror is passed over: cannot read the manifest of me/app at {NAMED}" in str(told.message)
    assert places[0].server.host in str(told.message)
    assert told.category is RegistryWarning
    assert told.filename == __file__


def test_a_blob_goes_on_at_the_next_where_a_mirror_broke(
    places: list[Place], mirrored: MirroredClient
) -> None:
    """Each goes on from the last byte that was given out, and the whole is verified."""
    places[0].cut_after, places[1].cut_after = 1 << 20, 1 << 20
    hasher = hashlib.sha256(DATA[:5])
    assert b"".join(mirrored.blob("me/app", DIGEST, len(DATA), 5, hasher=hasher)) == DATA[5:]
    ranges = [place.server.exchanges[0].headers["Range"] for place in places]
    assert ranges[0] == "bytes=5-"
    assert len({*ranges}) == 3


def test_a_blob_from_an_offset_is_checked_for_its_size(places: list[Place], mirrored: MirroredClient) -> None:
    """Without the hash of what is left out nothing more can be said."""
    places[0].cut_after = 1 << 20
    assert b"".join(mirrored.blob("me/app", DIGEST, len(DATA), 7)) == DATA[7:]


def test_a_broken_mirror_is_left_alone_for_a_while(places: list[Place], mirrored: MirroredClient) -> None:
    """After a connection that broke, the others are asked at once."""
    places[0].cut_after = 3
    for _ in range(3):
        assert mirrored.get_manifest("me/app", NAMED).data == MANIFEST
    assert [len(place.log) for place in places] == [1, 3, 0]


def test_a_mirror_that_lies_is_found_out(places: list[Place], mirrored: MirroredClient) -> None:
    """A wrong manifest is read elsewhere; of a wrong blob the last part is never given out."""
    places[0].answers = {f"/manifests/{NAMED}": b"{}", f"/blobs/{DIGEST}": DATA[::-1]}
    assert mirrored.get_manifest("me/app", NAMED).data == MANIFEST
    places[1].answers = places[0].answers
    got = 0
    with pytest.raises(ContentMismatch, match=f"{places[1].server.host} sent bytes"):  # noqa: PT012
        for part in mirrored.blob("me/app", DIGEST, len(DATA)):
            got += len(part)
    assert got < len(DATA)
    assert b"".join(mirrored.blob("me/app", DIGEST, len(DATA))) == DATA


def test_a_mirror_with_another_size_costs_nothing(places: list[Place], mirrored: MirroredClient) -> None:
    """What is wrong before the first byte is read elsewhere."""
    places[0].answers = {f"/blobs/{DIGEST}": b"short"}
    assert b"".join(mirrored.blob("me/app", DIGEST, len(DATA))) == DATA


def test_what_nobody_has_is_the_registrys_refusal(places: list[Place], mirrored: MirroredClient) -> None:
    """The error names the registry, not the last mirror."""
    other = Digest.of(b"other")
    with pytest.raises(NotFound, match=places[2].server.host):
        mirrored.get_manifest("me/app", other)
    with pytest.raises(NotFound, match=places[2].server.host):
        list(mirrored.blob("me/app", other, 5))


def test_each_host_gets_its_own_credentials() -> None:
    """The registry's never reach the mirror, even when the mirror asks."""
    mirror, home = full(), full()
    mirror.asks = home.asks = True
    with mirror.server, home.server:
        keychain = StaticKeychain({home.server.host: ("me", "home-secret"), mirror.server.host: ("me", "m1")})
        with li.Engine(keychain=keychain, mirrors={home.server.host: mirror.server.host}) as engine:
            client = engine.begin().client(li.Reference.parse(f"{home.server.host}/me/app:1"))
            assert client.get_manifest("me/app", "1").data == MANIFEST
        sent = [exchange.headers.get("Authorization", "") for exchange in mirror.server.exchanges]
        assert base64.b64encode(b"me:m1").decode() in sent[-1]
        home_secret = base64.b64encode(b"me:home-secret").decode()
        assert not [value for value in sent if home_secret in value]
        alone = StaticKeychain({home.server.host: ("me", "home-secret")})
        mirror.server.exchanges.clear()
        with li.Engine(keychain=alone, mirrors={home.server.host: [mirror.server.host]}) as engine:
            client = engine.begin().client(li.Reference.parse(f"{home.server.host}/me/app:1"))
            assert client.get_manifest("me/app", "1").data == MANIFEST
        assert [exchange.headers.get("Authorization") for exchange in mirror.server.exchanges] == [None]


def test_an_engine_reads_from_mirrors_and_writes_to_the_registry() -> None:
    """With a prefix; an image whose digest is known is read while the registry is away."""
    with li.Registry() as mirror:
        source = li.Image.empty().append(li.Layer.from_files({"/a": b"a" * 1000}))
        digest = source.write(f"{mirror.host}/proxy/me/app:1").digest
        away = f"127.0.0.1:{free_port()}"
        with li.Engine(mirrors={away: f"{mirror.host}/proxy"}, retries=0), li.Registry() as target:
            image = li.Image.from_registry(f"{away}/me/app@{digest}")
            assert image.write(f"{target.host}/copy:1").digest == digest
            with pytest.raises(RegistryUnreachable):
                source.write(f"{away}/me/app:2")


@pytest.mark.parametrize("name", ["https://mirror.lan", "me:s3cret@mirror.lan", "", "/prefix", "mirror. lan"])
def test_a_mirrors_name_is_checked_when_the_engine_is_made(name: str) -> None:
    """And not repeated: it could hold a password."""
    with pytest.raises(InvalidSetting, match="a mirror is named") as caught:
        li.Engine(mirrors={"docker.io": [name]})
    assert "s3cret" not in str(caught.value)
    with pytest.raises(InvalidReference):
        li.Engine(mirrors={"docker.io": ["nodots"]})

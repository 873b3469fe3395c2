"""Referrers and the catalog: by the registry's own lists, and under the fallback tag where it has none."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from support.http_server import Exchange, HttpServer

from lazyimg.errors import Denied, InvalidDocument, NotFound, RegistryError
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.media_type import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from lazyimg.registry.client import Client
from lazyimg.registry.referrers import fallback_tag
from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.docker_registry import DockerRegistry
    from support.front import Front
    from support.token_server import TokenServer

EMPTY = b"{}"
SUBJECT = Digest.of(b"subject")


@pytest.fixture
def embedded() -> Iterator[str]:
    """Give the address of an embedded registry, which has the referrers API."""
    with Registry() as registry:
        yield registry.host


@pytest.fixture(params=["embedded", "docker_registry"])
def host(request: pytest.FixtureRequest) -> str:
    """Give the address of a registry with the API, and of one without."""
    found = request.getfixturevalue(request.param)
    return found if isinstance(found, str) else found.host


def artifact(client: Client, repository: str, kind: str, subject: Digest = SUBJECT) -> tuple[bytes, Digest]:
    """Push an artifact that refers to the subject, and give its bytes and digest."""
    client.begin_upload(repository).put(EMPTY, Digest.of(EMPTY))
    config = Descriptor(media_type=OCI_EMPTY, digest=Digest.of(EMPTY), size=2)
    named = Descriptor(media_type=OCI_MANIFEST, digest=subject, size=7)
    manifest = Manifest.new(config=config).with_subject(named).with_artifact_type(kind)
    data = manifest.with_annotations({"kind": kind}).to_bytes()
    return data, client.put_manifest(repository, Digest.of(data), data, OCI_MANIFEST)


def test_referrers_of_either_kind_of_registry(host: str, repository: str) -> None:
    """What refers to a manifest that need not exist is listed, annotations pulled up, and filtered."""
    with Client(host) as client:
        assert client.referrers(repository, SUBJECT) == []
        (data, one), (_, two) = (artifact(client, repository, kind) for kind in ("a/one", "a/two"))
        artifact(client, repository, "a/other", Digest.of(b"another subject"))
        found = {entry.digest: entry for entry in client.referrers(repository, SUBJECT)}
        assert set(found) == {one, two}
        assert (found[one].size, found[one].artifact_type) == (len(data), "a/one")
        assert found[one].annotations == {"kind": "a/one"}
        assert [entry.digest for entry in client.referrers(repository, SUBJECT, "a/two")] == [two]
        assert client.referrers(repository, SUBJECT, "a/none") == []


def test_the_fallback_tag_is_left_alone_where_the_registry_lists(embedded: str, repository: str) -> None:
    """A registry that answers with ``OCI-Subject`` needs no tag."""
    with Client(embedded) as client:
        artifact(client, repository, "a/one")
        with pytest.raises(NotFound):
            client.get_manifest(repository, fallback_tag(SUBJECT))


def test_entries_of_others_are_kept_and_taken_out_one_by_one(
    docker_registry: DockerRegistry, repository: str
) -> None:
    """The index under the fallback tag is merged with; who is deleted leaves it, and leaves the others."""
    with Client(docker_registry.host) as client:
        other = Descriptor(
            media_type=OCI_MANIFEST, digest=artifact(client, repository, "a/x", Digest.of(b"x"))[1], size=3
        )
        client.put_manifest(
            repository, fallback_tag(SUBJECT), Index.new(manifests=[other]).to_bytes(), OCI_INDEX
        )
        data, one = artifact(client, repository, "a/one")
        assert [entry.digest for entry in client.referrers(repository, SUBJECT)] == [other.digest, one]
        client.put_manifest(repository, Digest.of(data), data, OCI_MANIFEST)
        assert len(client.referrers(repository, SUBJECT)) == 2
        client.delete_manifest(repository, one)
        assert [entry.digest for entry in client.referrers(repository, SUBJECT)] == [other.digest]
        with pytest.raises(NotFound):
            client.delete_manifest(repository, one)
        client.delete_manifest(repository, other.digest)  # lists another subject, as it refers to one
        assert [entry.digest for entry in client.referrers(repository, SUBJECT)] == [other.digest]


def test_deleting_where_the_registry_lists(embedded: str, repository: str) -> None:
    """A registry with the referrers API takes out what is deleted itself, and gets no tag."""
    with Client(embedded) as client:
        _, one = artifact(client, repository, "a/one")
        client.delete_manifest(repository, one)
        assert client.referrers(repository, SUBJECT) == []
        with pytest.raises(NotFound):
            client.get_manifest(repository, fallback_tag(SUBJECT))


def test_deleting_what_cannot_be_read(
    docker_registry: DockerRegistry, front: Callable[[str], Front], repository: str
) -> None:
    """Who may not read a manifest, or whose registry has it broken, may still delete it."""
    proxy = front(docker_registry.host)
    for status, body in ((403, b""), (200, b"broken")):
        with Client(docker_registry.host) as client:
            _, one = artifact(client, repository, "a/one")

        def answer(exchange: Exchange, status: int = status, body: bytes = body) -> bool:
            if exchange.method == "GET":
                exchange.answer(status, body)
            return exchange.method == "GET"

        proxy.intercept = answer
        with Client(proxy.host) as client:
            client.delete_manifest(repository, one)
        with Client(docker_registry.host) as client, pytest.raises(NotFound):
            client.get_manifest(repository, one)


def test_unlisting_that_is_refused(
    docker_registry: DockerRegistry, front: Callable[[str], Front], repository: str
) -> None:
    """What came of the deletion itself is said, too."""
    proxy = front(docker_registry.host)
    with Client(docker_registry.host) as client:
        _, one = artifact(client, repository, "a/one")

    def answer(exchange: Exchange) -> bool:
        if is_refused := fallback_tag(SUBJECT) in exchange.path:
            exchange.answer(403)
        return is_refused

    proxy.intercept = answer
    with Client(proxy.host) as client, pytest.raises(Denied) as caught:
        client.delete_manifest(repository, one)
    assert caught.value.__notes__ == [f"{one} is deleted, but may still be listed as a referrer of {SUBJECT}"]
    with Client(docker_registry.host) as client, pytest.raises(NotFound):
        client.get_manifest(repository, one)


def test_an_index_can_refer_too(docker_registry: DockerRegistry, repository: str) -> None:
    """An index with a subject is listed, without an artifact type if it has none."""
    subject = Descriptor(media_type=OCI_MANIFEST, digest=SUBJECT, size=7)
    data = Index.new().with_subject(subject).to_bytes()
    with Client(docker_registry.host) as client:
        digest = client.put_manifest(repository, "1", data, OCI_INDEX)
        assert [(e.digest, e.artifact_type) for e in client.referrers(repository, SUBJECT)] == [
            (digest, None)
        ]


def test_writers_at_once_all_stand_in_the_end(docker_registry: DockerRegistry, repository: str) -> None:
    """The index is read again after each writing: four who write at once find each other's entries."""
    with Client(docker_registry.host) as client:
        artifact(client, repository, "a/first", Digest.of(b"x"))
        done: list[Digest] = []
        threads = [
            threading.Thread(target=lambda n=n: done.append(artifact(client, repository, f"a/{n}")[1]))
            for n in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(done) == 3
        for digest in done:  # not atomic: an entry lost to a last race is put back by writing again
            data = client.get_manifest(repository, digest).data
            client.put_manifest(repository, digest, data, OCI_MANIFEST)
        assert {entry.digest for entry in client.referrers(repository, SUBJECT)} == set(done)


def test_an_entry_that_is_always_undone_is_an_error(
    docker_registry: DockerRegistry, front: Callable[[str], Front], repository: str
) -> None:
    """Others who keep replacing the tag end in an error that says what is there."""
    proxy = front(docker_registry.host)
    tag = fallback_tag(SUBJECT)

    def lose(exchange: Exchange) -> bool:
        if exchange.method == "PUT" and exchange.target.endswith(tag):
            exchange.read()
            exchange.answer(201, b"")
            return True
        return False

    proxy.intercept = lose
    with Client(proxy.host) as client, pytest.raises(RegistryError, match="kept replacing the tag sha256-"):
        artifact(client, repository, "a/one")


def test_an_entry_that_was_undone_is_put_back(
    docker_registry: DockerRegistry, front: Callable[[str], Front], repository: str
) -> None:
    """Where somebody else's index took the place of ours, it is read again and ours is added to theirs."""
    proxy = front(docker_registry.host)
    tag = fallback_tag(SUBJECT)
    with Client(proxy.host) as client, Client(docker_registry.host) as direct:
        _, theirs = artifact(direct, repository, "a/x", Digest.of(b"x"))
        other = Descriptor(media_type=OCI_MANIFEST, digest=theirs, size=3)
        index = Index.new(manifests=[other]).to_bytes()
        undone = iter([True])

        def undo(exchange: Exchange) -> bool:
            if exchange.method == "PUT" and exchange.target.endswith(tag) and next(undone, False):
                exchange.read()
                direct.put_manifest(repository, tag, index, OCI_INDEX)
                exchange.answer(201, b"")
                return True
            return False

        proxy.intercept = undo
        _, ours = artifact(client, repository, "a/one")
        assert [entry.digest for entry in client.referrers(repository, SUBJECT)] == [theirs, ours]


def test_the_type_of_an_image_is_that_of_its_config(host: str, repository: str) -> None:
    """An image without an artifact type is listed, and found, by the media type of its config."""
    with Client(host) as client:
        client.begin_upload(repository).put(EMPTY, Digest.of(EMPTY))
        config = Descriptor(media_type="a/config", digest=Digest.of(EMPTY), size=2)
        named = Descriptor(media_type=OCI_MANIFEST, digest=SUBJECT, size=7)
        data = Manifest.new(config=config).with_subject(named).to_bytes()
        digest = client.put_manifest(repository, Digest.of(data), data, OCI_MANIFEST)
        for kind in (None, "a/config"):
            [entry] = client.referrers(repository, SUBJECT, kind)
            assert (entry.digest, entry.artifact_type) == (digest, "a/config")


def test_something_else_under_the_fallback_tag_counts_as_nothing(
    docker_registry: DockerRegistry, repository: str
) -> None:
    """A tag of that name that is an image lists no referrers."""
    with Client(docker_registry.host) as client:
        data, _ = artifact(client, repository, "a/x", Digest.of(b"x"))
        client.put_manifest(repository, fallback_tag(SUBJECT), data, OCI_MANIFEST)
        assert client.referrers(repository, SUBJECT) == []


def test_a_refusal_is_no_missing_api(
    docker_registry: DockerRegistry, front: Callable[[str], Front], repository: str
) -> None:
    """A 403 to the list of referrers is an error, not an empty list; the fallback tag is not looked at."""
    proxy = front(docker_registry.host)
    asked: list[str] = []

    def refuse(exchange: Exchange) -> bool:
        asked.append(exchange.path)
        is_list = "/referrers/" in exchange.path
        if is_list:
            exchange.answer(403, b"")
        return is_list

    proxy.intercept = refuse
    with Client(proxy.host) as client, pytest.raises(RegistryError, match="403"):
        client.referrers(repository, SUBJECT)
    assert asked == [f"/v2/{repository}/referrers/{SUBJECT}"]


def test_the_catalog_lists_repositories(host: str, repository: str) -> None:
    """Repositories are listed, all pages of them."""
    with Client(host) as client:
        artifact(client, repository, "a/x")
        assert repository in client.catalog()


def test_the_catalog_wants_a_scope_of_its_own(
    token_registry: DockerRegistry, token_server: TokenServer
) -> None:
    """Under token authentication the scope ``registry:catalog:*`` is asked for."""
    with Client(token_registry.host) as client:
        client.catalog()
    assert token_server.asked == [["registry:catalog:*"]]


def test_pages_of_referrers(embedded: str, front: Callable[[str], Front], repository: str) -> None:
    """A list in pages is read to its end, filtered here where the registry did not."""
    proxy = front(embedded)
    entries = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": str(Digest.of(b"%d" % n)),
            "size": 1,
            "artifactType": f"a/{n % 2}",
        }
        for n in range(4)
    ]

    def answer(exchange: Exchange) -> bool:
        start = int(exchange.target.partition("last=")[2] or 0)
        page = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries[start : start + 3]}
        path = exchange.target.partition("?")[0]
        headers = {"Content-Type": OCI_INDEX}
        if start == 0:
            headers["Link"] = f'<{path}?last=3>; rel="next"'
        exchange.answer(200, json.dumps(page).encode(), headers)
        return True

    proxy.intercept = answer
    with Client(proxy.host) as client:
        assert len(client.referrers(repository, SUBJECT)) == 4
        assert len(client.referrers(repository, SUBJECT, "a/1")) == 2


@pytest.mark.parametrize("body", [b"junk", b"null", b'{"manifests":[{"digest":"sha256:../x"}]}'])
def test_what_is_no_list_under_the_fallback_tag_is_named(client: Callable[..., Client], body: bytes) -> None:
    """It is not the manifest of whoever lists or adds one that is wrong."""

    def respond(exchange: Exchange) -> None:
        status = 404 if "/referrers/" in exchange.path else 200
        exchange.answer(status, body, {"Content-Type": OCI_INDEX})

    words = f"cannot read the tag {fallback_tag(SUBJECT)} of me/app"
    with HttpServer(respond) as server, pytest.raises(InvalidDocument, match=words):
        client(server.host).referrers("me/app", SUBJECT)


@pytest.mark.parametrize("data", [b'{"of":"the \\"subject\\""}', b'"subject"'])
def test_what_a_registry_took_and_we_cannot_read_is_there(client: Callable[..., Client], data: bytes) -> None:
    """A word in it does not make an error of what was written."""
    with HttpServer(lambda exchange: exchange.answer(201)) as server:
        put = client(server.host).put_manifest("me/app", "v1", data, "application/vnd.other+json")
        assert put == Digest.of(data)
        assert server.log == ["PUT /v2/me/app/manifests/v1"]

"""Images made to be two things at once, to lie in one another without end, or to lead elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.http_server import Exchange, HttpServer
from support.layers import file, layer

import lazyimg as li
from lazyimg.errors import BlobNotFound, InvalidDocument, InvalidImage, LazyImgError
from lazyimg.oci.digest import Digest
from lazyimg.oci.media_type import (
    DOCKER_FOREIGN_LAYER,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_NONDISTRIBUTABLE,
    OCI_MANIFEST,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

BLOB = layer(file("a", b"b"))
CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [Digest.of(BLOB)]}}
).encode()


def described(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """Give the descriptor of some bytes."""
    return {"mediaType": media_type, "digest": Digest.of(data), "size": len(data), **more}


def manifest(**more: Any) -> dict[str, Any]:
    """Give the manifest of an image."""
    layers = [described(BLOB, OCI_LAYER)]
    return {"schemaVersion": 2, "config": described(CONFIG, OCI_CONFIG), "layers": layers, **more}


class Serving:
    """A registry of documents, each with the media type that it says; what nobody has is the last of them.

    Args:
        documents: with their media types; a tag names the last.
    """

    def __init__(self, *documents: tuple[bytes, str]) -> None:
        self._tagged = documents[-1]
        self._documents = {Digest.of(data): (data, media_type) for data, media_type in documents}
        self._blobs = {Digest.of(data): data for data in (BLOB, CONFIG)}
        self.server = HttpServer(self._respond)

    def _respond(self, exchange: Exchange) -> None:
        name = exchange.path.rpartition("/")[2]
        if "/manifests/" in exchange.path:
            data, media_type = self._documents.get(name, self._tagged)
            exchange.answer(200, data, {"Content-Type": media_type, "Docker-Content-Digest": Digest.of(data)})
        elif name in self._blobs:
            exchange.answer(200, self._blobs[name])
        else:
            exchange.answer(404)


@pytest.fixture(autouse=True)
def _engine() -> Iterator[None]:
    with li.Engine():
        yield


# --- two things at once (CVE-2021-41190) -----------------------------------------------------------------


BOTH: dict[str, tuple[Mapping[str, Any], str]] = {
    "image and index": (manifest(manifests=[]), OCI_MANIFEST),
    "index and image": (manifest(manifests=[]), OCI_INDEX),
    "index with a config": ({"schemaVersion": 2, "manifests": [], "config": {}}, OCI_INDEX),
    "index with layers": ({"schemaVersion": 2, "manifests": [], "layers": []}, OCI_INDEX),
    "says image, sent as index": (manifest(mediaType=OCI_MANIFEST), OCI_INDEX),
    "says index, sent as image": (
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []},
        OCI_MANIFEST,
    ),
    "says index, holds an image": (manifest(mediaType=OCI_INDEX), OCI_INDEX),
    "says Docker's, sent as OCI's": (manifest(mediaType=DOCKER_MANIFEST), OCI_MANIFEST),
    "says Docker's list, sent as OCI's": (
        {"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": []},
        OCI_INDEX,
    ),
    "schema 1": ({"schemaVersion": 1, "name": "a", "fsLayers": []}, OCI_MANIFEST),
}


@pytest.mark.parametrize("what", BOTH)
def test_documents_that_are_two_things(what: str, tmp_path: Path) -> None:
    """They are refused before a layer is looked at, whichever of the two is asked for."""
    document, media_type = BOTH[what]
    with Serving((json.dumps(document).encode(), media_type)).server as server:
        for read in (li.Image.from_registry, li.Index.from_registry):
            with pytest.raises(LazyImgError):
                read(f"{server.host}/me/app:1").write(li.OCILayout(tmp_path))
        assert not [line for line in server.log if "/blobs/" in line]


def test_two_keys_are_one_document_too_many() -> None:
    """Of a key given twice other readers take the first or the last: the document is refused."""
    text = json.dumps(manifest())
    twice = text[:-1] + ', "layers": []}'
    with (
        Serving((twice.encode(), OCI_MANIFEST)).server as server,
        pytest.raises(InvalidDocument, match="twice"),
    ):
        li.Image.from_registry(f"{server.host}/me/app:1").manifest()


def test_a_child_that_is_not_what_its_index_says(tmp_path: Path) -> None:
    """An index that calls an image an index, or lies about its size, is refused when the child is read."""
    child = json.dumps(manifest()).encode()
    for lie in (described(child, OCI_INDEX), {**described(child, OCI_MANIFEST), "size": len(child) + 1}):
        index = json.dumps({"schemaVersion": 2, "manifests": [lie]}).encode()
        serving = Serving((child, OCI_MANIFEST), (index, OCI_INDEX)).server
        with serving as server, pytest.raises(LazyImgError):
            li.Index.from_registry(f"{server.host}/me/app:1").write(li.OCILayout(tmp_path))


# --- one in another without end --------------------------------------------------------------------------


def nested(depth: int) -> list[tuple[bytes, str]]:
    """Give an image, and indexes each of which holds the one before."""
    documents = [(json.dumps(manifest()).encode(), OCI_MANIFEST)]
    for _ in range(depth):
        inner = described(*documents[-1], platform={"os": "linux", "architecture": "amd64"})
        documents.append((json.dumps({"schemaVersion": 2, "manifests": [inner]}).encode(), OCI_INDEX))
    return documents


ACTS: dict[str, Callable[[str, Path], object]] = {
    "image": lambda name, _: li.Image.from_registry(name, platform="linux/amd64").digest(),
    "map": lambda name, _: (
        li.Index.from_registry(name).map(lambda image: image.annotate({"a": "b"})).digest()
    ),
    "write": lambda name, path: li.Index.from_registry(name).write(li.OCILayout(path / "out")),
}


@pytest.mark.parametrize("act", ACTS)
def test_indexes_in_one_another(act: str, tmp_path: Path) -> None:
    """A few are read; of many the reader is tired before the registry is."""
    with Serving(*nested(4)).server as server:
        ACTS[act](f"{server.host}/me/app:1", tmp_path)
    with Serving(*nested(400)).server as server:
        with pytest.raises(InvalidImage, match="over 32 deep"):
            ACTS[act](f"{server.host}/me/app:1", tmp_path / "deep")
        assert len(server.log) < 80


def test_indexes_in_one_another_in_a_layout(tmp_path: Path) -> None:
    """A directory has the same end, though all of them lie in it."""
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    documents = nested(40)
    for data in (BLOB, CONFIG, *(data for data, _ in documents)):
        (blobs / Digest.of(data).encoded).write_bytes(data)
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    entry = described(*documents[-1])
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    with pytest.raises(InvalidImage, match="over 32 deep"):
        li.Image.from_layout(tmp_path, platform="linux/amd64").digest()


def test_validating_indexes_in_one_another() -> None:
    """What is too deep is found to be wrong."""
    with Serving(*nested(400)).server as server:
        report = li.Index.from_registry(f"{server.host}/me/app:1").validate()
    assert not report.is_valid
    assert "over 32 deep" in str(report)


# --- in pieces -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1, 2, 5, 11])
def test_a_layer_means_the_same_however_its_pieces_fall(first: int) -> None:
    """A registry that sends a byte, and after a while the rest, does not decide what is in a layer."""
    blob = gzip.compress(BLOB, mtime=0)
    document = json.dumps(manifest(layers=[described(blob, OCI_LAYER_GZIP)])).encode()

    def respond(exchange: Exchange) -> None:
        name = exchange.path.rpartition("/")[2]
        if "/manifests/" in exchange.path:
            exchange.answer(200, document, {"Content-Type": OCI_MANIFEST})
        elif name == Digest.of(CONFIG):
            exchange.answer(200, CONFIG)
        else:
            exchange.answer(200, blob[:first], length=len(blob))
            time.sleep(0.1)
            exchange.write(blob[first:])

    with HttpServer(respond) as server:
        image = li.Image.from_registry(f"{server.host}/me/app:1")
        assert image.validate().is_valid
        with image.files() as files:
            assert files["/a"].read() == b"b"


# --- elsewhere (ContainerDrip, CVE-2020-15157) -----------------------------------------------------------


@pytest.mark.parametrize("media_type", [DOCKER_FOREIGN_LAYER, OCI_LAYER_NONDISTRIBUTABLE, OCI_LAYER])
@pytest.mark.parametrize(
    "place", ["{0}", "http://169.254.169.254/latest", "http://10.0.0.1/x", "file:///etc/passwd"]
)
def test_urls_of_layers_are_never_followed(
    media_type: str, place: str, foreign_attempts: list[str], tmp_path: Path
) -> None:
    """Whoever wrote the manifest could name any server: none is asked, with or without credentials."""
    with HttpServer(lambda exchange: exchange.answer(200, b"layer")) as elsewhere:
        url = place.format(f"http://{elsewhere.host}/layer")
        foreign = described(b"layer", media_type, urls=[url])
        document = json.dumps(manifest(layers=[foreign])).encode()
        with Serving((document, OCI_MANIFEST)).server as server:
            image = li.Image.from_registry(f"{server.host}/me/app:1")
            keys = li.StaticKeychain({server.host: ("me", "s3cret"), elsewhere.host: ("me", "s3cret")})
            with li.Engine(keychain=keys):
                image.validate()
                for act in (image.files, image.flatten().digest, image.layers()[0].files):
                    with pytest.raises((BlobNotFound, LookupError)):
                        act()
                if media_type == OCI_LAYER:
                    with pytest.raises(LookupError):
                        image.write(li.OCILayout(tmp_path))
                else:
                    image.write(li.OCILayout(tmp_path))
        assert elsewhere.log == []
    assert foreign_attempts == []


# --- recipes ---------------------------------------------------------------------------------------------


class Evil:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("owned",)


def test_documents_run_no_code(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing that comes from elsewhere is unpickled: no manifest, no layer, no archive."""
    evil = pickle.dumps(Evil())
    for media_type in (OCI_MANIFEST, OCI_INDEX, "application/python-pickle"):
        with Serving((evil, media_type)).server as server, pytest.raises(InvalidDocument):
            li.Image.from_registry(f"{server.host}/me/app:1").manifest()
    path = tmp_path / "a.tar"
    path.write_bytes(evil)
    with pytest.raises(LazyImgError):
        li.Image.from_archive(path).manifest()
    with pytest.raises(LazyImgError):
        li.Image.empty().append(li.Layer.from_blob(path)).flatten().digest()
    assert capsys.readouterr().out == ""


def test_a_pickled_recipe_names_our_own_classes_alone() -> None:
    """What we pickle for ourselves can be read by an unpickler that knows lazyimg, attrs and plain values."""

    class Careful(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            assert module.partition(".")[0] in {"lazyimg", "pathlib", "builtins", "datetime", "copyreg"}, (
                module
            )
            assert module != "builtins" or name in {"frozenset", "set", "getattr", "object"}, name
            return super().find_class(module, name)

    image = li.Image.from_registry("ghcr.io/me/app:1").configure(env={"A": "b"}).annotate({"a": "b"})
    read = Careful(io.BytesIO(pickle.dumps(image))).load()
    assert read == image
    with pytest.raises(AssertionError, match=r"builtins|print"):
        Careful(io.BytesIO(pickle.dumps(Evil()))).load()

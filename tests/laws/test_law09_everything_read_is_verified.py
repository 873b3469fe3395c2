"""Law 9: what is fetched is checked while it streams; a mismatch ends the write before a manifest."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from laws.readers import noise, sha256, tar_of
from laws.talk import begun_and_cancelled, is_manifest_put

import lazyimg as li
from lazyimg.errors import ContentMismatch
from lazyimg.oci.media_type import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.front import Front
    from support.http_server import Exchange

LAYER = noise(3 << 20)
CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [sha256(b"tar")]}}
).encode()
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": sha256(CONFIG), "size": len(CONFIG)},
        "layers": [{"mediaType": OCI_LAYER_GZIP, "digest": sha256(LAYER), "size": len(LAYER)}],
    }
).encode()


@pytest.fixture
def source(registry: li.Registry) -> li.Registry:
    """Give a registry with one image, ``base:1``, and an index of it, ``index:1``."""
    with li.registry.Client(registry.host) as client:
        for blob in (LAYER, CONFIG):
            client.begin_upload("base").put(blob, sha256(blob), len(blob))
        client.put_manifest("base", "1", MANIFEST, OCI_MANIFEST)
    return registry


class Lying:
    """A front that gives other bytes for one path, with headers that do not betray it.

    Args:
        front: the proxy in front of the true registry.
        part: a part of the path that is lied about.
        data: what is answered there.
        length: what is announced, if not the length of that.
    """

    def __init__(self, front: Front, part: str, data: bytes, length: int | None = None) -> None:
        self.host = front.host
        self.told = 0
        self._part, self._data, self._length = part, data, length
        front.intercept = self._answer

    def _answer(self, exchange: Exchange) -> bool:
        if self._part not in exchange.path or exchange.method != "GET":
            return False
        self.told += 1
        kind = OCI_MANIFEST if "/manifests/" in exchange.path else "application/octet-stream"
        exchange.answer(200, self._data, {"Content-Type": kind}, length=self._length)
        return True


def flipped(data: bytes, at: int = -1) -> bytes:
    """Return the same with one bit turned."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


ELSEWHERE = pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(flipped(LAYER), id="its last bit"),
        pytest.param(flipped(LAYER, 0), id="its first bit"),
        pytest.param(LAYER[:-1], id="too short"),
        pytest.param(LAYER + b"x", id="too long"),
        pytest.param(b"", id="nothing"),
    ],
)


@ELSEWHERE
def test_a_layer_that_is_not_itself_is_refused_on_its_way_to_a_registry(
    source: li.Registry, new_registry: Any, front: Callable[[str], Front], wrong: bytes
) -> None:
    """The copy ends as ContentMismatch; the target gets no manifest, no such blob, and its upload back."""
    target = new_registry()
    liar = Lying(front(source.host), sha256(LAYER), wrong)

    with pytest.raises(ContentMismatch, match=sha256(LAYER)):
        li.Image.from_registry(f"{liar.host}/base:1").annotate({"a": "b"}).write(f"{target.host}/app:1")

    assert liar.told >= 1
    assert not any(is_manifest_put(request) for request in target.requests)
    begun, cancelled = begun_and_cancelled(target)
    assert 1 <= cancelled <= begun
    with li.registry.Client(target.host) as client:
        assert client.head_blob("app", sha256(LAYER)) is None
        assert client.head_blob("app", sha256(wrong)) is None


@ELSEWHERE
def test_a_layer_that_is_not_itself_leaves_no_file_in_a_layout(
    source: li.Registry, front: Callable[[str], Front], wrong: bytes, tmp_path: Path
) -> None:
    """Nothing under the layer's name, nothing temporary, no index."""
    liar = Lying(front(source.host), sha256(LAYER), wrong)

    with pytest.raises(ContentMismatch):
        li.Image.from_registry(f"{liar.host}/base:1").write(li.OCILayout(tmp_path / "out", tag="v1"))

    assert not (tmp_path / "out/index.json").exists()
    files = {path.name for path in (tmp_path / "out/blobs").rglob("*") if path.is_file()}
    assert files <= {sha256(CONFIG).partition(":")[2]}


def test_a_lie_about_one_target_moves_nothing_at_another(
    source: li.Registry, new_registry: Any, front: Callable[[str], Front], tmp_path: Path
) -> None:
    """A registry that has the layer already is not given the manifest either."""
    target = new_registry()
    with li.registry.Client(target.host) as client:
        client.begin_upload("app").put(LAYER, sha256(LAYER), len(LAYER))
    liar = Lying(front(source.host), sha256(LAYER), flipped(LAYER))

    with pytest.raises(ContentMismatch):
        li.Image.from_registry(f"{liar.host}/base:1").write(
            f"{target.host}/app:1", li.OCILayout(tmp_path / "out", tag="v1")
        )

    assert not any(is_manifest_put(request) for request in target.requests)


def test_a_config_that_is_not_itself_is_not_edited(
    source: li.Registry, new_registry: Any, front: Callable[[str], Front]
) -> None:
    """Another architecture of the same length is found out before anything is made of it."""
    target = new_registry()
    liar = Lying(front(source.host), sha256(CONFIG), CONFIG.replace(b"amd64", b"arm64"))

    with pytest.raises(ContentMismatch):
        li.Image.from_registry(f"{liar.host}/base:1").configure(user="1").write(f"{target.host}/app:1")

    assert [request.method for request in target.requests] == ["POST", "DELETE"]


def test_a_manifest_that_is_not_itself_is_not_read(
    source: li.Registry, new_registry: Any, front: Callable[[str], Front]
) -> None:
    """A manifest asked for by digest is held against it."""
    target = new_registry()
    liar = Lying(front(source.host), "/manifests/", MANIFEST.replace(b'"layers"', b'"Layers"'))
    base = li.Image.from_registry(f"{liar.host}/base@{sha256(MANIFEST)}")

    with pytest.raises(ContentMismatch, match=sha256(MANIFEST)):
        base.annotate({"a": "b"}).write(f"{target.host}/app:1")
    with pytest.raises(ContentMismatch):
        base.digest()

    assert [request.method for request in target.requests] == ["POST", "DELETE"]


@pytest.mark.parametrize(("size", "is_right"), [(0, True), (-1, False), (1, False)])
def test_an_indexs_manifest_is_held_against_digest_and_size(
    source: li.Registry, size: int, *, is_right: bool
) -> None:
    """The manifest that an index leads to has to have the size that the index says, too."""
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": sha256(MANIFEST),
        "size": len(MANIFEST) + size,
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    with li.registry.Client(source.host) as client:
        client.put_manifest("base", "index", index, OCI_INDEX)
    image = li.Image.from_registry(f"{source.host}/base:index", platform="linux/amd64")

    if is_right:
        assert image.digest() == sha256(MANIFEST)
    else:
        with pytest.raises(ContentMismatch, match=r"size|bytes"):
            image.digest()


@pytest.mark.parametrize(("size", "is_right"), [(0, True), (-1, False), (1, False)])
def test_an_index_in_an_index_is_held_against_its_size(
    source: li.Registry, new_registry: Any, size: int, *, is_right: bool
) -> None:
    """So has an index that an index lists; else nothing of the outer one is written."""
    entry = {"mediaType": OCI_MANIFEST, "digest": sha256(MANIFEST), "size": len(MANIFEST)}
    inner = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    entry = {"mediaType": OCI_INDEX, "digest": sha256(inner), "size": len(inner) + size}
    outer = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    with li.registry.Client(source.host) as client:
        client.put_manifest("base", sha256(inner), inner, OCI_INDEX)
        client.put_manifest("base", "outer", outer, OCI_INDEX)
    target = new_registry()
    index = li.Index.from_registry(f"{source.host}/base:outer")

    if is_right:
        assert index.write(f"{target.host}/app:1").digest == sha256(outer)
    else:
        with pytest.raises(
            ContentMismatch, match=rf"has {len(inner)} bytes, but the index .* {len(inner) + size}"
        ):
            index.write(f"{target.host}/app:1")
        assert not any(is_manifest_put(request) for request in target.requests)


def test_a_corrupt_disk_of_the_source_is_noticed(new_registry: Any, tmp_path: Path) -> None:
    """A registry whose stored blob rotted is found out by the copy, byte for byte."""
    source, target = new_registry(tmp_path / "rotten"), new_registry()
    li.Image.empty().append(li.Layer.from_files({"/data": noise(1 << 20)})).write(f"{source.host}/base:1")
    image = li.Image.from_registry(f"{source.host}/base:1")
    [layer] = image.manifest().layers
    stored = tmp_path / "rotten/contents/sha256" / layer.digest.encoded
    stored.write_bytes(flipped(stored.read_bytes(), 500_000))

    with pytest.raises(ContentMismatch):
        image.write(f"{target.host}/app:1")
    assert not any(is_manifest_put(request) for request in target.requests)


@pytest.mark.parametrize("what", ["digest", "diff_id", "size"])
def test_what_a_user_vouched_for_is_checked_when_it_is_read(
    registry: li.Registry, tmp_path: Path, what: str
) -> None:
    """A blob with a wrong identity given from outside fails its upload, and no manifest names it."""
    tar = tar_of({"a": b"b" * 1000})
    blob = gzip.compress(tar, mtime=0)
    (tmp_path / "layer.tar.gz").write_bytes(blob)
    given: dict[str, Any] = {"digest": sha256(blob), "diff_id": sha256(tar), "size": len(blob)}
    right = li.Image.empty().append(li.Layer.from_blob(tmp_path / "layer.tar.gz", **given))
    given[what] = len(blob) + 1 if what == "size" else sha256(b"another")
    wrong = li.Image.empty().append(li.Layer.from_blob(tmp_path / "layer.tar.gz", **given))

    with pytest.raises(ContentMismatch, match=what):
        wrong.write(f"{registry.host}/app:1")
    assert not any(is_manifest_put(request) for request in registry.requests)
    assert right.write(f"{registry.host}/app:1").digest == right.digest()


def test_bytes_that_come_from_the_middle_after_a_cut_are_verified(
    source: li.Registry, new_registry: Any, front: Callable[[str], Front]
) -> None:
    """A download that was cut and goes on is still held against the digest of the whole."""
    target = new_registry()
    proxy = front(source.host)
    asked: list[str | None] = []

    def cut_then_lie(exchange: Exchange) -> bool:
        if sha256(LAYER) not in exchange.path or exchange.method != "GET":
            return False
        wanted = exchange.headers.get("Range")
        asked.append(wanted)
        if wanted is None:
            exchange.answer(200, LAYER[: 1 << 20], length=len(LAYER))
            exchange.cut()
            return True
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        where = {"Content-Range": f"bytes {start}-{len(LAYER) - 1}/{len(LAYER)}"}
        exchange.answer(206, flipped(LAYER)[start:], where)
        return True

    proxy.intercept = cut_then_lie
    with pytest.raises(ContentMismatch):
        li.Image.from_registry(f"{proxy.host}/base:1").write(f"{target.host}/app:1")

    assert len(asked) > 1
    assert not any(is_manifest_put(request) for request in target.requests)

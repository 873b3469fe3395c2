"""Law 8: what nobody touched survives; a failed write leaves nothing half, and says where it stands."""

from __future__ import annotations

import json
import signal
import threading
from hashlib import sha256 as hash_of
from typing import TYPE_CHECKING, Any

import pytest
from laws import apart
from laws.readers import Counted, Openings, noise, sha256, tar_of
from laws.talk import is_manifest_put, refusing

import lazyimg as li
from lazyimg.errors import RegistryError, RegistryUnreachable
from lazyimg.oci.media_type import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from lazyimg.thunk.events import Event, Told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.front import Front
    from support.http_server import Exchange

TAR = tar_of({"a": noise(5 << 20)})

LAYER = b"a layer that nobody looks into"

CONFIG = (
    b'{ "x-first": [1.50, 1E2, 12345678901234567890],\n'
    b'  "architecture":"amd64", "os":"linux", "x-odd": "\\u003ctag\\u003e \\/",\n'
    b'  "config": {"x-inner": null, "Env": ["A=1"], "User": "0", "x-late": {"z": 1, "a": 2}},\n'
    b'  "history": [{"created_by": "x", "x-history": true}],\n'
    b'  "rootfs": {"type": "layers", "diff_ids": ["%s"]} }\n' % sha256(b"tar").encode()
)


def manifest_bytes(config: bytes, layer: bytes) -> bytes:
    """Write a manifest by hand, with fields, spaces and numbers that nobody else would write."""
    return (
        '{"x-before":9007199254740993,  "schemaVersion": 2,\n'
        f' "mediaType": "{OCI_MANIFEST}",\n'
        f' "config": {{"x-c": 1.0, "mediaType": "{OCI_CONFIG}",'
        f' "size": {len(config)}, "digest": "{sha256(config)}"}},\n'
        f' "layers": [{{"digest": "{sha256(layer)}", "size": {len(layer)}, "mediaType": "{OCI_LAYER_GZIP}",'
        ' "x-layer": "\\u0026", "annotations": {"b": "1", "a": "2"}}],\n'
        ' "annotations": {"z": "1", "a": "\\u003c"}, "x-after": {"deep": [{"deeper": -0.0}]}}'
    ).encode()


MANIFEST = manifest_bytes(CONFIG, LAYER)


@pytest.fixture
def odd(registry: li.Registry) -> li.Image:
    """Give an image whose documents another program wrote by its own rules."""
    with li.registry.Client(registry.host) as client:
        for blob in (LAYER, CONFIG):
            client.begin_upload("odd").put(blob, sha256(blob), len(blob))
        client.put_manifest("odd", "1", MANIFEST, OCI_MANIFEST)
    return li.Image.from_registry(f"{registry.host}/odd:1")


def read_back(registry: li.Registry, repository: str, tag: str = "1") -> tuple[bytes, bytes]:
    """Return the bytes of a manifest and of its config as a registry has them."""
    with li.registry.Client(registry.host) as client:
        data = client.get_manifest(repository, tag).data
        config = json.loads(data)["config"]
        return data, client.get_blob_bytes(repository, config["digest"], config["size"])


def test_a_copied_image_keeps_every_byte(
    registry: li.Registry, new_registry: Any, odd: li.Image, tmp_path: Path
) -> None:
    """Another repository, another registry, a layout, several tags: the very bytes of both documents."""
    other = new_registry()
    result = odd.write(
        f"{registry.host}/copy:1", f"{other.host}/odd:1", li.OCILayout(tmp_path / "out", tag="v1"), tags=["2"]
    )

    assert result.digest == sha256(MANIFEST)
    for where, repository, tag in [(registry, "copy", "1"), (other, "odd", "1"), (other, "odd", "2")]:
        assert read_back(where, repository, tag) == (MANIFEST, CONFIG)
    blobs = tmp_path / "out/blobs/sha256"
    kept = {path.read_bytes() for path in blobs.iterdir()}
    assert kept == {MANIFEST, CONFIG, LAYER}


def test_a_mutation_that_changes_nothing_changes_no_byte(registry: li.Registry, odd: li.Image) -> None:
    """Setting what is set already, and removing what is not there, leave the documents as they are."""
    same = (
        odd.annotate({"z": "1", "missing": None})
        .configure(env={"A": "1", "MISSING": None}, user="0", architecture="amd64", stop_signal=None)
        .edit_config(lambda config: config)
    )
    same.write(f"{registry.host}/same:1")

    assert read_back(registry, "same") == (MANIFEST, CONFIG)


def test_annotating_keeps_the_config_to_the_byte_and_the_rest_of_the_manifest(
    registry: li.Registry, odd: li.Image
) -> None:
    """Unknown fields, their order and the text of numbers and strings survive; only the annotation is new."""
    odd.annotate({"new": "x", "z": None}).write(f"{registry.host}/noted:1")
    manifest, config = read_back(registry, "noted")

    assert config == CONFIG
    expected, found = json.loads(MANIFEST), json.loads(manifest)
    expected["annotations"] = {"a": "<", "new": "x"}
    assert list(found) == list(expected)
    assert found == expected
    for text in (
        b"9007199254740993",
        b'"x-c":1.0',
        rb'"x-layer":"\u0026"',
        rb'"a":"\u003c"',
        b'"deeper":-0.0',
    ):
        assert text in manifest


def test_editing_the_config_keeps_what_it_does_not_name(registry: li.Registry, odd: li.Image) -> None:
    """The same for configs: numbers beyond 2^53, escapes, order, and fields of containers and history."""
    edited = odd.configure(env={"B": "2"}, labels={"a": "b"}).append(
        li.Layer.from_files({"/a": b"b"}), annotations={"my": "layer"}
    )
    edited.write(f"{registry.host}/edited:1")
    manifest, config = read_back(registry, "edited")

    before, after = json.loads(CONFIG), json.loads(config)
    assert [name for name in after if name in before] == list(before)
    assert after["x-first"] == before["x-first"]
    assert after["config"]["Env"] == ["A=1", "B=2"]
    assert {**after["config"], "Env": 0, "Labels": 0} == {**before["config"], "Env": 0, "Labels": 0}
    assert after["history"][0] == before["history"][0]
    assert after["rootfs"]["diff_ids"][:1] == before["rootfs"]["diff_ids"]
    for text in (b"1.50", b"1E2", b"12345678901234567890", rb'"\u003ctag\u003e \/"'):
        assert text in config
    first, second = json.loads(manifest)["layers"]
    assert first == json.loads(MANIFEST)["layers"][0]
    assert second["annotations"] == {"my": "layer"}
    assert json.loads(manifest)["config"]["x-c"] == 1.0
    assert json.loads(manifest)["x-after"] == json.loads(MANIFEST)["x-after"]


@pytest.fixture
def odd_index(registry: li.Registry, odd: li.Image) -> tuple[li.Index, bytes]:
    """Give an index of that image, written by another program, and its bytes."""
    assert odd is not None
    data = (
        f'{{"schemaVersion":2, "x-number": 1.10, "mediaType":"{OCI_INDEX}",\n'
        f' "manifests": [{{"x-entry": "\\u003c", "mediaType": "{OCI_MANIFEST}",'
        f' "digest": "{sha256(MANIFEST)}",'
        f' "size": {len(MANIFEST)}, "platform": {{"os": "linux", "architecture": "amd64", "x-p": 1}}}}],'
        ' "annotations": {"z": "1"}, "x-last": []}'
    ).encode()
    with li.registry.Client(registry.host) as client:
        client.put_manifest("odd", "index", data, OCI_INDEX)
    return li.Index.from_registry(f"{registry.host}/odd:index"), data


def test_an_index_keeps_what_no_mutation_names(
    registry: li.Registry, odd_index: tuple[li.Index, bytes]
) -> None:
    """Copied it keeps its bytes; annotated or mapped the unknown fields of itself, entries and images."""
    index, data = odd_index
    mapped = index.map(lambda image: image.annotate({"new": "x"}))
    li.write(
        {
            f"{registry.host}/copy:1": index,
            f"{registry.host}/noted:1": index.annotate({"new": "x"}),
            f"{registry.host}/mapped:1": mapped,
        }
    )

    with li.registry.Client(registry.host) as client:
        copied, noted, new = (client.get_manifest(name, "1").data for name in ("copy", "noted", "mapped"))
        [entry] = json.loads(new)["manifests"]
        child = client.get_manifest("mapped", entry["digest"]).data
        assert client.get_manifest("noted", sha256(MANIFEST)).data == MANIFEST
    assert copied == data
    assert json.loads(noted) == {**json.loads(data), "annotations": {"z": "1", "new": "x"}}
    assert list(json.loads(noted)) == list(json.loads(data))
    for text in (b'"x-number":1.10', rb'"x-entry":"\u003c"', b'"x-p":1', b'"x-last":[]'):
        assert text in noted
        assert text in new
    assert b"9007199254740993" in child
    assert json.loads(child)["annotations"] == {**json.loads(MANIFEST)["annotations"], "new": "x"}


class Broken(Exception):
    """What a source of the tests raises."""


def whole(layout: Path) -> bool:
    """Tell whether every file of a layout that has a digest for a name has that digest."""
    blobs = [
        path for path in (layout / "blobs").rglob("*") if path.is_file() and not path.name.startswith(".")
    ]
    return all(hash_of(path.read_bytes()).hexdigest() == path.name for path in blobs)


def test_a_failed_write_leaves_a_layout_as_it_was(tmp_path: Path) -> None:
    """A source that raises: no file is half, nothing temporary stays, the index is untouched."""
    layout = tmp_path / "out"
    li.Image.empty().append(li.Layer.from_files({"/a": b"b"})).write(li.OCILayout(layout, tag="v1"))
    before = {path: path.read_bytes() for path in layout.rglob("*") if path.is_file()}
    broken = li.Layer.from_stream(Counted(TAR, fail_at=4 << 20, error=Broken()))

    with pytest.raises(Broken) as caught:
        li.Image.empty().append(broken).write(li.OCILayout(layout, tag="v1"))

    assert {path: path.read_bytes() for path in layout.rglob("*") if path.is_file()} == before
    assert "tag v1: not moved" in "\n".join(caught.value.__notes__)


KILLED = """
import sys, lazyimg as li

class Slow:
    given = 0
    def readinto(self, buffer):
        if self.given >= 8 << 20:
            print("reading", flush=True)
            sys.stdin.read()
        view = memoryview(buffer)
        view[:] = __import__("random").Random(self.given).randbytes(len(view))
        self.given += len(view)
        return len(view)

small = li.Layer.from_files({"/small": b"small"})
li.Image.empty().append(small, li.Layer.from_stream(Slow())).write(li.OCILayout(sys.argv[1], tag="v1"))
"""


def test_a_killed_write_leaves_a_layout_valid_and_writable(tmp_path: Path) -> None:
    """SIGKILL in a layer's middle: what is named is whole, the old image is there, the next write works."""
    layout = tmp_path / "out"
    old = li.Image.empty().append(li.Layer.from_files({"/a": b"b"}))
    old.write(li.OCILayout(layout, tag="v1"))
    index = (layout / "index.json").read_bytes()

    with apart.start(KILLED, layout) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGKILL)

    assert whole(layout)
    assert (layout / "index.json").read_bytes() == index
    new = old.annotate({"a": "b"}).write(li.OCILayout(layout, tag="v1"))
    assert whole(layout)
    assert new.digest in (layout / "index.json").read_text()


def line_of_next_layer() -> int:
    """Return the line after the one that calls this."""
    import inspect  # noqa: PLC0415

    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno + 1


def test_an_error_says_which_thunk_failed_and_where_it_was_composed(
    registry: li.Registry, push_base: Any, tmp_path: Path
) -> None:
    """A layer's own line is named, and the line that wrote; so is what is in place, and each tag."""
    push_base(registry.host, "base", layers=2)
    base = li.Image.from_registry(f"{registry.host}/base:1")
    line = line_of_next_layer()
    layer = li.Layer.from_tar(tmp_path / "missing.tar")
    with pytest.raises(li.LazyImgError, match=r"missing\.tar") as caught:
        base.append(layer).configure(user="1").write(f"{registry.host}/app:1", tags=["latest"])

    notes = "\n".join(caught.value.__notes__)
    assert f"test_law08_nothing_is_lost.py:{line}" in notes
    assert "FromTar" in notes
    assert f"{registry.host}/app:1" in notes
    assert "tag 1: not moved" in notes
    assert "tag latest: not moved" in notes


@pytest.mark.parametrize("kind", ["manifest", "config", "layer"])
def test_an_error_of_a_base_names_the_line_that_composed_it(
    new_registry: Any, push_base: Any, kind: str, tmp_path: Path
) -> None:
    """What a registry refuses to give is told with the line of from_registry, whichever part it was."""
    source, target = new_registry(), new_registry()
    digest = push_base(source.host, "base", layers=1)
    with li.registry.Client(source.host) as client:
        parsed = li.Manifest.parse(client.get_manifest("base", digest).data)
    path = {"manifest": "/manifests/", "config": parsed.config.digest, "layer": parsed.layers[0].digest}[kind]
    source.hook = refusing(lambda request: path in request.path, 404, "UNKNOWN", "it is gone")

    line = line_of_next_layer()
    base = li.Image.from_registry(f"{source.host}/base:1")
    with pytest.raises(LookupError, match="it is gone") as caught:
        base.configure(user="1").write(f"{target.host}/app:1", li.OCILayout(tmp_path / "out"))

    assert f"test_law08_nothing_is_lost.py:{line}" in "\n".join(caught.value.__notes__)
    assert not any(is_manifest_put(request) for request in target.requests)


def test_an_edit_that_raises_is_named_with_its_line(registry: li.Registry) -> None:
    """A user's own function is part of the graph: its error comes out as it is, with where it was given."""

    def edit(_: li.ConfigFile) -> li.ConfigFile:
        raise Broken("in the edit")

    line = line_of_next_layer()
    image = li.Image.empty().edit_config(edit)
    with pytest.raises(Broken, match="in the edit") as caught:
        image.write(f"{registry.host}/app:1")

    assert f"test_law08_nothing_is_lost.py:{line}" in "\n".join(caught.value.__notes__)


def test_what_is_in_place_is_said(registry: li.Registry, push_base: Any) -> None:
    """A write that fails at its second layer tells how many blobs the registry has by then."""
    push_base(registry.host, "base", layers=3)
    mounted = threading.Semaphore(0)

    def note(event: Event) -> None:
        if isinstance(event, Told) and event.what == "mounted":
            mounted.release()

    def broken() -> Any:
        assert all(mounted.acquire(timeout=10) for _ in range(3))
        raise Broken

    image = li.Image.from_registry(f"{registry.host}/base:1").append(
        li.Layer.from_files({"/a": b"b"}), li.Layer.from_opener(broken)
    )
    with li.Engine(on_event=note), pytest.raises(Broken) as caught:
        image.write(f"{registry.host}/app:1")

    notes = "\n".join(caught.value.__notes__)
    assert "3 mounted" in notes
    assert "tag 1: not moved" in notes


def test_each_tag_is_said_to_be_moved_or_not(registry: li.Registry) -> None:
    """The first tag moved, the second was refused, the third was not tried."""
    registry.hook = refusing(lambda request: request.path.endswith("/manifests/two"), 403)
    with pytest.raises(PermissionError) as caught:
        li.Image.empty().write(f"{registry.host}/app:one", tags=["two", "three"])

    notes = "\n".join(caught.value.__notes__)
    assert "tag one: moved" in notes
    assert "tag two: not moved" in notes
    assert "tag three: not moved" in notes


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_tag_whose_registry_failed_is_unknown(registry: li.Registry, status: int) -> None:
    """A registry that answers with a fault may have moved the tag all the same."""
    registry.hook = refusing(is_manifest_put, status, "UNKNOWN", "broke")
    with li.Engine(retries=0), pytest.raises(RegistryError) as caught:
        li.Image.empty().write(f"{registry.host}/app:1")

    assert "tag 1: unknown" in "\n".join(caught.value.__notes__)


def test_a_tag_whose_answer_was_lost_is_unknown(registry: li.Registry, front: Callable[[str], Front]) -> None:
    """The connection breaks after the manifest was sent: the tag has moved, and nobody here can know."""
    proxy = front(registry.host)

    def lose(exchange: Exchange) -> bool:
        if exchange.method != "PUT" or "/manifests/" not in exchange.path:
            return False
        with li.registry.Client(registry.host) as client:
            client.put_manifest("app", "1", exchange.read(), OCI_MANIFEST)
        exchange.cut()
        return True

    proxy.intercept = lose
    image = li.Image.empty().append(li.Layer.from_opener(Openings(TAR)))
    with li.Engine(retries=0), pytest.raises(RegistryUnreachable) as caught:
        image.write(f"{proxy.host}/app:1")

    assert "tag 1: unknown" in "\n".join(caught.value.__notes__)
    with li.registry.Client(registry.host) as client:
        assert client.get_manifest("app", "1").digest == image.digest()

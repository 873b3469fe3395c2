"""Law 4: in one write each thunk is evaluated once, each source opened once, each byte of it read once."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from laws.everything import Merged
from laws.readers import Aside, Counted, Openings, noise, tar_of
from laws.talk import Held, asked, is_whole_blob, refusing

import lazyimg as li
from lazyimg.thunk.events import Event, Started, Told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from laws.audit import Recorder
    from support.front import Front


SIZE = 24 << 20
"""More than is kept in memory of a blob that does not compress."""

BIG = tar_of({"data": noise(SIZE)})
TAR = tar_of({"a": b"b" * 1000})


def layers_of(registry: li.Registry, repository: str, tag: str = "1") -> list[bytes]:
    """Read back the layers of an image, decompressed by the standard library."""
    with li.registry.Client(registry.host) as client:
        manifest = li.Manifest.parse(client.get_manifest(repository, tag).data)
        blobs = [b"".join(client.blob(repository, one.digest, one.size)) for one in manifest.layers]
    return [gzip.decompress(blob) for blob in blobs]


def test_a_source_shared_by_images_and_targets_is_read_once(new_registry: Any, tmp_path: Path) -> None:
    """Two images, two registries and a layout have one opening and one reading of the same layer."""
    a, b = new_registry(), new_registry()
    opener = Openings(TAR, steps=(7, 100))
    shared = li.Layer.from_opener(opener)
    first = li.Image.empty().append(shared)
    second = li.Image.empty().configure(user="1").append(shared).annotate({"a": "b"})

    results = li.write(
        {
            f"{a.host}/one:1": first,
            f"{b.host}/one:1": first,
            f"{b.host}/two:1": second,
            li.OCILayout(tmp_path / "out", tag="v1"): second,
        }
    )

    assert len(opener.opened) == 1
    assert opener.given == len(TAR)
    assert {(result.opened, result.bytes_read) for result in results.values()} == {(1, len(TAR))}
    assert [layers_of(a, "one"), layers_of(b, "one"), layers_of(b, "two")] == [[TAR], [TAR], [TAR]]


def test_a_stream_shared_by_two_images_on_two_registries_is_read_once(new_registry: Any) -> None:
    """Each byte of a one-shot stream goes to both registries in the same pass."""
    a, b = new_registry(), new_registry()
    stream = Counted(BIG, steps=(1, 65537, 1 << 20))
    layer = li.Layer.from_stream(stream)
    image = li.Image.empty().append(layer)

    results = li.write({f"{a.host}/one:1": image.annotate({"a": "1"}), f"{b.host}/two:1": image})

    assert stream.given == len(BIG)
    assert [layers_of(a, "one"), layers_of(b, "two")] == [[BIG], [BIG]]
    digests = {manifest.digest for manifest in results.values()}
    assert len(digests) == 2


def test_the_system_sees_one_opening_of_each_file(
    tmp_path: Path, new_registry: Any, recorder: Recorder
) -> None:
    """A tar, a blob, a directory and a file map: each file is opened once however many targets there are."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/rootfs.tar").write_bytes(TAR)
    (tmp_path / "in/layer.tar.gz").write_bytes(gzip.compress(TAR))
    (tmp_path / "in/tool").write_bytes(b"tool")
    (tmp_path / "in/tree/sub").mkdir(parents=True)
    (tmp_path / "in/tree/sub/small").write_bytes(b"small")
    (tmp_path / "in/tree/large").write_bytes(noise(1 << 20))
    image = li.Image.empty().append(
        li.Layer.from_tar(tmp_path / "in/rootfs.tar"),
        li.Layer.from_blob(tmp_path / "in/layer.tar.gz"),
        li.Layer.from_files({"/tool": tmp_path / "in/tool"}),
        li.Layer.from_directory(tmp_path / "in/tree"),
    )
    hosts = [new_registry().host for _ in range(2)]

    recorder.start(here=False)
    image.write(*(f"{host}/app:1" for host in hosts), li.OCILayout(tmp_path / "out"))
    recorder.stop()

    opened = Counter(path for path in recorder.paths("open") if path.startswith(str(tmp_path / "in")))
    assert set(opened.values()) == {1}
    assert {os.path.basename(path) for path in opened} == {  # noqa: PTH119 - a text, no path
        *("rootfs.tar", "layer.tar.gz", "tool", "small", "large")
    }
    listed = Counter(recorder.paths("os.scandir", "os.listdir"))
    assert {listed[str(tmp_path / "in/tree")], listed[str(tmp_path / "in/tree/sub")]} == {1}


@pytest.mark.parametrize("jobs", [1, 8])
def test_each_thunk_of_a_diamond_is_evaluated_once(registry: li.Registry, jobs: int) -> None:
    """A function that many paths lead to is called once, and no thunk starts twice."""
    calls = Counter[str]()
    started: list[str] = []

    def edit(config: li.ConfigFile) -> li.ConfigFile:
        calls["edit"] += 1
        return config.with_user("7")

    def note(event: Event) -> None:
        if isinstance(event, Started):
            started.append(event.key)

    opener = Openings(TAR)
    image: li.Image = li.Image.empty().append(li.Layer.from_opener(opener)).edit_config(edit)
    for level in range(20):
        image = image.annotate({f"left{level}": "1"}).apply(Merged(image.annotate({f"right{level}": "1"})))
    with li.Engine(jobs=jobs, on_event=note):
        image.write(f"{registry.host}/app:1", f"{registry.host}/other:1")

    assert calls["edit"] == 1
    assert len(opener.opened) == 1
    assert max(Counter(started).values()) == 1


def test_documents_of_a_shared_base_are_read_once(registry: li.Registry, push_base: Any) -> None:
    """Two images on one base: its manifest is asked for once, its config once."""
    push_base(registry.host, "base")
    registry.clear()
    base = li.Image.from_registry(f"{registry.host}/base:1")
    li.write(
        {
            f"{registry.host}/app:1": base.configure(user="1"),
            f"{registry.host}/app:2": base.configure(user="2"),
        }
    )

    gets = Counter(request.path for request in registry.requests if request.method == "GET")
    assert sorted(gets.values()) == [1, 1]


def test_a_file_rewritten_with_the_same_size_is_pushed_anew(tmp_path: Path, registry: li.Registry) -> None:
    """What a write learned does not outlive it: the next one reads the file as it is then."""
    path = tmp_path / "layer.tar"
    image = li.Image.empty().append(li.Layer.from_tar(path))
    before, after = tar_of({"a": b"before"}), tar_of({"a": b"after!"})
    assert len(before) == len(after)

    path.write_bytes(before)
    status = path.stat()
    first = image.write(f"{registry.host}/app:1")
    path.write_bytes(after)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = image.write(f"{registry.host}/app:2")

    assert layers_of(registry, "app", "1") == [before]
    assert layers_of(registry, "app", "2") == [after]
    assert first.digest != second.digest
    assert image.digest() == second.digest


@pytest.mark.parametrize("kind", ["stream", "opener"])
def test_a_retry_is_a_new_attempt_told_and_counted(
    registry: li.Registry, front: Callable[[str], Front], kind: str
) -> None:
    """A cut upload shows in the result and as an event; a stream's bytes are still read once."""
    told: list[Told] = []
    proxy = front(registry.host)
    proxy.cut(SIZE - 1000)
    stream, opener = Counted(BIG), Openings(BIG)
    layer = li.Layer.from_stream(stream) if kind == "stream" else li.Layer.from_opener(opener)
    with li.Engine(on_event=lambda event: told.append(event) if isinstance(event, Told) else None):
        result = li.Image.empty().append(layer).write(f"{proxy.host}/app:1")

    clean = 3  # a layer, a config, a manifest
    assert result.targets[0].attempts == clean + 1
    assert [event.detail["attempts"] for event in told if event.detail.get("attempts", 1) > 1] == [2]
    assert layers_of(registry, "app") == [BIG]
    assert stream.given in {0, len(BIG)}
    if kind == "stream":
        assert (result.opened, result.bytes_read) == (1, len(BIG))
    else:
        assert result.opened == len(opener.opened)
        assert result.bytes_read == opener.given


@pytest.mark.parametrize("status", [405, 501])
@pytest.mark.parametrize(("kind", "size"), [("stream", SIZE), ("opener", 8 << 20)])
def test_a_registry_that_takes_only_whole_uploads_gets_them_from_scratch_space(
    registry: li.Registry, kind: str, size: int, status: int, tmp_path: Path
) -> None:
    """Where PATCH is refused the digest is needed first: the bytes are read once all the same."""
    tar = tar_of({"data": noise(size)})
    registry.hook = refusing(lambda request: request.method == "PATCH", status, "UNSUPPORTED")
    stream, opener = Counted(tar), Openings(tar)
    layer = li.Layer.from_stream(stream) if kind == "stream" else li.Layer.from_opener(opener)
    with li.Engine(scratch=tmp_path):
        result = li.Image.empty().append(layer).write(f"{registry.host}/app:1")

    assert layers_of(registry, "app") == [tar]
    assert (result.opened, result.bytes_read) == (1, len(tar))
    assert stream.given + opener.given == len(tar)
    assert list(tmp_path.iterdir()) == []


def test_a_slow_target_does_not_make_the_other_be_read_for_again(new_registry: Any) -> None:
    """Two registries of different speed: the fast one waits, nothing is read twice."""
    fast, slow = new_registry(), new_registry()
    held = Held(lambda request: request.method == "PATCH")
    slow.hook = held
    opener = Openings(BIG)
    image = li.Image.empty().append(li.Layer.from_opener(opener))
    written = Aside(lambda: image.write(f"{fast.host}/app:1", f"{slow.host}/app:1"))
    assert held.arrived.wait(10)
    held.released.set()

    assert written.result().bytes_read == len(BIG)
    assert len(opener.opened) == 1
    assert layers_of(slow, "app") == [BIG]


def test_a_blob_that_two_images_share_is_sent_to_a_repository_once(registry: li.Registry) -> None:
    """The same layer in two images of one repository is one upload, and so is an equal config."""
    shared = li.Image.empty().append(li.Layer.from_files({"/a": b"b"}))
    li.write({f"{registry.host}/app:1": shared, f"{registry.host}/app:2": shared.annotate({"a": "b"})})

    assert asked(registry).count("PATCH /v2/app/blobs/uploads/") == 1
    assert sum(is_whole_blob(request) for request in registry.requests) == 1

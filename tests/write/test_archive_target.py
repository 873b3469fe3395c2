"""Writing archives: of OCI layouts, and as ``docker load`` reads them."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.bodies import some_bytes
from support.images import CONFIG, MANIFEST, config_of, described, sha256, text_of

import lazyimg as li
from lazyimg.errors import ArchiveUnwritable, Cancelled, InvalidTarget, NotFound
from lazyimg.stores.archive_writer import NewFile
from lazyimg.stores.blob_spool import BlobSpool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.images import Pushing

    from lazyimg.server.request import Request

REF_NAME = "org.opencontainers.image.ref.name"
LARGE = li.Layer.from_files({"/large": some_bytes(5 << 20)})
ONE = li.Image.empty().append(LARGE, li.Layer.from_files({"/one": b"1"})).configure(user="1")
TWO = ONE.append(li.Layer.from_files({"/two": b"2"}, compression=li.Uncompressed())).configure(user="2")

THREE = ONE.configure(user="3")


def files(path: Path) -> dict[str, bytes]:
    """Return the files of an archive by their names, read by Python's own tarfile."""
    with tarfile.open(path) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]  # files all


def check_blobs(found: dict[str, bytes]) -> None:
    for name, data in found.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/{sha256(data).replace(':', '/')}"


class TestOCI:
    """A tar of an OCI layout."""

    def test_several_images(self, tmp_path: Path) -> None:
        """All that one write puts there are in it, what they share once."""
        path = tmp_path / "new" / "app.tar"
        results = li.write(
            {
                li.Archive(path, "app:2"): TWO,
                li.Archive(path, ("app:1", "app:latest")): ONE,
                li.Archive(path): THREE,
            }
        )
        found = files(path)
        check_blobs(found)
        assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
        entries = json.loads(found["index.json"])["manifests"]
        assert [(entry.get("annotations", {}).get(REF_NAME), entry["digest"]) for entry in entries] == [
            (None, THREE.digest()),
            ("app:1", ONE.digest()),
            ("app:latest", ONE.digest()),
            ("app:2", TWO.digest()),
        ]
        assert len(found) == 2 + 3 + 3 + 3  # documents; layers, configs, manifests
        assert {result.opened for result in results.values()} == {3}
        assert [result.targets[0].tags for result in results.values()] == [
            ("app:2",),
            ("app:1", "app:latest"),
            (),
        ]
        assert [p.name for p in path.parent.iterdir()] == ["app.tar"]

    def test_it_is_read_back(self, tmp_path: Path, base: Pushing) -> None:
        """Indexes, images of elsewhere, and annotations, to the byte."""
        base.image("1")
        index = li.Index.empty().add(ONE).add(li.Image.from_registry(f"{base.host}/base:1"))
        written = index.write(li.Archive(tmp_path / "app.tar", tag="v1"))
        assert li.Index.from_archive(tmp_path / "app.tar", "v1").digest() == written.digest
        again = li.Index.from_archive(tmp_path / "app.tar").write(li.Archive(tmp_path / "app.tar", tag="v1"))
        assert again.digest == written.digest

    def test_what_may_not_be_distributed_stays(self, tmp_path: Path, base: Pushing) -> None:
        """A foreign layer is left where its URLs point."""
        push_foreign(base)
        result = li.Image.from_registry(f"{base.host}/base:1").write(li.Archive(tmp_path / "app.tar"))
        assert [one.digest for one in result.targets[0].skipped] == [sha256(b"foreign")]
        assert f"blobs/{sha256(b'foreign').replace(':', '/')}" not in files(tmp_path / "app.tar")

    def test_every_file_is_the_same_in_all_archives(self, tmp_path: Path) -> None:
        """No owner, no time; and no padding but the format's."""
        ONE.write(li.Archive(tmp_path / "app.tar"))
        with tarfile.open(tmp_path / "app.tar") as tar:
            members = tar.getmembers()
        assert {(m.uid, m.gid, m.uname, m.gname, m.mtime, m.mode, m.isreg()) for m in members} == {
            (0, 0, "", "", 0, 0o644, True)
        }
        names = [member.name for member in members]
        assert (names[:2], names[2:]) == (["oci-layout", "index.json"], sorted(names[2:]))


def push_foreign(base: Pushing) -> None:
    """Put an image with a layer that nobody has."""
    foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    config = text_of(config_of([b"foreign"]))
    base.blob(config)
    layer = described(b"foreign", foreign, urls=["https://foreign.invalid/layer"])
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(config, CONFIG),
        "layers": [layer],
    }
    base.manifest(manifest, "1")


class TestDocker:
    """What ``docker load`` reads."""

    def test_several_images(self, tmp_path: Path) -> None:
        """Named as docker names them; no manifest is among the blobs."""
        path = tmp_path / "app.tar"
        li.write(
            {
                li.Archive(path, ("docker.io/library/app", "reg.example/a:b"), "docker"): TWO,
                li.Archive(path, "me/app:1", format="docker"): ONE,
                li.Archive(path, format="docker"): li.Image.empty(),
            }
        )
        found = files(path)
        check_blobs(found)
        none, two, one = json.loads(found["manifest.json"])
        assert (none["RepoTags"], none["Layers"]) == ([], [])
        assert two["RepoTags"] == ["app:latest", "reg.example/a:b"]
        assert one["RepoTags"] == ["me/app:1"]
        layers = [f"blobs/{layer.digest.replace(':', '/')}" for layer in TWO.manifest().layers]
        assert (two["Layers"], one["Layers"]) == (layers, layers[:2])
        assert json.loads(found[two["Config"]])["config"] == {"User": "2"}
        top = layers[-1].rpartition("/")[2]
        assert json.loads(found["repositories"]) == {
            "app": {"latest": top},
            "reg.example/a": {"b": top},
            "me/app": {"1": layers[1].rpartition("/")[2]},
        }
        assert len(found) == 2 + 3 + 3  # documents; layers, configs

    def test_it_is_read_back(self, tmp_path: Path) -> None:
        """Layers that are compressed, and the config, to the byte; the manifest is one anew."""
        TWO.write(li.Archive(tmp_path / "app.tar", "app:2", "docker"))
        found = li.Image.from_archive(tmp_path / "app.tar", "app:2")
        assert found.manifest().config.digest == TWO.manifest().config.digest
        assert found.config().diff_ids == TWO.config().diff_ids
        layers, wanted = found.manifest().layers, TWO.manifest().layers
        assert [one.digest for one in layers[:2]] == [one.digest for one in wanted[:2]]

    def test_what_may_not_be_distributed_is_needed(self, tmp_path: Path, base: Pushing) -> None:
        """Docker wants every layer: one that its registry has not got ends the write."""
        push_foreign(base)
        image = li.Image.from_registry(f"{base.host}/base:1")
        with pytest.raises(NotFound):
            image.write(li.Archive(tmp_path / "app.tar", format="docker"))
        base.blob(b"foreign")
        image.write(li.Archive(tmp_path / "app.tar", format="docker"))
        assert b"foreign" in files(tmp_path / "app.tar").values()

    @pytest.mark.parametrize("kind", ["index", "artifact"])
    def test_others_than_images_are_refused(self, tmp_path: Path, base: Pushing, kind: str) -> None:
        """Before a layer is read, and nothing is left."""
        opened: list[int] = []
        layer = li.Layer.from_opener(lambda: opened.append(1))
        if kind == "index":
            thing: Any = li.Index.empty().add(li.Image.empty().append(layer))
        else:
            config = described(b"{}", "application/vnd.example+json")
            base.blob(b"{}")
            base.manifest({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}, "1")
            thing = li.Image.from_registry(f"{base.host}/base:1")
        with pytest.raises(InvalidTarget, match=f"holds images only, and this is an {kind}"):
            thing.write(li.Archive(tmp_path / "app.tar", format="docker"))
        assert (opened, list(tmp_path.iterdir())) == ([], [])

    def test_nonsense_is_refused_at_once(self, tmp_path: Path) -> None:
        """Tags are docker's, and formats those that there are."""
        with pytest.raises(InvalidTarget, match=r"this is none: .*lower case"):
            li.Archive(tmp_path / "app.tar", "App", "docker")
        with pytest.raises(InvalidTarget, match="no format of an archive"):
            li.Archive(tmp_path / "app.tar", format="zip")  # type: ignore[arg-type]  # the point


AGAIN = """
import sys
import lazyimg as li
large = li.Layer.from_files({"/large": bytes(range(256)) * 4096})
images = [li.Image.empty().append(large, li.Layer.from_files({"/n": b"%d" % n})) for n in range(6)]
numbers = list(map(int, sys.argv[4]))
with li.Engine(jobs=int(sys.argv[3])):
    li.write({li.Archive(sys.argv[1], f"app:{n}", sys.argv[2]): images[n] for n in numbers})
"""


@pytest.mark.parametrize("form", ["oci", "docker"])
def test_the_same_images_give_the_same_bytes(tmp_path: Path, form: str) -> None:
    """Whatever the jobs, the order they are named in, the process and its hash seed."""
    for number, (jobs, order) in enumerate([("1", "012345"), ("8", "543210"), ("3", "240135")]):
        subprocess.run(
            [sys.executable, "-c", AGAIN, str(tmp_path / f"{number}.tar"), form, jobs, order],
            env=os.environ | {"PYTHONHASHSEED": str(number)},
            check=True,
        )
    assert len({(tmp_path / f"{number}.tar").read_bytes() for number in range(3)}) == 1


class TestReplacing:
    """What has the name is replaced in the end, and in one step."""

    def test_by_another_archive(self, tmp_path: Path) -> None:
        """What was in it is gone."""
        path = tmp_path / "app.tar"
        path.write_bytes(b"old")
        before = path.open("rb")
        ONE.write(li.Archive(path, "app:1"))
        TWO.write(li.Archive(path, "app:2"))
        assert [entry["digest"] for entry in json.loads(files(path)["index.json"])["manifests"]] == [
            TWO.digest()
        ]
        with before:
            assert before.read() == b"old"

    def test_a_failed_write_leaves_it(self, tmp_path: Path) -> None:
        """And nothing beside it."""
        path = tmp_path / "app.tar"
        path.write_bytes(b"old")
        error = ConnectionResetError("the user's own")

        class Broken(io.RawIOBase):
            def readinto(self, _: Any) -> int:
                raise error

        with pytest.raises(ConnectionResetError) as caught:
            ONE.append(li.Layer.from_stream(Broken())).write(li.Archive(path, "app:1"))
        assert caught.value is error
        assert path.read_bytes() == b"old"
        assert [p.name for p in tmp_path.iterdir()] == ["app.tar"]

    @pytest.mark.parametrize("size", [1 << 20, 7 << 20])
    def test_a_full_disk_leaves_it(self, tmp_path: Path, size: int) -> None:
        """When blobs come, and when the archive is made of them."""
        path = tmp_path / "app.tar"
        path.write_bytes(b"old")
        layer = li.Layer.from_files({"/large": some_bytes(5 << 20)}, compression=li.Uncompressed())
        image = ONE.append(layer) if size == 1 << 20 else li.Image.empty().append(layer, filler())
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            with pytest.raises(ArchiveUnwritable, match=f"archive {path}: File too large") as caught:
                image.write(li.Archive(path, "app:1"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.errno == errno.EFBIG
        assert path.read_bytes() == b"old"
        assert [p.name for p in tmp_path.iterdir()] == ["app.tar"]

    @pytest.mark.parametrize("kind", ["directory", "fifo", "below a file"])
    def test_what_is_no_file_is_refused_first(self, tmp_path: Path, kind: str) -> None:
        """Before anything is read."""
        path = tmp_path / "app.tar"
        if kind == "directory":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            (tmp_path / "file").touch()
            path = tmp_path / "file" / "app.tar"
        opened: list[int] = []
        with pytest.raises(ArchiveUnwritable):
            li.Image.empty().append(li.Layer.from_opener(lambda: opened.append(1))).write(li.Archive(path))
        assert not opened


def filler() -> li.Layer:
    """Return a layer that, with headers around it, no longer fits where its bytes alone do."""
    size = (7 << 20) - len(some_bytes(5 << 20)) - 6 * 1024
    return li.Layer.from_files({"/filler": some_bytes(size)}, compression=li.Uncompressed())


class TestSeveralTargets:
    """A registry, a layout and archives in one write."""

    def test_each_layer_is_read_once(self, tmp_path: Path, app: Pushing) -> None:
        """And brought to all of them; a stream as well."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("streamed"))
        tar.seek(0)
        image = ONE.append(li.Layer.from_stream(tar))
        result = image.write(
            f"{app.host}/app:1",
            li.OCILayout(tmp_path / "out", tag="v1"),
            li.Archive(tmp_path / "oci.tar", tag="app:1"),
            li.Archive(tmp_path / "docker.tar", tag="app:1", format="docker"),
        )
        assert result.opened == 3
        assert [len(target.uploaded) for target in result.targets] == [5, 5, 5, 4]
        assert [target.tags for target in result.targets] == [("1",), ("v1",), ("app:1",), ("app:1",)]
        assert app.raw("1") == files(tmp_path / "oci.tar")[f"blobs/{result.digest.replace(':', '/')}"]
        assert li.Image.from_layout(tmp_path / "out").digest() == result.digest

    def test_a_registry_that_refuses_leaves_the_others(
        self, tmp_path: Path, app: Pushing, registry: li.Registry
    ) -> None:
        """No archive and no index has a name before everything is in place everywhere."""
        ONE.write(li.OCILayout(tmp_path / "out", tag="v1"), li.Archive(tmp_path / "app.tar", tag="v1"))
        before = (tmp_path / "app.tar").read_bytes()

        def refuse(request: Request) -> Any:
            is_manifest = request.method == "PUT" and "/manifests/" in request.path
            return (400, "MANIFEST_INVALID", "not this one") if is_manifest else None

        registry.hook = refuse
        with pytest.raises(li.LazyImgError, match="not this one"):
            TWO.write(
                f"{app.host}/app:1",
                li.OCILayout(tmp_path / "out", tag="v1", replace=True, collect=True),
                li.Archive(tmp_path / "app.tar", tag="v1"),
            )
        assert (tmp_path / "app.tar").read_bytes() == before
        assert li.Image.from_layout(tmp_path / "out", "v1").digest() == ONE.digest()
        assert {p.name for p in tmp_path.iterdir()} == {"app.tar", "out"}

    def test_an_archive_that_cannot_be_made_leaves_the_others(
        self, tmp_path: Path, app: Pushing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is whole before a tag moves anywhere."""
        ONE.write(f"{app.host}/app:1")

        def full(*_: Any) -> None:
            raise ArchiveUnwritable("no room")

        monkeypatch.setattr(NewFile, "write", full)
        with pytest.raises(ArchiveUnwritable):
            TWO.write(f"{app.host}/app:1", li.Archive(tmp_path / "app.tar", tag="v1"))
        assert sha256(app.raw("1")) == ONE.digest()

    def test_one_place_in_two_ways_is_refused(self, tmp_path: Path) -> None:
        """One would undo the other."""
        path = tmp_path / "app.tar"
        for other in (li.Archive(path, "app:2", "docker"), li.OCILayout(path)):
            with pytest.raises(InvalidTarget, match="in two ways at once"):
                ONE.plan(li.Archive(path, "app:1"), other)

    @pytest.mark.parametrize("make", [li.Archive, li.OCILayout])
    def test_two_images_of_one_name_are_refused(self, tmp_path: Path, make: Any) -> None:
        """One would take it from the other; the same image twice is none the worse."""
        with pytest.raises(InvalidTarget, match="is to name two different images"):
            li.write({make(tmp_path / "x", tag=("a", "b")): ONE, make(tmp_path / "x", tag="b"): TWO})
        li.write({make(tmp_path / "x", tag=("a", "b")): ONE, make(tmp_path / "x", tag="b"): ONE})


def test_an_interrupted_write_stops_in_the_middle_of_the_archive(tmp_path: Path) -> None:
    """Making it takes long when it is large; what was made goes."""
    work: Any = None
    target = li.Archive(tmp_path / "app.tar", "app:1")
    session: Any = target.site.open(work, ())
    under_way, ended = threading.Event(), threading.Event()

    def chunks(_: Any) -> Iterator[bytes]:
        while True:
            under_way.set()
            yield bytes(1 << 16)
            ended.wait(0.01)

    session.spool.chunks = chunks
    session.spool.write([b"a"], lambda: li.Digest.of(b"a"))
    caught: list[BaseException] = []

    def ready() -> None:
        try:
            session.ready([])
        except BaseException as error:  # noqa: BLE001 - looked at below
            caught.append(error)

    thread = threading.Thread(target=ready)
    thread.start()
    assert under_way.wait(20)
    assert len(list(tmp_path.iterdir())) >= 1
    session.abort()
    thread.join(20)
    session.abort()
    assert isinstance(caught[0], Cancelled)
    assert list(tmp_path.iterdir()) == []


class TestSpool:
    """Blobs that come several at once."""

    def test_interleaved(self, tmp_path: Path) -> None:
        """Each comes out as it went in."""
        spool = BlobSpool(tmp_path, "a test")
        blobs = [some_bytes(200_000, seed) for seed in range(4)]
        turns = threading.Barrier(len(blobs))

        def pieces(data: bytes) -> Iterator[bytes]:
            for start in range(0, len(data), 20_000):
                turns.wait(20)
                yield data[start : start + 20_000]

        def write(data: bytes) -> None:
            assert spool.write(pieces(data), lambda: li.Digest.of(data)) == len(data)

        threads = [threading.Thread(target=write, args=(data,)) for data in blobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert list(spool.sizes) == sorted(li.Digest.of(data) for data in blobs)
        for data in blobs:
            assert b"".join(spool.chunks(li.Digest.of(data))) == data
            assert spool.has(li.Digest.of(data), len(data))
            assert not spool.has(li.Digest.of(data), 1)
        assert not spool.has(li.Digest.of(b""), 0)
        assert list(tmp_path.iterdir()) == []
        spool.close()

    def test_what_fails_is_not_there(self, tmp_path: Path) -> None:
        """The very error comes out."""
        spool = BlobSpool(tmp_path, "a test")
        error = OSError("the source's own")

        def chunks() -> Iterator[bytes]:
            yield b"half"
            raise error

        with pytest.raises(OSError, match="the source's own") as caught:
            spool.write(chunks(), lambda: li.Digest.of(b"half"))
        assert caught.value is error
        assert spool.sizes == {}
        spool.close()

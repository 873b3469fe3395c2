"""Layers: what they are made of, and those that an image has."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from support.images import LAYER, config_of, sha256

import lazyimg as li
from lazyimg.errors import ContentMismatch, InvalidMutation, SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from support.images import Pushing

TAR = li.Uncompressed()


def entries(data: bytes) -> dict[str, tuple[int, int, int, int, bytes]]:
    """Read a tar with the standard library: mode, owner, time and content by name."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            file = tar.extractfile(member)
            content = b"" if file is None else file.read()
            found[member.name] = (member.mode, member.uid, member.gid, int(member.mtime), content)
    return found


@pytest.fixture
def written(app: Pushing) -> Any:
    """Give a function that writes an image of one layer, and returns the layer's bytes as they arrived."""

    def write(layer: li.Layer) -> bytes:
        li.Image.empty().append(layer).write(f"{app.host}/app:1")
        return app.bytes(app.json("1")["layers"][0])

    return write


class TestSources:
    """Each source gives the bytes that it is said to give."""

    def test_files(self, written: Any, tmp_path: Path) -> None:
        """From bytes and from paths, owner, mode and time as asked for."""
        (tmp_path / "tool").write_bytes(b"tool")
        (tmp_path / "tool").chmod(0o751)
        files = {
            "/etc/motd": b"hello",
            "/bin/tool": tmp_path / "tool",
            "/bin/text": str(tmp_path / "tool").encode(),
        }
        found = entries(written(li.Layer.from_files(files, owner=(1, 2), mtime=3, compression=TAR)))
        assert found["etc/motd"] == (0o644, 1, 2, 3, b"hello")
        assert found["bin/tool"] == (0o751, 1, 2, 3, b"tool")

    def test_a_directory(self, written: Any, tmp_path: Path) -> None:
        """At its place, without what is excluded."""
        for name in ("main.py", "main.pyc", "sub/x"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(name)
        layer = li.Layer.from_directory(tmp_path, at="/app", mode=0o600, exclude=["*.pyc"], compression=TAR)
        found = entries(written(layer))
        assert set(found) == {"app", "app/main.py", "app/sub", "app/sub/x"}
        assert found["app/main.py"] == (0o600, 0, 0, 0, b"main.py")

    def test_a_tar(self, written: Any, tmp_path: Path) -> None:
        """Its bytes are the layer, when decompressed."""
        data = written(li.Layer.from_files({"/a": b"a"}, compression=TAR))
        (tmp_path / "a.tar").write_bytes(data)
        assert gzip.decompress(written(li.Layer.from_tar(tmp_path / "a.tar"))) == data

    @pytest.mark.parametrize("kind", ["readinto", "read"])
    def test_a_stream_and_an_opener(self, written: Any, kind: str) -> None:
        """Of anything that can be read."""

        class OnlyRead:
            def __init__(self) -> None:
                self.read = io.BytesIO(b"data").read

        def opened() -> Any:
            return io.BytesIO(b"data") if kind == "readinto" else OnlyRead()

        assert written(li.Layer.from_stream(opened(), compression=TAR)) == b"data"
        assert written(li.Layer.from_opener(opened, compression=TAR)) == b"data"

    def test_compressions(self, written: Any, app: Pushing) -> None:
        """gzip by default; zstd and none where asked for; each has its media type and the same diff_id."""
        media_types, diff_ids = [], []
        for compression in (li.Gzip(), li.Gzip(level=2), li.Zstd(level=1), TAR):
            written(li.Layer.from_files({"/a": b"a" * 5000}, compression=compression))
            media_types.append(app.json("1")["layers"][0]["mediaType"])
            diff_ids.append(app.config("1")["rootfs"]["diff_ids"])
        plain = LAYER.removesuffix("+gzip")
        assert media_types == [LAYER, LAYER, f"{plain}+zstd", plain]
        assert len({str(ids) for ids in diff_ids}) == 1

    def test_what_is_not_there_is_told_when_it_is_read(self, written: Any, tmp_path: Path) -> None:
        """Composing does not look; the write names the path and the line."""
        layer = li.Layer.from_tar(tmp_path / "absent.tar")
        with pytest.raises(SourceError, match=r"absent\.tar") as caught:
            written(layer)
        assert any("test_layers.py" in note for note in caught.value.__notes__)


class TestKeys:
    """Equal descriptions are equal layers."""

    def test_descriptions_are_compared(self, tmp_path: Path) -> None:
        """Path, settings and compression count."""
        layers = [
            li.Layer.from_tar(tmp_path / "a"),
            li.Layer.from_tar(tmp_path / "b"),
            li.Layer.from_tar(tmp_path / "a", compression=li.Gzip(level=0)),
            li.Layer.from_directory(tmp_path),
            li.Layer.from_directory(tmp_path, at="/app"),
            li.Layer.from_files({"/a": b"a"}),
            li.Layer.from_files({"/a": b"b"}),
            li.Layer.from_blob(tmp_path / "a"),
        ]
        assert len({layer.key for layer in layers}) == len(layers)
        assert li.Layer.from_tar(tmp_path / "x/../a") == layers[0]

    def test_streams_and_functions_are_themselves(self) -> None:
        """Unless a key is given, nothing tells that two are the same."""
        assert li.Layer.from_stream(io.BytesIO()) != li.Layer.from_stream(io.BytesIO())
        assert li.Layer.from_opener(io.BytesIO) != li.Layer.from_opener(io.BytesIO)
        assert li.Layer.from_opener(io.BytesIO, key="v1") == li.Layer.from_opener(io.BytesIO, key="v1")


class TestBlob:
    """A blob that is kept as it is, and may be vouched for."""

    BLOB = gzip.compress(bytes(10240), mtime=0)
    VOUCHED: dict[str, Any] = {  # noqa: RUF012 - read only
        "digest": sha256(BLOB),
        "diff_id": sha256(bytes(10240)),
        "size": len(BLOB),
    }

    def test_its_identity_is_read(self, tmp_path: Path) -> None:
        """Digest, size, diff_id and media type come out of one reading."""
        (tmp_path / "b").write_bytes(self.BLOB)
        identity = li.Layer.from_blob(tmp_path / "b").identity()
        assert (identity.digest, identity.diff_id, identity.size) == tuple(self.VOUCHED.values())
        assert identity.media_type == LAYER

    def test_vouched_for_it_is_not_opened(self, registry: li.Registry, app: Pushing, tmp_path: Path) -> None:
        """Its identity costs nothing, and where the blob is already, the file need not even be there."""
        layer = li.Layer.from_blob(tmp_path / "absent.tar.gz", **self.VOUCHED)
        assert (layer.digest(), layer.diff_id(), layer.size()) == tuple(self.VOUCHED.values())
        app.blob(self.BLOB)
        registry.clear()
        result = li.Image.empty().append(layer).write(f"{app.host}/app:1")
        assert result.opened == 0
        assert [one.digest for one in result.existing] == [layer.digest()]
        assert [request.method for request in registry.requests].count("HEAD") == 1

    def test_vouched_for_it_is_opened_to_be_uploaded(self, app: Pushing, tmp_path: Path) -> None:
        """And held against what was said of it."""
        (tmp_path / "b.tar.gz").write_bytes(self.BLOB)
        result = (
            li.Image.empty()
            .append(li.Layer.from_blob(tmp_path / "b.tar.gz", **self.VOUCHED))
            .write(f"{app.host}/app:1")
        )
        assert (result.opened, result.bytes_read) == (1, len(self.BLOB))
        assert app.bytes(app.json("1")["layers"][0]) == self.BLOB

    @pytest.mark.parametrize("wrong", [{"digest": sha256(b"")}, {"diff_id": sha256(b"")}, {"size": 1}])
    def test_what_is_not_so_fails_the_write(self, app: Pushing, tmp_path: Path, wrong: Any) -> None:
        """No manifest is sent."""
        (tmp_path / "b.tar.gz").write_bytes(self.BLOB)
        layer = li.Layer.from_blob(tmp_path / "b.tar.gz", **{**self.VOUCHED, **wrong})
        with pytest.raises(ContentMismatch):
            li.Image.empty().append(layer).write(f"{app.host}/app:1")
        with pytest.raises(LookupError):
            app.raw("1")

    def test_a_wrong_size_is_found_out_though_the_blob_is_there(self, app: Pushing, tmp_path: Path) -> None:
        """What the registry says of it is held against what was said: it is sent, and the error says why."""
        (tmp_path / "b.tar.gz").write_bytes(self.BLOB)
        app.blob(self.BLOB)
        layer = li.Layer.from_blob(tmp_path / "b.tar.gz", **{**self.VOUCHED, "size": 1})
        with pytest.raises(ContentMismatch, match="size=1 was given"):
            li.Image.empty().append(layer).write(f"{app.host}/app:1")

    @pytest.mark.parametrize("missing", ["digest", "diff_id", "size"])
    def test_half_of_it_is_refused(self, missing: str) -> None:
        """Two of the three would not spare the reading."""
        half = {name: value for name, value in self.VOUCHED.items() if name != missing}
        with pytest.raises(InvalidMutation, match="given together or not at all"):
            li.Layer.from_blob("b.tar.gz", **half)

    @pytest.mark.parametrize(
        ("name", "media_type"),
        [
            ("b.tar.gz", LAYER),
            ("b.tgz", LAYER),
            ("b.tar.zst", LAYER.replace("gzip", "zstd")),
            ("b.tar", LAYER.removesuffix("+gzip")),
        ],
    )
    def test_its_name_tells_how_it_is_compressed(self, name: str, media_type: str) -> None:
        """Because it is not opened for that."""
        assert li.Layer.from_blob(name, **self.VOUCHED).identity().media_type == media_type

    def test_a_name_that_tells_nothing(self) -> None:
        """Then the media type has to be said, and what is said counts."""
        with pytest.raises(InvalidMutation, match="give media_type="):
            li.Layer.from_blob("b", **self.VOUCHED)
        layer = li.Layer.from_blob("b.tar", media_type="application/x", **self.VOUCHED)
        assert layer.identity().media_type == "application/x"


class TestOfAnImage:
    """``image.layers()``."""

    def test_declared_and_new_ones(self, registry: li.Registry, base: Pushing) -> None:
        """Those of the base know what its documents say, and the new ones are those that were appended."""
        blobs = [b"layer 0", b"layer 1"]
        base.image("1", layers=blobs)
        new = li.Layer.from_files({"/a": b"a"})
        registry.clear()
        lower, upper, last = li.Image.from_registry(f"{base.host}/base:1").append(new).layers()
        assert last == new
        assert (lower.digest(), upper.size()) == (sha256(blobs[0]), len(blobs[1]))
        assert [request.method for request in registry.requests] == ["GET"]
        assert upper.diff_id() == config_of(blobs)["rootfs"]["diff_ids"][1]
        assert upper.identity().media_type == LAYER

    def test_one_of_them_in_another_image(self, base: Pushing, app: Pushing) -> None:
        """A layer of a base is mounted, not sent, and its diff_id is the declared one."""
        layer = li.Layer.from_files({"/a": b"a"})
        li.Image.empty().append(layer).write(f"{base.host}/base:1")
        [declared] = li.Image.from_registry(f"{base.host}/base:1").layers()
        result = li.Image.empty().append(declared).write(f"{app.host}/app:1")
        assert app.config("1")["rootfs"]["diff_ids"] == [layer.diff_id()]
        assert [one.digest for one in result.mounted] == [layer.digest()]

    @pytest.mark.parametrize(("docker", "other"), [(False, True), (True, False)])
    def test_it_takes_the_other_image_s_family_of_media_types(
        self,
        base: Pushing,
        app: Pushing,
        docker: bool,  # noqa: FBT001
        other: bool,  # noqa: FBT001
    ) -> None:
        """Docker's and OCI's names for one blob are both right, each in its place; annotations add up."""
        layer = li.Layer.from_files({"/a": b"a"})
        li.Image.empty(docker=docker).append(layer, annotations={"a": "1"}).write(f"{base.host}/base:1")
        [declared] = li.Image.from_registry(f"{base.host}/base:1").layers()
        li.Image.empty(docker=other).append(declared, annotations={"b": "2"}).write(f"{app.host}/app:1")
        first, second = (place.json("1")["layers"][0] for place in (base, app))
        assert first["digest"] == second["digest"]
        assert ("docker" in first["mediaType"], "docker" in second["mediaType"]) == (docker, other)
        assert second["annotations"] == {"a": "1", "b": "2"}

    def test_a_plan_knows_that_it_is_not_of_this_machine(self, base: Pushing, app: Pushing) -> None:
        """Nothing local is read for it."""
        base.image("1")
        [declared, _] = li.Image.from_registry(f"{base.host}/base:1").layers()
        steps = li.Image.empty().append(declared).plan(f"{app.host}/app:1").steps
        told = [step.what for step in steps if step.name == "Consume"]
        assert told == [f"Find, mount or copy the layers of {base.host}/base"]


class TestIdentity:
    """Digest, size and diff_id of what can be read again."""

    def test_each_asks_for_itself(self) -> None:
        """Each reading gives the same."""
        opened = []

        def opener() -> io.BytesIO:
            opened.append(1)
            return io.BytesIO(b"data")

        layer = li.Layer.from_opener(opener, compression=TAR)
        assert (layer.digest(), layer.diff_id(), layer.size()) == (sha256(b"data"), sha256(b"data"), 4)
        assert len(opened) == 3

    def test_an_engine_may_be_named(self) -> None:
        """It is the one that reads."""
        events = []
        layer = li.Layer.from_files({"/a": b"a"})
        with li.Engine(on_event=events.append) as engine:
            pass
        assert layer.identity(engine=engine).size == layer.size()
        assert events

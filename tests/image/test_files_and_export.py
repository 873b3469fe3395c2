"""Looking into images and layers: files, and the whole as a tar."""

from __future__ import annotations

import hashlib
import io
import threading
from pathlib import Path

import pytest
from support.layers import file, hardlink, layer, symlink

import lazyimg as li
from lazyimg.errors import ForcedInside, InvalidContent, NobodyConsumes, SourceError

LOWER = layer("etc/", file("etc/motd", b"old"), file("usr/lib/os-release", b"ID=base\n"), file("gone"))
UPPER = layer(file("etc/motd", b"new"), symlink("etc/os-release", "../usr/lib/os-release"), ".wh.gone")
PATHS = ["/etc", "/etc/motd", "/etc/os-release", "/usr", "/usr/lib", "/usr/lib/os-release"]


@pytest.fixture
def image(tmp_path: Path) -> li.Image:
    """Compose an image of two layers."""
    (tmp_path / "lower.tar").write_bytes(LOWER)
    (tmp_path / "upper.tar").write_bytes(UPPER)
    return li.Image.empty().append(li.Layer.from_tar("lower.tar"), li.Layer.from_tar("upper.tar"))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_files_of_an_image(image: li.Image) -> None:
    """They are those of a container: the upper layers' over the lower ones', without what is hidden."""
    with image.files() as files:
        assert list(files) == PATHS
        assert files["/etc/motd"].read() == b"new"
        assert files["/etc/os-release"].read() == b"ID=base\n"
        assert files["/etc/motd"].layer == 1


def test_files_of_a_registrys_image(image: li.Image, registry: li.Registry) -> None:
    """Of an image elsewhere each layer is fetched once, and files are read without another request."""
    image.write(f"{registry.host}/base:1")
    registry.clear()
    files = li.Image.from_registry(f"{registry.host}/base:1").files()
    fetched = [one.path for one in registry.requests if "/blobs/" in one.path]
    assert len(fetched) == 2
    registry.clear()
    assert files["/etc/motd"].read() == b"new"
    assert registry.requests == []


def test_files_of_a_layer(image: li.Image, registry: li.Registry) -> None:
    """A layer alone shows its own files, and what it hides."""
    (tmp := Path("x.tar")).write_bytes(layer("d/.wh..wh..opq", hardlink("a", "etc/motd"), ".wh.b"))
    with li.Layer.from_tar(tmp).files() as files:
        assert (list(files), files.whiteouts, files.opaque) == (["/a"], ("/b",), ("/d",))
    image.write(f"{registry.host}/base:1")
    _, upper = li.Image.from_registry(f"{registry.host}/base:1").layers()
    with upper.files() as files:
        assert list(files) == ["/etc", "/etc/motd", "/etc/os-release"]
        assert files.whiteouts == ("/gone",)


def test_files_of_nothing() -> None:
    """An image without layers has no files."""
    assert len(li.Image.empty().files()) == 0


def test_streams_are_not_used_up() -> None:
    """Looking into a stream would spend it, and is refused with what to do."""
    stream = li.Layer.from_stream(io.BytesIO(LOWER))
    for look in (stream.files, li.Image.empty().append(stream).flatten().files):
        with pytest.raises(NobodyConsumes, match="looking into it would use it up") as caught:
            look()
        assert "test_files_and_export.py" in str(caught.value)
    li.Image.empty().append(stream).write(li.OCILayout("out"))


def test_not_from_inside(image: li.Image) -> None:
    """A function that is being evaluated cannot look, as it cannot force anything."""

    def edit(config: li.ConfigFile) -> li.ConfigFile:
        image.files()
        return config

    with pytest.raises(ForcedInside):
        image.edit_config(edit).digest()


def test_refusals_leave_nothing(image: li.Image) -> None:
    """What cannot be merged says why, and gives its scratch space back."""
    Path("upper.tar").write_bytes(layer("../x"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(InvalidContent, match="goes up"):
        image.files()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_scratch_space_is_the_engines(image: li.Image) -> None:
    """The index lies in the engine's scratch directory; if that is missing it is named."""
    with li.Engine(scratch="missing"), pytest.raises(SourceError, match="missing"):
        image.files()
    with li.Engine(scratch="missing"), pytest.raises(SourceError, match="missing"):
        image.flatten().digest()


# --- export ------------------------------------------------------------------------------------------


def test_export(image: li.Image) -> None:
    """The tar that is exported is the one that a flattened image's layer holds."""
    image.export("rootfs.tar")
    digest = hashlib.sha256(Path("rootfs.tar").read_bytes()).hexdigest()
    assert image.flatten().layers()[0].diff_id().encoded == digest
    image.export(Path("again.tar"))
    assert Path("again.tar").read_bytes() == Path("rootfs.tar").read_bytes()
    assert sorted(path.name for path in Path().iterdir()) == [
        "again.tar",
        "lower.tar",
        "rootfs.tar",
        "upper.tar",
    ]


class Slow(io.RawIOBase):
    """A file that takes a few bytes at a time."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: memoryview) -> int:  # type: ignore[override]  # a buffer is what it is given
        """Take some."""
        self.data += data[:100]
        return len(data[:100])


def test_export_to_a_file_object(image: li.Image) -> None:
    """Anything with ``write`` is written to, even if it takes less than it is given, and is not closed."""
    slow, fast = Slow(), io.BytesIO()
    image.export(slow)  # type: ignore[arg-type]  # a raw file will do
    image.export(fast)
    assert slow.data == fast.getvalue()
    assert not slow.closed


def test_export_that_fails(image: li.Image) -> None:
    """A failed export leaves the old file, and no half of a new one."""
    Path("rootfs.tar").write_bytes(b"old")
    Path("upper.tar").write_bytes(b"no tar" * 100)
    with pytest.raises(InvalidContent):
        image.export("rootfs.tar")
    assert Path("rootfs.tar").read_bytes() == b"old"
    assert sorted(path.name for path in Path().iterdir()) == ["lower.tar", "rootfs.tar", "upper.tar"]


def test_export_to_where_nothing_can_be(image: li.Image, opened: list[str]) -> None:
    """A target that cannot be written is known before anything is read."""
    with pytest.raises(FileNotFoundError):
        image.export("missing/rootfs.tar")
    assert not [path for path in opened if path.endswith(("lower.tar", "upper.tar"))]


def test_many_threads_look_at_once(image: li.Image) -> None:
    """Any number of threads may force and look with one engine."""
    seen = []

    def look() -> None:
        seen.append(image.files()["/etc/motd"].read())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [b"new"] * 4

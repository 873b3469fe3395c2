"""What all sources have in common: refused writes, pickles, pinning, one opening a run."""

from __future__ import annotations

import gzip
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from support.images import sha256
from support.layouts import Laying, Saving, tar_of

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.images import Pushing

TAR = tar_of({"a": b"1" * 5000})
SOURCES: dict[str, Callable[[Path], li.Image]] = {
    "layout": lambda at: li.Image.from_layout(at / "layout"),
    "layout by tag": lambda at: li.Image.from_layout(at / "layout", "1"),
    "index of a layout": lambda at: li.Index.from_layout(at / "index", "1").select("linux/amd64"),
    "archive": lambda at: li.Image.from_archive(at / "oci.tar"),
    "index of an archive": lambda at: li.Index.from_archive(at / "index.tar", "1").select("linux/amd64"),
    "compressed archive": lambda at: li.Image.from_archive(at / "oci.tar.gz"),
    "saved": lambda at: li.Image.from_archive(at / "saved.tar"),
    "saved by tag": lambda at: li.Image.from_archive(at / "saved.tar", "app:1"),
    "bytes": lambda _: li.Image.empty().append(li.Layer.from_bytes(TAR)),
    "url": lambda at: li.Image.empty().append(li.Layer.from_url(f"file://{at}/layer.tar")),
    "random": lambda _: li.Image.random(1, size=5000),
}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Give a directory with one image in every form."""
    laying, index, saving = Laying(), Laying(), Saving()
    laying.image("1", trees=[{"a": b"1" * 5000}], label="made")
    index.index("1", children=[(index.image(label="made"), "linux/amd64")])
    saving.image("app:1", trees=[{"a": b"1" * 5000}], label="made")
    laying.write(tmp_path / "layout")
    index.write(tmp_path / "index")
    (tmp_path / "index.tar").write_bytes(index.tar())
    (tmp_path / "oci.tar").write_bytes(laying.tar())
    (tmp_path / "oci.tar.gz").write_bytes(gzip.compress(laying.tar()))
    (tmp_path / "saved.tar").write_bytes(saving.tar())
    (tmp_path / "layer.tar").write_bytes(TAR)
    return tmp_path


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest, made: Path) -> li.Image:
    """Give an image of each source in turn."""
    return SOURCES[request.param](made)


def test_it_arrives(source: li.Image, app: Pushing) -> None:
    """Written, it has the digest that it was said to have, and every blob is there."""
    digest = source.digest()
    assert source.write(f"{app.host}/app:1").digest == digest == sha256(app.raw("1"))
    manifest = app.json("1")
    for blob in (manifest["config"], *manifest["layers"]):
        assert sha256(app.bytes(blob)) == blob["digest"]


def test_denied_it_is_not_touched(source: li.Image, made: Path, opened: list[str]) -> None:
    """A refused session opens no file of it."""
    image = source.append(li.Layer.from_bytes(TAR))
    with li.Registry(read_only=True) as registry:
        opened.clear()
        with pytest.raises(PermissionError):
            image.write(f"{registry.host}/app:1")
    assert not [path for path in opened if path.startswith(str(made))]


def test_a_pickle_is_the_same(source: li.Image) -> None:
    """The recipe travels, and not what it reads."""
    again = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own
    assert again == source
    assert again.digest() == source.digest()


def test_each_file_is_opened_once(source: li.Image, made: Path, app: Pushing, opened: list[str]) -> None:
    """Also the archives, whatever is read of them."""
    image = source.configure(user="me")
    opened.clear()
    image.write(f"{app.host}/app:1")
    files = [path for path in opened if path.startswith(str(made)) and not path.endswith(("layout", "index"))]
    assert len(files) == len(set(files))


class TestPin:
    """A tag of a layout, an archive or a daemon moves like any other."""

    def test_a_layout(self, tmp_path: Path) -> None:
        """Pinned, it stays what it was."""
        image = li.Image.from_layout(tmp_path, "1")
        index = li.Index.from_layout(tmp_path, "all")
        first, second = Laying(), Laying()
        first.index("all", children=[(first.image("1", label="first"), "linux/amd64")])
        first.write(tmp_path)
        pinned, pinned_index = image.pin(), index.pin()
        assert pinned.pin() == pinned
        second.files = first.files
        second.index("all", children=[])
        second.image("1", label="second")
        second.write(tmp_path)
        assert image.config().labels == {"is": "second"}
        assert pinned.config().labels == {"is": "first"}
        assert len(pinned_index.manifest().manifests) == 1
        assert len(index.manifest().manifests) == 0

    @pytest.mark.parametrize("make", [Laying, Saving])
    def test_an_archive(self, tmp_path: Path, make: Any) -> None:
        """Overwritten with another image, it is found out."""
        image = li.Image.from_archive(tmp_path / "a.tar", "app:1")
        for label in ("first", "second"):
            made = make()
            made.image("app:1", label=label)
            (tmp_path / "a.tar").write_bytes(made.tar())
            if label == "first":
                pinned = image.pin()
                assert pinned.digest() == image.digest()
                assert pinned.pin() == pinned
        assert image.config().labels == {"is": "second"}
        with pytest.raises(LookupError, match="it has app:1"):
            pinned.digest()

    def test_a_saved_image_whose_names_say_nothing(self, tmp_path: Path) -> None:
        """Its config's digest is worked out."""
        saving = Saving()
        config = saving.image()
        saving.files["config.json"] = saving.files.pop(saving.images[0]["Config"])
        saving.images[0]["Config"] = "config.json"
        (tmp_path / "a.tar").write_bytes(saving.tar())
        pinned = li.Image.from_archive(tmp_path / "a.tar").pin()
        assert pinned.parameters["tag"] == sha256(config)
        assert pinned.config().to_bytes() == config

    def test_an_index_in_an_archive(self, tmp_path: Path) -> None:
        """By the index's own digest."""
        laying = Laying()
        laying.index("1", children=[])
        (tmp_path / "a.tar").write_bytes(laying.tar())
        index = li.Index.from_archive(tmp_path / "a.tar", "1")
        assert index.pin().parameters["tag"] == index.digest()

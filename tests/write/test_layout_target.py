"""Writing to an OCI layout."""

from __future__ import annotations

import fcntl
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.images import described, sha256, text_of

import lazyimg as li
from lazyimg.errors import ContentMismatch, LayoutError, LayoutUnwritable
from lazyimg.thunk import scheduler
from lazyimg.thunk.events import Ended, Event
from lazyimg.write import session

if TYPE_CHECKING:
    from support.images import Pushing

REF_NAME = "org.opencontainers.image.ref.name"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Give a directory that is not there yet."""
    return tmp_path / "out"


def index_of(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "index.json").read_bytes())["manifests"]
    return found


def blob(out: Path, digest: str) -> bytes:
    return (out / "blobs" / digest.replace(":", "/")).read_bytes()


def test_everything_lies_under_its_digest(out: Path) -> None:
    """Manifest, config and layers; the index names the manifest."""
    layer = li.Layer.from_files({"/a": b"a"})
    result = li.Image.empty().append(layer).configure(user="1").write(li.OCILayout(out, tag="v1"))
    [entry] = index_of(out)
    assert entry == {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": result.digest,
        "size": result.descriptor.size,
        "annotations": {REF_NAME: "v1"},
    }
    manifest = json.loads(blob(out, entry["digest"]))
    assert json.loads(blob(out, manifest["config"]["digest"]))["config"] == {"User": "1"}
    for one in (entry, manifest["config"], *manifest["layers"]):
        assert sha256(blob(out, one["digest"])) == one["digest"]
        assert len(blob(out, one["digest"])) == one["size"]
    assert len(list((out / "blobs/sha256").iterdir())) == 3


@pytest.mark.parametrize(
    ("tag", "names"), [(None, [None]), ("v1", ["v1"]), (("v1", "v2"), ["v1", "v2"]), (["v1"], ["v1"])]
)
def test_tags(out: Path, tag: Any, names: list[str | None]) -> None:
    """None, one, or several."""
    result = li.Image.empty().write(li.OCILayout(out, tag=tag))
    assert [entry.get("annotations", {}).get(REF_NAME) for entry in index_of(out)] == names
    assert result.targets[0].tags == tuple(name for name in names if name)


def test_a_tag_is_replaced_and_others_stay(out: Path) -> None:
    """As a tag of a registry; the old blobs stay."""
    old = li.Image.empty().annotate({"a": "old"})
    old.write(li.OCILayout(out, tag=("v1", "stable")))
    new = li.Image.empty().annotate({"a": "new"}).write(li.OCILayout(out, tag="v1"))
    assert {entry["annotations"][REF_NAME]: entry["digest"] for entry in index_of(out)} == {
        "stable": old.digest(),
        "v1": new.digest,
    }
    assert blob(out, old.digest())


def test_again_writes_nothing_but_the_index(out: Path) -> None:
    """What is in place is found there."""
    image = li.Image.empty().configure(user="1")
    image.write(li.OCILayout(out, tag="v1"))
    before = {path: path.stat().st_mtime_ns for path in (out / "blobs/sha256").iterdir()}
    result = image.write(li.OCILayout(out, tag="v1"))
    assert (result.uploaded, result.bytes_sent) == ((), 0)
    assert {one.digest for one in result.existing} == {result.digest, image.manifest().config.digest}
    assert {path: path.stat().st_mtime_ns for path in (out / "blobs/sha256").iterdir()} == before


def test_an_image_of_a_registry_is_downloaded(base: Pushing, out: Path) -> None:
    """To the byte; a blob that is there is not asked for."""
    pushed = base.image("1")
    image = li.Image.from_registry(f"{base.host}/base:1")
    result = image.write(li.OCILayout(out))
    assert blob(out, result.digest) == text_of(pushed)
    assert blob(out, pushed["layers"][1]["digest"]) == b"layer 1"
    assert (len(result.uploaded), result.existing) == (4, ())
    assert image.annotate({"a": "b"}).write(li.OCILayout(out)).existing != ()


def test_a_download_that_is_not_what_it_should_be(base: Pushing, out: Path) -> None:
    """It has no name afterwards, and neither has the image."""
    pushed = base.image("1", layers=[b"layer 0"])
    base.manifest({**pushed, "layers": [{**pushed["layers"][0], "size": 3}]}, "wrong")
    with pytest.raises(ContentMismatch):
        li.Image.from_registry(f"{base.host}/base:wrong").write(li.OCILayout(out, tag="v1"))
    assert not (out / "index.json").exists()
    assert sha256(b"layer 0").removeprefix("sha256:") not in {
        p.name for p in (out / "blobs/sha256").iterdir()
    }


def test_what_may_not_be_distributed_stays(base: Pushing, out: Path) -> None:
    """A foreign layer is left where its URLs point."""
    foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    pushed = base.image(layers=[b"x"])
    entry = described(b"foreign", foreign, urls=["https://foreign.invalid/layer"])
    base.manifest({**pushed, "layers": [entry]}, "1")
    result = li.Image.from_registry(f"{base.host}/base:1").write(li.OCILayout(out))
    assert [one.digest for one in result.targets[0].skipped] == [entry["digest"]]
    assert not (out / "blobs" / entry["digest"].replace(":", "/")).exists()


def test_beside_a_registry(app: Pushing, out: Path) -> None:
    """One reading, two places; what the layout has itself put there is not said to have been there."""
    image = li.Image.empty().append(li.Layer.from_files({"/a": b"a"}))
    result = image.write(li.OCILayout(out, tag="v1"), f"{app.host}/app:1")
    assert blob(out, result.digest) == app.raw("1")
    layout, registry = result.targets
    assert (len(layout.uploaded), layout.existing) == (3, ())
    assert layout.bytes_sent == image.size()
    assert registry.existing == ()
    assert (result.opened, result.reference) == (1, f"{out}:v1@{result.digest}")


def test_a_target_is_a_value(tmp_path: Path, monkeypatch: Any) -> None:
    """Its path is made absolute at once, and it touches nothing."""
    monkeypatch.chdir(tmp_path)
    target = li.OCILayout("out", tag="v1")
    assert (target.path, str(target), str(target.site)) == (
        tmp_path / "out",
        f"{tmp_path}/out:v1",
        f"{tmp_path}/out",
    )
    assert str(li.OCILayout("~/out").path) == f"{Path.home()}/out"
    assert target == li.OCILayout(tmp_path / "out", tag=["v1"])
    assert not (tmp_path / "out").exists()


def test_a_directory_with_something_else_is_refused_first(tmp_path: Path) -> None:
    """Before any source is opened."""
    (tmp_path / "precious").touch()
    opened = []
    layer = li.Layer.from_opener(lambda: opened.append(1))
    with pytest.raises(LayoutError) as caught:
        li.Image.empty().append(layer).write(li.OCILayout(tmp_path))
    assert not opened
    assert "no local source was opened" in caught.value.__notes__


def test_a_place_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    """A file where the directory would be."""
    (tmp_path / "file").touch()
    opened = []
    layer = li.Layer.from_opener(lambda: opened.append(1))
    with pytest.raises(LayoutUnwritable):
        li.Image.empty().append(layer).write(li.OCILayout(tmp_path / "file"))
    assert not opened


def test_a_write_that_was_ended_while_it_waited_moves_nothing(
    app: Pushing, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer holds the layout; when it lets go, what was given up stays so."""
    monkeypatch.setattr(scheduler, "INTERRUPTED_GRACE", 0.2)
    monkeypatch.setattr(session, "ABORT_TIME", 0.2)
    li.Image.empty().write(li.OCILayout(out, tag="a"))
    before = (out / "index.json").read_bytes()

    def interrupt(event: Event) -> None:
        if isinstance(event, Ended) and event.name == "Publish":
            raise KeyboardInterrupt

    with (out / ".lazyimg-lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with li.Engine(on_event=interrupt), pytest.raises(KeyboardInterrupt) as caught:
            li.Image.empty().write(f"{app.host}/app:1", li.OCILayout(out, tag="b"))
        workers = [thread for thread in threading.enumerate() if thread.name.startswith("lazyimg-worker")]
        assert workers
    for thread in workers:
        thread.join(20)
        assert not thread.is_alive()
    assert "tag b: unknown" in "".join(caught.value.__notes__)  # as it was then
    assert (out / "index.json").read_bytes() == before
